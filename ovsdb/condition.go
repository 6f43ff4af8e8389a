package ovsdb

// condition is a list of clauses that must all hold (RFC 7047 §5.1,
// <condition>).
type condition []clause

type clause struct {
	column *Column // nil: a constant
	holds  bool    // the constant
	fn     string
	arg    Datum
}

// parseCondition reads the clauses of a condition.
func (t *Table) parseCondition(clauses []any, names *symbols) (condition, *Error) {
	var cond condition
	for _, j := range clauses {
		c, err := t.parseClause(j, names)
		if err != nil {
			return nil, err
		}
		cond = append(cond, c)
	}
	return cond, nil
}

func (t *Table) parseClause(j any, names *symbols) (clause, *Error) {
	if b, ok := j.(bool); ok {
		return clause{holds: b}, nil
	}
	a, ok := j.([]any)
	if !ok || len(a) != 3 {
		return clause{}, syntaxf(j, "parse error in condition: a clause is [<column>, <function>, <value>]")
	}
	name, ok1 := a[0].(string)
	fn, ok2 := a[1].(string)
	if !ok1 || !ok2 {
		return clause{}, syntaxf(j, "parse error in condition: a clause is [<column>, <function>, <value>]")
	}
	col := t.Column(name)
	if col == nil {
		return clause{}, unknownColumn(j, t, name)
	}
	c := clause{column: col, fn: fn}
	argType := col.Type
	switch fn {
	case "<", "<=", ">", ">=":
		if argType.IsMap() || argType.Max != 1 || argType.Key.Type != Integer && argType.Key.Type != Real {
			return clause{}, syntaxf(j, "Type mismatch: \"%s\" operator may not be applied to column %s of type %s.", fn, name, col.Type.english())
		}
		argType.Min = 1
	case "==", "!=":
	case "includes":
		if !argType.IsScalar() {
			argType.Min = 0
		}
	case "excludes":
		if !argType.IsScalar() {
			argType.Min, argType.Max = 0, Unlimited
		}
	default:
		return clause{}, errorf(ErrUnknownFunction, "No function named %s.", fn)
	}
	arg, err := argType.parseDatum(a[2], names)
	c.arg = arg
	return c, err
}

func unknownColumn(j any, t *Table, name string) *Error {
	return syntaxTagged(j, ErrUnknownColumn, "No column %s in table %s.", name, t.Name)
}

// oneUUID is the row that a condition names, if it names one.
func (cond condition) oneUUID() (UUID, bool) {
	for _, c := range cond {
		if c.column == uuidColumn && (c.fn == "==" || c.fn == "includes") && c.arg.Len() == 1 {
			return c.arg.Keys[0].UUID, true
		}
	}
	return UUID{}, false
}

// holds says whether all clauses hold for a row.
func (cond condition) holds(r *Row) bool {
	for i := range cond {
		if !cond[i].holdsFor(r) {
			return false
		}
	}
	return true
}

func (c *clause) holdsFor(r *Row) bool {
	if c.column == nil {
		return c.holds
	}
	d := r.Get(c.column)
	switch c.fn {
	case "==":
		return d.Equal(c.arg)
	case "!=":
		return !d.Equal(c.arg)
	case "includes":
		return d.IncludesAll(c.arg)
	case "excludes":
		return d.ExcludesAll(c.arg)
	}
	if d.Len() == 0 {
		return false
	}
	order := d.Keys[0].Compare(c.arg.Keys[0])
	switch c.fn {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}
