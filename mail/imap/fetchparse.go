package imap

import (
	"fachwerk/mail/imap/wire"
)

// dataItem names what FETCH may ask for.
type dataItem uint8

const (
	itemUID dataItem = iota
	itemFlags
	itemInternalDate
	itemSize
	itemModSeq
	itemEmailID
	itemThreadID
	itemSaveDate
	itemEnvelope
	itemBody
	itemBodyStructure
	itemPreview
	itemSection
	itemBinary
	itemBinarySize
)

// fetchItem is one data item of a FETCH.
type fetchItem struct {
	item    dataItem
	label   string // as the response names it
	section wire.Section
	partial *wire.Partial
}

// needsStructure tells whether the item is answered from what was found in the message.
func (f *fetchItem) needsStructure() bool {
	switch f.item {
	case itemEnvelope, itemBody, itemBodyStructure, itemPreview:
		return true
	case itemSection:
		return len(f.section.Path) > 0 || f.section.Text != ""
	case itemBinary, itemBinarySize:
		return len(f.section.Path) > 0
	}
	return false
}

// needsContent tells whether the item is answered from the message's bytes.
func (f *fetchItem) needsContent() bool { return f.item >= itemSection }

// fetchArgs is a FETCH as parsed (RFC 9051 6.4.5, RFC 7162 3.1.4 and 3.2.6).
type fetchArgs struct {
	set          wire.Set
	items        []fetchItem
	seen         bool // an item sets \Seen
	changedSince *uint64
	vanished     bool
	modSeq       bool // MODSEQ was asked for
}

var fetchMacros = map[string][]string{
	"ALL":  {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"},
	"FAST": {"FLAGS", "INTERNALDATE", "RFC822.SIZE"},
	"FULL": {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"},
}

var plainItems = map[string]dataItem{
	"UID": itemUID, "FLAGS": itemFlags, "INTERNALDATE": itemInternalDate, "RFC822.SIZE": itemSize,
	"MODSEQ": itemModSeq, "EMAILID": itemEmailID, "THREADID": itemThreadID, "SAVEDATE": itemSaveDate,
	"ENVELOPE": itemEnvelope, "BODYSTRUCTURE": itemBodyStructure,
}

func (s *session) parseFetch(c *command) (a fetchArgs, err error) {
	p := c.p
	p.SP()
	a.set = p.Set()
	p.SP()
	if p.Peek() == '(' {
		p.List(maxFetchItems, func() { a.item(p) })
	} else if macro, ok := fetchMacros[p.PeekName()]; ok {
		p.Name()
		for _, name := range macro {
			if name == "BODY" {
				a.add(fetchItem{item: itemBody, label: "BODY"})
			} else {
				a.add(fetchItem{item: plainItems[name], label: name})
			}
		}
	} else {
		a.item(p)
	}
	if p.Accept(' ') {
		p.List(3, func() { s.fetchModifier(c, &a) })
	}
	p.End()
	if err := p.Err(); err != nil {
		return a, err
	}
	switch {
	case len(a.items) == 0:
		return a, bad("Nothing is asked for")
	case a.vanished && (!c.uid || a.changedSince == nil || !s.qresync):
		return a, bad("VANISHED needs UID FETCH, CHANGEDSINCE and QRESYNC") // RFC 7162 3.2.6
	}
	if a.changedSince != nil {
		a.add(fetchItem{item: itemModSeq, label: "MODSEQ"})
		a.modSeq = true
	}
	return a, nil
}

func (s *session) fetchModifier(c *command, a *fetchArgs) {
	p := c.p
	switch p.Name() {
	case "CHANGEDSINCE":
		p.SP()
		n := p.Number64()
		a.changedSince = &n
	case "VANISHED":
		a.vanished = true
	default:
		p.Fail("unknown modifier of FETCH")
	}
}

// add takes an item, once.
func (a *fetchArgs) add(f fetchItem) {
	for i := range a.items {
		if a.items[i].label == f.label {
			return
		}
	}
	a.items = append(a.items, f)
}

// item reads one data item.
func (a *fetchArgs) item(p *wire.Parser) {
	name := p.Name()
	if kind, ok := plainItems[name]; ok {
		a.modSeq = a.modSeq || kind == itemModSeq
		a.add(fetchItem{item: kind, label: name})
		return
	}
	switch name {
	case "BODY", "BODY.PEEK":
		if p.Peek() != '[' && name == "BODY" {
			a.add(fetchItem{item: itemBody, label: name})
			return
		}
		a.seen = a.seen || name == "BODY"
		a.section(p, "BODY", itemSection)
	case "BINARY", "BINARY.PEEK":
		a.seen = a.seen || name == "BINARY"
		a.section(p, "BINARY", itemBinary)
	case "BINARY.SIZE":
		a.section(p, name, itemBinarySize)
	case "PREVIEW": // LAZY changes nothing, for previews are always ready (RFC 8970 3.1)
		p.AcceptText(" (LAZY)")
		a.add(fetchItem{item: itemPreview, label: name})
	case "RFC822":
		a.seen = true
		a.add(fetchItem{item: itemSection, label: name})
	case "RFC822.HEADER":
		a.add(fetchItem{item: itemSection, label: name, section: wire.Section{Text: "HEADER"}})
	case "RFC822.TEXT":
		a.seen = true
		a.add(fetchItem{item: itemSection, label: name, section: wire.Section{Text: "TEXT"}})
	default:
		p.Fail("unknown data item " + name)
	}
}

// section reads the brackets and the range of a BODY or BINARY item.
func (a *fetchArgs) section(p *wire.Parser, label string, kind dataItem) {
	f := fetchItem{item: kind, section: p.Section(kind != itemSection)}
	if kind != itemBinarySize {
		f.partial = p.Partial()
	}
	if p.Err() != nil {
		return
	}
	f.label = sectionLabel(label, &f)
	a.add(f)
}

// sectionLabel writes a section as the response names it (RFC 9051 7.5.2).
func sectionLabel(label string, f *fetchItem) string {
	b := append([]byte(label), '[')
	for i, n := range f.section.Path {
		if i > 0 {
			b = append(b, '.')
		}
		b = wire.AppendUint(b, uint64(n))
	}
	if f.section.Text != "" {
		if len(f.section.Path) > 0 {
			b = append(b, '.')
		}
		b = append(b, f.section.Text...)
	}
	for i, name := range f.section.Fields {
		if i == 0 {
			b = append(b, " ("...)
		} else {
			b = append(b, ' ')
		}
		b = wire.AppendMailbox(b, name, true) // an astring
		if i == len(f.section.Fields)-1 {
			b = append(b, ')')
		}
	}
	b = append(b, ']')
	if f.partial != nil {
		b = append(b, '<')
		b = wire.AppendUint(b, uint64(f.partial.Offset))
		b = append(b, '>')
	}
	return string(b)
}
