package ovsdb

import (
	"encoding/json"
	"errors"
	"fmt"
)

// OpResult is what one operation of a transaction gave.
type OpResult struct {
	Count int      // Update, Mutate, Delete: of how many rows
	UUID  UUID     // Insert: of the new row
	Rows  []Values // Select: also with _uuid and _version, where asked for
	Err   *Error   // why it was refused; nil: it was not, or not tried
}

// parseResults reads the reply to ops (RFC 7047 §4.1.3): a result each, and
// the first refusal. The error is that the reply makes no sense.
func parseResults(reply json.RawMessage, s *Schema, ops []Operation) (results []OpResult, refused *Error, err error) {
	var list []json.RawMessage
	if err := json.Unmarshal(reply, &list); err != nil {
		return nil, nil, fmt.Errorf("the result of a transaction is no array: %w", err)
	}
	if len(list) < len(ops) || len(list) > len(ops)+1 {
		return nil, nil, fmt.Errorf("%d results of %d operations", len(list), len(ops))
	}
	results = make([]OpResult, len(ops))
	skipped := false
	for i, raw := range list {
		j, err := decodeJSON(raw)
		if err != nil {
			return nil, nil, err
		}
		m, ok := j.(map[string]any)
		switch {
		case j == nil:
			skipped = true // not tried: one before was refused, or the commit
			continue
		case !ok:
			return nil, nil, fmt.Errorf("the result of operation %d is neither an object nor null", i)
		}
		if bad := errorOf(m); bad != nil {
			if refused == nil {
				refused = bad
			}
			if i < len(ops) {
				results[i].Err = bad
			}
			continue
		}
		if i == len(ops) {
			return nil, nil, errors.New("a result of no operation")
		}
		if err := results[i].parse(m, s.Tables[ops[i].table]); err != nil {
			return nil, nil, fmt.Errorf("the result of operation %d, %q: %w", i, ops[i].op, err)
		}
	}
	if skipped && refused == nil {
		return nil, nil, errors.New("an operation has no result, and none was refused")
	}
	return results, refused, nil
}

// errorOf is the <error> that an object is; nil: it is none.
func errorOf(m map[string]any) *Error {
	tag, ok := m["error"].(string)
	if !ok {
		return nil
	}
	e := &Error{Tag: tag}
	e.Details, _ = m["details"].(string)
	e.Syntax, _ = m["syntax"].(string)
	return e
}

// parse reads the result of an operation on t, which is nil for those on none.
func (r *OpResult) parse(m map[string]any, t *Table) error {
	if j, ok := m["count"]; ok {
		n, isNumber := j.(json.Number)
		count, isInt := parseInteger(n)
		if !isNumber || !isInt || count < 0 || count > 1<<40 {
			return errors.New("the count is no number of rows")
		}
		r.Count = int(count)
	}
	if j, ok := m["uuid"]; ok {
		a, bad := parseUUIDAtom(j, nil)
		if bad != nil {
			return bad
		}
		r.UUID = a.UUID
	}
	rows, ok := m["rows"]
	if !ok {
		return nil
	}
	list, ok := rows.([]any)
	if !ok || t == nil {
		return errors.New("the rows are no array, or of no table")
	}
	for _, j := range list {
		row, ok := j.(map[string]any)
		if !ok {
			return errors.New("a row is no object")
		}
		values, bad := t.parseRow(row, nil)
		if bad != nil {
			return bad
		}
		v := make(Values, len(values))
		for c, d := range values {
			v[c.Name] = d
		}
		r.Rows = append(r.Rows, v)
	}
	return nil
}

// refusal makes an *Error of the error of a reply, if it is one of OVSDB.
func refusal(raw json.RawMessage) *Error {
	j, err := decodeJSON(raw)
	if err != nil {
		return nil
	}
	if s, ok := j.(string); ok {
		return &Error{Tag: s}
	}
	m, ok := j.(map[string]any)
	if !ok {
		return nil
	}
	return errorOf(m)
}
