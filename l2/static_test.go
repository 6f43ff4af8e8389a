package l2

import "testing"

// TestStatic holds that a static entry neither moves, ages nor leaves the table but
// by DeleteStatic, FlushPort or another AddStatic, and takes nobody's room.
func TestStatic(t *testing.T) {
	fdb := NewFDB(2, 0)
	const mac, other = 0x020000000001, 0x020000000002
	learnt, _ := fdb.Learn(5, mac, 1, 10)
	fdb.AddStatic(5, mac, 3, 20)
	if learnt.Alive() {
		t.Error("the learnt entry is still alive")
	}
	e, changed := fdb.Learn(5, mac, 1, 30)
	if e == nil || changed || e.Port() != 3 || !e.Static() {
		t.Errorf("a frame moved it: %+v, changed %v", e, changed)
	}
	for i := range MAC(10) {
		fdb.Learn(5, other+i, 1, 40)
	}
	fdb.Expire(1 << 60)
	fdb.Flush()
	if s := fdb.Stats(); fdb.Lookup(5, mac) != e || s.Entries != 1 || s.Static != 1 {
		t.Errorf("it went: %+v, %+v", fdb.Lookup(5, mac), s)
	}
	if rows := fdb.List(50); len(rows) != 1 || !rows[0].Static || rows[0].Port != 3 {
		t.Errorf("list %+v", rows)
	}
	fdb.AddStatic(5, mac, 4, 60)
	if e.Alive() || fdb.Lookup(5, mac).Port() != 4 || fdb.Stats().Static != 1 {
		t.Errorf("not replaced: %+v", fdb.Lookup(5, mac))
	}
	if fdb.FlushPort(3) != 0 || fdb.FlushPort(4) != 1 || fdb.Lookup(5, mac) != nil {
		t.Error("FlushPort took another, or left it")
	}
	fdb.AddStatic(0, mac, 1, 70)
	fdb.Learn(0, other, 1, 70)
	if fdb.DeleteStatic(0, other) || fdb.DeleteStatic(1, mac) || !fdb.DeleteStatic(0, mac) || fdb.DeleteStatic(0, mac) {
		t.Error("DeleteStatic took what is not static, or not what is")
	}
	fdb.ClearStats()
	if s := fdb.Stats(); s.Learnt+s.Moved+s.Expired+s.Evicted != 0 || s.Entries != 1 {
		t.Errorf("after ClearStats: %+v", s)
	}
}
