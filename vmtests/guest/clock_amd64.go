package guest

// counter reads the processor's time stamp counter.
func counter() int64
