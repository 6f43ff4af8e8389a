package ovsdb

import (
	"encoding/json"
	"fmt"
)

// Request is a transact request in the making (RFC 7047 §4.1.3). It may have
// to wait: see Run.
type Request struct {
	operations []any
	parsed     *Error
	// HoldsLock says whether the client owns a lock, for "assert".
	HoldsLock func(name string) bool
	// ReadOnly refuses operations that write.
	ReadOnly bool
	// Check may veto a commit: a log that cannot be written.
	Check func(*Changes) error
}

// ParseRequest takes the parameters of a transact request behind the name of
// the database: its operations.
func ParseRequest(params []json.RawMessage) *Request {
	r := &Request{}
	for _, p := range params {
		j, err := decodeJSON(p)
		if err != nil {
			r.parsed = errorf(ErrSyntax, "%v", err)
			return r
		}
		r.operations = append(r.operations, j)
	}
	return r
}

// Result is what became of a request.
type Result struct {
	// Reply is the result array: one member an operation, and one more where
	// the commit failed.
	Reply json.RawMessage
	// Changes of the commit; nil: refused, or nothing to change.
	Changes *Changes
	// WaitMS, above 0: nothing was done, since a "wait" operation does not hold
	// yet. Run it again when the database has changed, and for the last time
	// when so many milliseconds are over since the first; Forever has no end.
	WaitMS int64
}

// Forever is the WaitMS of a wait without a time limit.
const Forever = int64(^uint64(0) >> 1)

// Run tries the request. elapsedMS is how long ago it was tried first, in
// milliseconds.
func (db *Database) Run(r *Request, elapsedMS int64) Result {
	x := db.begin()
	var results []json.RawMessage
	err := r.parsed
	if err == nil {
		for i := range r.operations {
			var w jsonWriter
			var wait int64
			wait, err = x.operation(r, i, elapsedMS, &w)
			if wait > 0 {
				return Result{WaitMS: wait}
			}
			if err != nil {
				break
			}
			results = append(results, w.b)
		}
	}
	var changes *Changes
	if err == nil {
		changes, err = x.commit(r.Check)
		if err != nil {
			// Behind the operations, which all succeeded.
			for len(results) < len(r.operations) {
				results = append(results, json.RawMessage("null"))
			}
		}
	}
	if err != nil {
		b, merr := json.Marshal(err)
		if merr != nil {
			b = []byte(`{"error":"internal error"}`)
		}
		results = append(results, b)
		for len(results) < len(r.operations) {
			results = append(results, json.RawMessage("null"))
		}
	}
	var w jsonWriter
	w.open('[')
	for _, b := range results {
		w.raw(string(b))
	}
	w.close(']')
	return Result{Reply: w.b, Changes: changes}
}

// operation carries out the i'th operation and writes its result. wait above 0: it
// is a wait that does not hold yet.
func (x *Txn) operation(r *Request, i int, elapsedMS int64, w *jsonWriter) (wait int64, err *Error) {
	o := newObject(r.operations[i], fmt.Sprintf("ovsdb operation %d of %d", i+1, len(r.operations)))
	name := o.str("op")
	if o.err != nil {
		return 0, o.err
	}
	op, known := operations[name]
	if !known {
		o.fail("No operation \"%s\"", name)
		return 0, o.err
	}
	if r.ReadOnly && op.writes {
		return 0, errorf(ErrNotAllowed, "%s operation not allowed when the database is read only", name)
	}
	e := &execution{Txn: x, o: o, w: w, request: r, elapsedMS: elapsedMS}
	err = op.do(e)
	return e.wait, err
}

// execution is one operation being carried out.
type execution struct {
	*Txn
	o         *object
	w         *jsonWriter
	request   *Request
	elapsedMS int64
	wait      int64
}

// operations are those of RFC 7047 §5.2.
var operations = map[string]struct {
	writes bool
	do     func(*execution) *Error
}{
	"insert":  {true, (*execution).insertOp},
	"select":  {false, (*execution).selectOp},
	"update":  {true, (*execution).updateOp},
	"mutate":  {true, (*execution).mutateOp},
	"delete":  {true, (*execution).deleteOp},
	"wait":    {false, (*execution).waitOp},
	"commit":  {false, (*execution).commitOp},
	"abort":   {false, (*execution).abortOp},
	"comment": {false, (*execution).commentOp},
	"assert":  {false, (*execution).assertOp},
}
