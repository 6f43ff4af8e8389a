package ofconn

import "time"

// FailMode says what a switch does that has controllers configured and none
// connected.
type FailMode uint8

const (
	// FailStandalone: forward by itself, like an ordinary switch, until one is
	// back. The default.
	FailStandalone FailMode = iota
	// FailSecure: go on with the flows that are there, which still expire.
	FailSecure
)

func (f FailMode) String() string {
	if f == FailSecure {
		return "secure"
	}
	return "standalone"
}

// SetFailMode changes the fail mode.
func (m *Manager) SetFailMode(f FailMode) {
	m.mu.Lock()
	m.failMode = f
	m.mu.Unlock()
	signal(m.changed)
}

// FailOpen says whether the switch has been told to forward by itself.
func (m *Manager) FailOpen() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failOpen
}

// watch calls OnConnected and OnFailOpen, from NewManager to Close.
func (m *Manager) watch() {
	defer close(m.watched)
	told := 0
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		m.mu.Lock()
		connected := m.connected
		want, wait := m.wantFailOpenLocked(time.Now())
		turn := want != m.failOpen
		m.failOpen = want
		m.mu.Unlock()
		if turn {
			if want {
				m.log.Warn("no controller can be reached: the bridge learns and forwards by itself")
			} else {
				m.log.Info("the bridge no longer forwards by itself")
			}
			if m.o.OnFailOpen != nil {
				m.o.OnFailOpen(want)
			}
		}
		if connected != told {
			told = connected
			if m.o.OnConnected != nil {
				m.o.OnConnected(connected)
			}
		}
		var later <-chan time.Time
		if wait > 0 {
			timer.Reset(wait)
			later = timer.C
		}
		select {
		case <-m.changed:
		case <-later:
		case <-m.done:
			return
		}
	}
}

// wantFailOpenLocked says whether the switch should forward by itself now, and
// if not, in how long it should; 0: not for as long as nothing changes.
func (m *Manager) wantFailOpenLocked(now time.Time) (bool, time.Duration) {
	if m.closed || m.failMode != FailStandalone || len(m.dialers) == 0 || m.connected > 0 {
		return false, 0
	}
	if m.failOpen {
		return true, 0
	}
	var probe time.Duration
	for _, d := range m.dialers {
		probe = max(probe, d.config().InactivityProbe)
	}
	if probe == 0 {
		probe = DefaultInactivityProbe // all probes are off
	}
	wait := m.lonelySince.Add(failOpenProbes * probe).Sub(now)
	return wait <= 0, max(wait, 0)
}
