//go:build !amd64

package guest

// counter is 0: this processor has no time stamp counter as an x86 has.
func counter() int64 { return 0 }
