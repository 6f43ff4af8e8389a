package ofp

// TableMod configures a table (OpenFlow 1.3.5 §7.3.3). Config bits 0 and 1 are
// deprecated, the others are reserved.
type TableMod struct {
	Table  TableID // TableAll: every table
	Config uint32
}

// Type is TypeTableMod.
func (*TableMod) Type() Type { return TypeTableMod }

// Len is the body's length.
func (*TableMod) Len() int { return 8 }

// Append encodes the body.
func (m *TableMod) Append(b []byte) []byte {
	b = append(b, uint8(m.Table), 0, 0, 0)
	return be.AppendUint32(b, m.Config)
}

func decodeTableMod(b []byte) (Message, error) {
	return &TableMod{Table: TableID(b[0]), Config: be.Uint32(b[4:])}, nil
}
