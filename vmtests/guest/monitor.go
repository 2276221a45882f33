package guest

import (
	"encoding/json"
	"io"
	"os"
	"sync"
)

// monitor is the host's end of QEMU's own channel (QMP, docs/interop/qmp-spec). QEMU says
// there that it is up, and why a guest ended: a program that ends with status 0 may have run
// none.
type monitor struct {
	mu sync.Mutex
	// greeted: QEMU has come up. ready: it tells of events from now on.
	greeted, ready bool
	// ended: the guest itself had the machine end, by a reset or a power-off.
	ended bool
}

// capabilities has QEMU tell of events. It is written before QEMU is started.
const capabilities = `{"execute": "qmp_capabilities"}` + "\n"

// maxMonitor is how many bytes of QEMU's own are read; a boot has some hundred.
const maxMonitor = 1 << 20

// read takes what QEMU says until its end. What is no JSON ends it: then nothing is known.
func (m *monitor) read(r io.Reader) {
	in := json.NewDecoder(io.LimitReader(r, maxMonitor))
	for {
		var said struct {
			QMP    json.RawMessage
			Return json.RawMessage `json:"return"`
			Event  string          `json:"event"`
			Data   struct {
				Guest bool `json:"guest"`
			} `json:"data"`
		}
		if in.Decode(&said) != nil {
			return
		}
		m.mu.Lock()
		m.greeted = m.greeted || said.QMP != nil
		m.ready = m.ready || said.Return != nil
		m.ended = m.ended || said.Event == "SHUTDOWN" && said.Data.Guest
		m.mu.Unlock()
	}
}

// quit reports whether a QEMU that ended with status 0 did so by itself. A guest that reset
// before QEMU was ready to tell of it is believed to have done so.
func (m *monitor) quit() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.greeted || m.ready && !m.ended
}

// openMonitor opens the channel.
func openMonitor() (io.ReadCloser, *os.File, error) {
	host, guest, err := openSocket()
	if err != nil {
		return nil, nil, err
	}
	if _, err := host.(*os.File).WriteString(capabilities); err != nil {
		host.Close()
		guest.Close()
		return nil, nil, err
	}
	return host, guest, nil
}
