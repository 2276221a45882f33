package guest

import (
	"encoding/json"
	"io"
	"os"
	"sync"
)

// monitor is the host's end of QEMU's own channel (QMP, docs/interop/qmp-spec). There QEMU reports
// that it is up and why a guest ended: a program that exits with status 0 may not have run one.
type monitor struct {
	mu sync.Mutex
	// greeted: QEMU is up. ready: it reports events from now on.
	greeted, ready bool
	// ended: the guest itself reset the machine or powered it off.
	ended bool
}

// capabilities asks QEMU to report events. It is written before QEMU is started.
const capabilities = `{"execute": "qmp_capabilities"}` + "\n"

// maxMonitor is how many bytes of QEMU's are read; a boot has some hundred.
const maxMonitor = 1 << 20

// read reads what QEMU reports until its end, or until something that is not JSON.
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

// quit reports whether a QEMU that exited with status 0 did so on its own. A guest that reset before
// QEMU was ready to report it gets the benefit of the doubt.
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
