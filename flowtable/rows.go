package flowtable

import (
	"slices"

	"ofswitch/ofp"
)

// rows are the entries of a table side by side, hidden ones apart, with what deletes select
// them by beside the match: the cookie, and the ports that they send to. So a delete by cookie or by
// port reads 12 bytes for each entry that there is, one after the other, and looks at those
// entries alone that it may be about; and one of all entries reads none of them. The writer's.
//
// Price: 20 bytes an entry, 24 where some have timeouts.
type rows struct {
	pages []*rowPage
	n     int
}

// pageRows is the number of rows in a page: small beside a table that is large, and nothing
// is copied when it grows.
const pageRows = 256

type rowPage struct {
	entries [pageRows]*Entry
	cookies [pageRows]uint64
	sends   [pageRows]uint32 // sendsTo of each
	// timers are the places in the heap of timeouts plus 1, 0: not in it; nil: none is. groups are
	// which heap that is, where there are several.
	timers, groups *[pageRows]int32
}

func (r *rows) page(row int32) (*rowPage, int) { return r.pages[row/pageRows], int(row % pageRows) }

func (r *rows) entry(row int32) *Entry {
	p, i := r.page(row)
	return p.entries[i]
}

// add gives e a row.
func (r *rows) add(e *Entry) {
	row := int32(r.n)
	if r.n == len(r.pages)*pageRows {
		r.pages = append(r.pages, new(rowPage))
	}
	r.n++
	r.set(row, e)
}

func (r *rows) set(row int32, e *Entry) {
	p, i := r.page(row)
	p.entries[i], p.cookies[i], p.sends[i] = e, e.Cookie, sendsTo(e.Instructions)
	e.row = row + 1
}

// replace puts next in the place of e, whose timer it takes over.
func (r *rows) replace(e, next *Entry) {
	r.set(e.row-1, next)
	e.row = 0
}

// setCookie is for an entry whose cookie changes before anybody sees it.
func (r *rows) setCookie(e *Entry) {
	p, i := r.page(e.row - 1)
	p.cookies[i] = e.Cookie
}

// drop takes away the last row.
func (r *rows) drop() {
	r.n--
	p, i := r.page(int32(r.n))
	p.entries[i] = nil
	// One page is kept, for the next entry.
	if used := (r.n + pageRows - 1) / pageRows; used+1 < len(r.pages) {
		r.pages[len(r.pages)-1] = nil
		r.pages = r.pages[:len(r.pages)-1]
		if cap(r.pages) > 64 && len(r.pages) < cap(r.pages)/4 {
			r.pages = slices.Clone(r.pages)
		}
	}
}

func sendBit(port ofp.PortNo) uint32 { return 1 << (port % 32) }

// sendsTo is a bit for each port that the instructions send to, of which several may
// share one.
func sendsTo(ins *ofp.Instructions) (bits uint32) {
	for _, list := range [2][]ofp.Action{ins.Apply, ins.Write} {
		for _, a := range list {
			switch a := a.(type) {
			case ofp.Output:
				bits |= sendBit(a.Port)
			case ofp.Enqueue:
				bits |= sendBit(a.Port)
			}
		}
	}
	return bits
}

// each calls fn for every entry that may pass f, in the order of the rows, until it
// returns false.
func (r *rows) each(f *filter, fn func(*Entry) bool) {
	var send uint32 // what an entry must have
	if f.outPort != ofp.PortAny {
		send = sendBit(f.outPort)
	}
	for at, p := range r.pages {
		n := min(r.n-at*pageRows, pageRows)
		if n <= 0 {
			return
		}
		cookies, sends := p.cookies[:n], p.sends[:n]
		for i, c := range cookies {
			if (c^f.cookie)&f.cookieMask == 0 && sends[i]&send == send && !fn(p.entries[i]) {
				return
			}
		}
	}
}

// put gives e a row and, if it has a timeout, a timer.
func (t *Tables) put(tb *Table, e *Entry) {
	tb.rows.add(e)
	tb.addTimer(e)
	if tb.timers.n > 0 && !tb.timed {
		tb.timed = true
		t.timed = append(t.timed, tb)
	}
}

// takeOut takes e's row and its timer away. The last row moves there.
func (tb *Table) takeOut(e *Entry) {
	row := e.row - 1
	tb.removeTimer(row)
	e.row = 0
	last := int32(tb.rows.n - 1)
	if row != last {
		p, i := tb.rows.page(row)
		q, j := tb.rows.page(last)
		moved := q.entries[j]
		p.entries[i], p.cookies[i], p.sends[i] = moved, q.cookies[j], q.sends[j]
		moved.row = row + 1
		tb.moveTimer(last, row)
	}
	tb.rows.drop()
}

// takeOutMany is takeOut for some of the table's entries, each once. Of most of them it costs
// less than one by one.
func (tb *Table) takeOutMany(entries []*Entry) {
	if len(entries) < tb.rows.n/8 || tb.rows.n <= pageRows {
		for _, e := range entries {
			tb.takeOut(e)
		}
		return
	}
	if len(entries) < tb.rows.n {
		// Those that stay, one after the other, and their timers.
		for _, e := range entries {
			p, i := tb.rows.page(e.row - 1)
			p.entries[i] = nil
			e.row = 0
		}
		tb.packRows()
		return
	}
	for _, e := range entries {
		e.row = 0
	}
	tb.rows = rows{}
	tb.timers.reset(len(tb.groupBy) > 0)
}

// packRows moves the rows that have an entry together, and drops the timers of the others.
func (tb *Table) packRows() {
	r := &tb.rows
	to := int32(0)
	for row := range int32(r.n) {
		p, i := r.page(row)
		e := p.entries[i]
		switch {
		case e == nil:
			tb.dropTimer(row)
			continue
		case row != to:
			q, j := r.page(to)
			q.entries[j], q.cookies[j], q.sends[j] = e, p.cookies[i], p.sends[i]
			e.row = to + 1
			tb.moveTimer(row, to)
		}
		to++
	}
	for r.n > int(to) {
		r.drop()
	}
	tb.packTimers()
}
