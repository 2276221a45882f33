package wire

import "fmt"

// Exit is how a program ended.
type Exit struct {
	// Code is the exit code as a shell reports it: the status, or 128 and the number of the
	// signal. At a limit it is 124, as timeout(1) returns; 126 if the program could not be
	// executed, 127 if there is none.
	Code int `json:"code"`
	// Signal is the name of the signal that ended it, such as SIGSEGV.
	Signal string `json:"signal,omitempty"`
	// Limit says which limit ended it.
	Limit string `json:"limit,omitempty"`
	// Unstarted says why it was not started.
	Unstarted string `json:"unstarted,omitempty"`
	// Said is the most telling line of its output.
	Said string `json:"said,omitempty"`
	// Note says what was lost of the files to send back.
	Note string `json:"note,omitempty"`
}

// String returns how the program ended, in a few words.
func (e Exit) String() string {
	switch {
	case e.Unstarted != "":
		return "not started: " + e.Unstarted
	case e.Limit != "":
		return e.Limit
	case e.Signal != "":
		return "killed by " + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.Code)
}
