package l2

// AddStatic has the table know an address until DeleteStatic, FlushPort or another
// AddStatic of it: it neither ages nor moves, and Flush and eviction leave it. Static
// entries do not count towards the table's bound.
func (t *FDB) AddStatic(vlan uint16, mac MAC, port uint32, now int64) {
	mac &= Broadcast
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.Lookup(vlan, mac); e != nil {
		if e.static {
			t.removeStaticLocked(e)
		} else {
			t.removeLocked(e)
		}
	}
	e := &Entry{VLAN: vlan, MAC: mac, static: true}
	e.port.Store(port)
	e.lastUsed.Store(now)
	t.table.Load().add(e)
	if t.statics == nil {
		t.statics = map[*Entry]bool{}
	}
	t.statics[e] = true
}

// DeleteStatic takes a static entry out, and says whether there was one.
func (t *FDB) DeleteStatic(vlan uint16, mac MAC) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.Lookup(vlan, mac&Broadcast)
	if e == nil || !e.static {
		return false
	}
	t.removeStaticLocked(e)
	return true
}

// Static says whether the entry was given, not learnt.
func (e *Entry) Static() bool { return e.static }

func (t *FDB) removeStaticLocked(e *Entry) {
	t.table.Load().remove(e)
	e.dead.Store(true)
	delete(t.statics, e)
}

// flushStaticsLocked takes out the static entries of one port.
func (t *FDB) flushStaticsLocked(port uint32) (n int) {
	for e := range t.statics { // deleting from a map while ranging is fine
		if e.Port() == port {
			t.removeStaticLocked(e)
			n++
		}
	}
	return n
}

// ClearStats sets what Stats counts to zero.
func (t *FDB) ClearStats() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learnt, t.moved, t.expired, t.evicted = 0, 0, 0, 0
}
