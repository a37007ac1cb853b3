package message

import (
	"encoding/binary"
)

// UnmarshalBinary fills m with a structure written by MarshalBinary. It takes time and memory in proportion to data,
// and on an error leaves m as it was. Its strings share one copy of data.
func (m *Message) UnmarshalBinary(data []byte) error {
	if len(data) == 0 {
		return ErrCorrupt
	}
	if data[0] != EncoderVersion {
		return ErrVersion
	}
	r := reader{b: data[1:], s: string(data[1:])}
	var out Message
	out.Size = r.number()
	out.Lines = r.number()
	out.LongestLine = r.number()
	out.Flags = Flags(r.number())
	out.Received = int(r.number())
	out.Envelope = r.envelope()
	out.References = r.strings()
	out.Root = r.part(Span{0, out.Size}, 0)
	if r.failed || r.pos != len(r.b) {
		return ErrCorrupt
	}
	*m = out
	return nil
}

// reader reads what writer wrote. After a failure it gives zeros, so callers look at failed once, at the end.
type reader struct {
	b      []byte
	s      string // the same bytes
	pos    int
	parts  int
	failed bool
}

func (r *reader) fail() {
	r.failed = true
	r.pos = len(r.b)
}

func (r *reader) number() int64 {
	n, size := binary.Uvarint(r.b[r.pos:])
	if size <= 0 || n > 1<<62 {
		r.fail()
		return 0
	}
	r.pos += size
	return int64(n)
}

func (r *reader) byte() byte {
	if r.pos >= len(r.b) {
		r.fail()
		return 0
	}
	r.pos++
	return r.b[r.pos-1]
}

// count reads the length of a list whose elements take at least size bytes each.
func (r *reader) count(size int) int {
	n := r.number()
	if n > int64((len(r.b)-r.pos)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) string() string {
	n := r.number()
	if n&1 == 1 {
		if n >>= 1; n < int64(len(commonStrings)) {
			return commonStrings[n]
		}
		r.fail()
		return ""
	}
	if n >>= 1; n > int64(len(r.b)-r.pos) {
		r.fail()
		return ""
	}
	r.pos += int(n)
	return r.s[r.pos-int(n) : r.pos]
}

func (r *reader) strings() []string {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.string()
	}
	return list
}

func (r *reader) addresses() []Address {
	n := r.count(5)
	if n == 0 {
		return nil
	}
	list := make([]Address, n)
	for i := range list {
		kind := AddressKind(r.byte())
		if kind > GroupEnd {
			r.fail()
		}
		list[i] = Address{kind, r.string(), r.string(), r.string(), r.string()}
	}
	return list
}

func (r *reader) envelope() *Envelope {
	e := &Envelope{Present: EnvelopeFields(r.byte())}
	e.Date = r.string()
	e.Subject = r.string()
	e.InReplyTo = r.string()
	e.MessageID = r.string()
	e.From = r.addresses()
	e.Sender, e.ReplyTo = e.From, e.From
	same := r.byte()
	if same&1 == 0 {
		e.Sender = r.addresses()
	}
	if same&2 == 0 {
		e.ReplyTo = r.addresses()
	}
	e.To = r.addresses()
	e.Cc = r.addresses()
	e.Bcc = r.addresses()
	return e
}

func (r *reader) params() []Param {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	list := make([]Param, n)
	for i := range list {
		list[i] = Param{r.string(), r.string()}
	}
	return list
}

// part reads a part that lies within the given range, below depth others.
func (r *reader) part(within Span, depth int) *Part {
	if r.parts++; depth > defaultDepth || r.parts > defaultParts+1 {
		r.fail()
	}
	first := r.byte()
	p := &Part{Type: r.string(), Subtype: r.string()}
	p.Offset = within.Start + r.number()
	p.BodyOffset = p.Offset + r.number()
	p.End = p.BodyOffset + r.number()
	p.Lines = r.number()
	if p.Offset < within.Start || p.BodyOffset < p.Offset || p.End < p.BodyOffset || p.End > within.End {
		r.fail()
	}
	p.Params = r.params()
	if first&1 != 0 {
		p.ID = r.string()
		p.Description = r.string()
		p.Encoding = r.string()
		p.MD5 = r.string()
		p.Disposition = r.string()
		p.DispositionParams = r.params()
		p.Language = r.strings()
		p.Location = r.string()
	}
	if r.failed {
		return p
	}
	switch first >> 1 {
	case kindLeaf:
	case kindMultipart:
		n := r.count(8)
		if n == 0 {
			r.fail()
		}
		p.Children = make([]*Part, 0, n)
		for range n {
			p.Children = append(p.Children, r.part(p.Body(), depth+1))
			if r.failed {
				break
			}
		}
	case kindMessage:
		p.Envelope = r.envelope()
		p.Embedded = r.part(p.Body(), depth+1)
	default:
		r.fail()
	}
	return p
}
