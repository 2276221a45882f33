package wire

// The numbers of a finding of PerfFamily. Latencies are in microseconds, of a byte that
// goes to another thread and comes back; throughputs in millions of bytes a second. Each is
// the median over Repeats, and low and high are the ends of the 95 % confidence interval
// of that median, by order statistics. Under emulation only ratios mean something: TripX and
// MBsX are latency and throughput as multiples of those of a pipe, with which the repeats
// took turns.
const (
	TripX     = "latency_x_pipe"
	TripXLow  = "latency_x_pipe_low"
	TripXHigh = "latency_x_pipe_high"
	MBsX      = "mb_s_x_pipe"
	MBsXLow   = "mb_s_x_pipe_low"
	MBsXHigh  = "mb_s_x_pipe_high"
	P50       = "p50_us"
	P50Low    = "p50_low_us"
	P50High   = "p50_high_us"
	P90       = "p90_us"
	P99       = "p99_us"
	MBs       = "mb_s"
	MBsLow    = "mb_s_low"
	MBsHigh   = "mb_s_high"
	// Repeats is how often both were measured, Trips how many round trips a repeat has.
	Repeats = "repeats"
	Trips   = "round_trips"
)
