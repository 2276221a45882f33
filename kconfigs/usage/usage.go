// Package usage marks mistakes of the user: on the command line, or in a file that it names. It
// runs on the host.
package usage

import "fmt"

// Error is a mistake of the user.
type Error struct{ Err error }

func (e Error) Error() string { return e.Err.Error() }

// Unwrap returns the error that it marks.
func (e Error) Unwrap() error { return e.Err }

// Errorf is fmt.Errorf, marked.
func Errorf(format string, args ...any) error { return Error{fmt.Errorf(format, args...)} }
