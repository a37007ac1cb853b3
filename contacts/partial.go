package contacts

import (
	"strings"

	"fachwerk/internal/contentline"
)

// Selection says what of a card an answer has (RFC 6352 section 10.4).
type Selection struct {
	// All is CARDDAV:allprop, and what is meant where nothing is named.
	All   bool
	Props []SelectedProp
}

// SelectedProp is a property that an answer has.
type SelectedProp struct {
	Name    string // with "GROUP." before it: in that group only
	NoValue bool   // name and parameters, but an empty value
}

// Whole tells whether the card is wanted as it is stored.
func (s *Selection) Whole() bool { return s.All || len(s.Props) == 0 }

// Select answers the card with what is selected; VERSION, without which it were none, is
// always in it. UID and FN come only where they are asked for.
func (c *Card) Select(s Selection) *Card {
	if s.Whole() {
		return c
	}
	out := &Card{Version: c.Version}
	for i := range c.Properties {
		p := c.Properties[i]
		if p.Name == "VERSION" {
			out.Properties = append(out.Properties, p)
			continue
		}
		for _, want := range s.Props {
			group, name := SplitName(want.Name)
			if !strings.EqualFold(name, p.Name) || group != "" && !strings.EqualFold(group, p.Group) {
				continue
			}
			if want.NoValue {
				p.Value = ""
			}
			out.Properties = append(out.Properties, p)
			break
		}
	}
	return out
}

// SplitName takes "item1.TEL" apart (RFC 6352 sections 10.4.2, 10.5.1).
func SplitName(s string) (group, name string) {
	if i := strings.IndexByte(s, '.'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return "", s
}

// param makes a parameter.
func param(name string, values ...string) contentline.Param {
	return contentline.Param{Name: name, Values: values}
}
