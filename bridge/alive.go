package bridge

// Alive returns when the switch is at work: a change to its configuration that
// was in progress is made, and each forwarding thread is idle or has begun
// another batch. It blocks for as long as that is not so; a watchdog asks it.
func (s *Switch) Alive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.dp.Sync()
	}
}
