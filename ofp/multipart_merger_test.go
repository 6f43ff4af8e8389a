package ofp

// merger puts the parts of one multipart reply together again, for the tests of
// MultipartWriter. The zero value expects a reply of any kind.
type merger struct {
	// Reply is the whole reply once Add has returned true. Its Flags are zero.
	Reply MultipartReply
	parts int
	done  bool
}

// Add adds a part and says whether it was the last one. It refuses parts of
// different kinds, and parts after the last.
func (g *merger) Add(part *MultipartReply) (done bool, err error) {
	if g.done {
		return true, BadRequestBadMultipart.Errorf("%s reply goes on after its last part", MultipartName(part.Kind))
	}
	if g.parts > 0 && part.Kind != g.Reply.Kind {
		return false, BadRequestBadMultipart.Errorf("part %d of a %s reply is of %s", g.parts+1, MultipartName(g.Reply.Kind), MultipartName(part.Kind))
	}
	g.parts++
	g.Reply.Kind = part.Kind
	g.Reply.Entries = append(g.Reply.Entries, part.Entries...)
	g.done = part.Flags&MultipartMore == 0
	return g.done, nil
}
