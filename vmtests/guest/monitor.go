package guest

import (
	"encoding/json"
	"io"
	"os"
	"sync"
)

// monitor is the host's end of QEMU's monitor channel (QMP, docs/interop/qmp-spec). QEMU reports
// there that it is up and why a guest ended: exit status 0 does not prove that a guest ran.
type monitor struct {
	mu sync.Mutex
	// greeted: QEMU is up. ready: it reports events.
	greeted, ready bool
	// ended: the guest itself reset the machine or powered it off.
	ended bool
}

// capabilities asks QEMU to report events. It is written before QEMU is started.
const capabilities = `{"execute": "qmp_capabilities"}` + "\n"

// maxMonitor bounds what is read from QEMU, in bytes; a boot sends a few hundred.
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

// quit reports whether a QEMU that exited with status 0 did so without the guest. If QEMU was up
// but not yet ready to report events, the guest is assumed to have reset.
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
