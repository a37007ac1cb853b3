package contacts

import (
	"strings"
)

// Test joins several conditions.
type Test uint8

// The tests; anyof is what is meant where a query names none.
const (
	AnyOf Test = iota
	AllOf
)

// Match is how a text is compared.
type Match uint8

// The match types; contains is what is meant where a query names none.
const (
	Contains Match = iota
	Equals
	StartsWith
	EndsWith
)

// Filter says which cards are wanted (RFC 6352 section 10.5). The zero value wants all.
type Filter struct {
	Test  Test
	Props []PropFilter
}

// PropFilter matches a card that has a property, or with NotDefined none, of the name.
// With Texts or Params, one property of the card has to meet them by itself: "a work
// number that begins with +49" does not find a card with some work number and some
// other number in Germany (section 10.5.1).
type PropFilter struct {
	Group      string // "": in any group or none
	Name       string
	Test       Test
	NotDefined bool
	Texts      []TextMatch
	Params     []ParamFilter
}

// ParamFilter matches a property that has the parameter, or with NotDefined has it not,
// or that has it with a value that meets Text (section 10.5.2).
type ParamFilter struct {
	Name       string
	NotDefined bool
	Text       *TextMatch
}

// TextMatch is a condition on text (section 10.5.4). Make it with [NewTextMatch].
type TextMatch struct {
	Collation Collation
	Match     Match
	Negate    bool
	folded    string // under Collation
	broad     string // under UnicodeCasemap, for columns
}

// NewTextMatch prepares a text for comparing.
func NewTextMatch(text string, c Collation, m Match, negate bool) TextMatch {
	return TextMatch{Collation: c, Match: m, Negate: negate, folded: c.fold(text), broad: UnicodeCasemap.fold(text)}
}

// Matches tells whether a text meets the condition.
func (t *TextMatch) Matches(text string) bool {
	text = t.Collation.fold(text)
	var ok bool
	switch t.Match {
	case Equals:
		ok = text == t.folded
	case StartsWith:
		ok = strings.HasPrefix(text, t.folded)
	case EndsWith:
		ok = strings.HasSuffix(text, t.folded)
	default:
		ok = strings.Contains(text, t.folded)
	}
	return ok != t.Negate
}

// Matches tells whether a card is wanted.
func (f *Filter) Matches(c *Card) bool {
	if len(f.Props) == 0 {
		return true
	}
	for i := range f.Props {
		if f.Props[i].matches(c) != (f.Test == AllOf) {
			return f.Test == AnyOf
		}
	}
	return f.Test == AllOf
}

func (p *PropFilter) matches(c *Card) bool {
	for i := range c.Properties {
		if q := &c.Properties[i]; p.names(q) && (p.NotDefined || p.meets(q)) {
			return !p.NotDefined
		}
	}
	return p.NotDefined
}

func (p *PropFilter) names(q *Property) bool {
	return strings.EqualFold(q.Name, p.Name) && (p.Group == "" || strings.EqualFold(q.Group, p.Group))
}

// meets judges one property by itself.
func (p *PropFilter) meets(q *Property) bool {
	if len(p.Texts) == 0 && len(p.Params) == 0 {
		return true
	}
	text := ""
	if len(p.Texts) > 0 {
		text = q.Text()
	}
	for i := range p.Texts {
		if p.Texts[i].Matches(text) != (p.Test == AllOf) {
			return p.Test == AnyOf
		}
	}
	for i := range p.Params {
		if p.Params[i].matches(q) != (p.Test == AllOf) {
			return p.Test == AnyOf
		}
	}
	return p.Test == AllOf
}

func (f *ParamFilter) matches(q *Property) bool {
	defined := false
	for _, p := range q.Params {
		if !strings.EqualFold(p.Name, f.Name) {
			continue
		}
		defined = true
		if f.Text == nil {
			break
		}
		for _, v := range p.Values {
			if f.Text.Matches(v) || p.Name == "TYPE" && f.inList(v) {
				return true
			}
		}
	}
	if f.Text != nil {
		return false
	}
	return defined != f.NotDefined
}

// inList looks at each type of a quoted list, as version 4 may have it (TYPE="a,b").
func (f *ParamFilter) inList(list string) bool {
	if strings.IndexByte(list, ',') < 0 {
		return false
	}
	for v := range strings.SplitSeq(list, ",") {
		if f.Text.Matches(v) {
			return true
		}
	}
	return false
}

// asksFor tells whether the value of a property of that name decides.
func (f *Filter) asksFor(name string) bool {
	for i := range f.Props {
		if len(f.Props[i].Texts) > 0 && strings.EqualFold(f.Props[i].Name, name) {
			return true
		}
	}
	return false
}
