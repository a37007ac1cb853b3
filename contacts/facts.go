package contacts

import (
	"encoding/binary"
	"errors"

	"fachwerk/internal/contentline"
)

// FactsEncoder is the version of the searchable form. Facts of another version are made
// anew from the card.
const FactsEncoder int16 = 1

// longValue is the size in bytes from which a value stays out of the searchable form:
// photos, keys, novels in NOTE. A query that asks for such a value opens the card.
const longValue = 4 << 10

var errFacts = errors.New("contacts: the searchable form cannot be read")

const flagLeft = 1

// Facts is the searchable form of a card: version, then for each property flags, group,
// name, parameters and value; numbers as varints, strings with their length before them.
func (c *Card) Facts() []byte {
	out := append(make([]byte, 0, 512), byte(c.Version))
	out = binary.AppendUvarint(out, uint64(len(c.Properties)))
	for i := range c.Properties {
		p := &c.Properties[i]
		value, flags := p.Value, byte(0)
		if len(value) > longValue {
			value, flags = "", flagLeft
		}
		out = append(out, flags)
		out = appendString(out, p.Group)
		out = appendString(out, p.Name)
		out = binary.AppendUvarint(out, uint64(len(p.Params)))
		for _, param := range p.Params {
			out = appendString(out, param.Name)
			out = binary.AppendUvarint(out, uint64(len(param.Values)))
			for _, v := range param.Values {
				out = appendString(out, v)
			}
		}
		out = appendString(out, value)
	}
	return out
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// ReadFacts is the card as its searchable form has it: values over 4 KiB are left out
// (Property.Left). The card's strings are parts of facts.
func ReadFacts(facts string) (*Card, error) {
	r := factsReader{rest: facts}
	c := &Card{Version: Version(r.byte())}
	n := r.count()
	if r.bad {
		return nil, errFacts
	}
	c.Properties = make([]Property, 0, min(n, 64))
	for range n {
		p := Property{Left: r.byte()&flagLeft != 0, Group: r.string(), Name: r.string()}
		if params := r.count(); params > 0 && !r.bad {
			p.Params = make([]contentline.Param, 0, min(params, 8))
			for range params {
				p.Params = append(p.Params, r.param())
				if r.bad {
					break
				}
			}
		}
		p.Value = r.string()
		if r.bad {
			return nil, errFacts
		}
		c.Properties = append(c.Properties, p)
	}
	if r.rest != "" {
		return nil, errFacts
	}
	return c, nil
}

// factTexts calls f with the texts of the properties of that name.
func factTexts(facts, name string, f func(text string, left bool)) error {
	r := factsReader{rest: facts}
	r.byte()
	for range r.count() {
		left := r.byte()&flagLeft != 0
		r.string()
		wanted := r.string() == name
		for range r.count() {
			r.string()
			for range r.count() {
				r.string()
			}
		}
		value := r.string()
		if r.bad {
			break
		}
		if wanted {
			f((&Property{Value: value}).Text(), left)
		}
	}
	if r.bad || r.rest != "" {
		return errFacts
	}
	return nil
}

type factsReader struct {
	rest string
	bad  bool
}

func (r *factsReader) byte() byte {
	if r.rest == "" {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *factsReader) count() int {
	var n uint64
	for shift := 0; ; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 || shift > 28 {
			break
		}
	}
	if n > uint64(len(r.rest)) { // everything counted takes a byte at least
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *factsReader) string() string {
	n := r.count()
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *factsReader) param() contentline.Param {
	p := contentline.Param{Name: r.string()}
	n := r.count()
	p.Values = make([]string, 0, min(n, 8))
	for range n {
		p.Values = append(p.Values, r.string())
		if r.bad {
			break
		}
	}
	return p
}
