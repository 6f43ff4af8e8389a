package ofconn

import "errors"

var errReconnect = errors.New("the switch's datapath id has changed")

// Reconnect ends the connections of all controllers, so that they shake hands again
// and learn what has changed and has no message of its own. Those that we have dialled
// are dialled again.
func (m *Manager) Reconnect() {
	for _, c := range m.established() {
		if !c.tool {
			c.close(errReconnect)
		}
	}
}
