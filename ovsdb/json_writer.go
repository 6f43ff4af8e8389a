package ovsdb

// jsonWriter appends JSON, with commas where they belong.
type jsonWriter struct {
	b     []byte
	comma bool // the next value or member is not the first
}

func (w *jsonWriter) sep() {
	if w.comma {
		w.b = append(w.b, ',')
	}
	w.comma = true
}

func (w *jsonWriter) open(c byte) {
	w.sep()
	w.b = append(w.b, c)
	w.comma = false
}

func (w *jsonWriter) close(c byte) {
	w.b = append(w.b, c)
	w.comma = true
}

// field begins a member; its value is to follow.
func (w *jsonWriter) field(name string) *jsonWriter {
	w.sep()
	w.b = append(appendString(w.b, name), ':')
	w.comma = false
	return w
}

func (w *jsonWriter) str(s string) {
	w.sep()
	w.b = appendString(w.b, s)
}

func (w *jsonWriter) raw(s string) {
	w.sep()
	w.b = append(w.b, s...)
}

func (w *jsonWriter) datum(t *ColumnType, d Datum) {
	w.sep()
	w.b = t.appendJSON(w.b, d)
}
