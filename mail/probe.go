package mail

import (
	"context"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"fachwerk/mail/message"
)

// probe is one message that is being searched, with what was read of it so far.
type probe struct {
	ctx      context.Context
	v        *View
	snap     *Snapshot
	patterns []string

	index     int
	message   *Message
	structure *Structure

	found  *message.Message
	body   *Body
	head   []byte
	headOK bool
	hits   []bool // by pattern
}

// parsed decodes the stored structure once.
func (p *probe) parsed() (*message.Message, error) {
	if p.found != nil {
		return p.found, nil
	}
	m, err := p.structure.Message()
	if err != nil {
		return nil, err
	}
	p.found = m
	return m, nil
}

func (p *probe) content() (*Body, error) {
	if p.body == nil {
		b, _, err := p.v.content(p.ctx, p.message)
		if err != nil {
			return nil, err
		}
		p.body = b
	}
	return p.body, nil
}

// maxSearchHeader bounds how much of a header is searched.
const maxSearchHeader = 1 << 20

func (p *probe) header() ([]byte, error) {
	if p.headOK {
		return p.head, nil
	}
	body, err := p.content()
	if err != nil {
		return nil, err
	}
	r, err := body.Open(p.ctx, 0, min(p.structure.HeaderSize, maxSearchHeader))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if p.head, err = io.ReadAll(r); err != nil {
		return nil, err
	}
	p.headOK = true
	return p.head, nil
}

// inHeader searches in all header fields, decoded.
func (p *probe) inHeader(pattern string) (bool, error) {
	header, err := p.header()
	if err != nil {
		return false, err
	}
	for f := range message.Fields(header) {
		text := string(f.Name) + ": " + message.DecodeHeader(string(f.Value))
		if strings.Contains(message.Fold(text), pattern) {
			return true, nil
		}
	}
	return false, nil
}

// bodyHits looks for all patterns of the search in one pass over the message.
func (p *probe) bodyHits() ([]bool, error) {
	if p.hits != nil {
		return p.hits, nil
	}
	m, err := p.parsed()
	if err != nil {
		return nil, err
	}
	f := newFinder(p.patterns)
	var attached []*message.Part
	walkParts(m.Root, func(part *message.Part) {
		if name := part.Filename(); name != "" {
			f.text(message.Fold(name))
		}
		if part.Embedded != nil {
			attached = append(attached, part.Embedded)
		}
	})
	for _, part := range attached { // a forwarded message's header is part of the body (RFC 9051 6.4.4)
		if f.open == 0 {
			break
		}
		if err := p.searchHeader(part, f); err != nil {
			return nil, err
		}
	}
	for _, part := range m.TextParts() {
		if f.open == 0 {
			break
		}
		if err := p.searchPart(part, f); err != nil {
			return nil, err
		}
	}
	p.hits = f.hits
	return p.hits, nil
}

func walkParts(p *message.Part, f func(*message.Part)) {
	if p == nil {
		return
	}
	f(p)
	for _, c := range p.Children {
		walkParts(c, f)
	}
	walkParts(p.Embedded, f)
}

func (p *probe) searchHeader(part *message.Part, f *finder) error {
	body, err := p.content()
	if err != nil {
		return err
	}
	r, err := body.Open(p.ctx, part.Offset, min(part.BodyOffset-part.Offset, maxSearchHeader))
	if err != nil {
		return err
	}
	defer r.Close()
	header, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for field := range message.Fields(header) {
		f.text(message.Fold(string(field.Name) + ": " + message.DecodeHeader(string(field.Value))))
	}
	return nil
}

func (p *probe) searchPart(part *message.Part, f *finder) error {
	body, err := p.content()
	if err != nil {
		return err
	}
	r, err := body.Open(p.ctx, part.BodyOffset, part.Size())
	if err != nil {
		return err
	}
	defer r.Close()
	return f.read(p.ctx, message.NewTextReader(r, part))
}

// finder looks for several folded patterns in texts.
type finder struct {
	patterns []string
	hits     []bool
	open     int // patterns not found yet
	longest  int // bytes
}

func newFinder(patterns []string) *finder {
	f := &finder{patterns: patterns, hits: make([]bool, len(patterns)), open: len(patterns)}
	for _, p := range patterns {
		f.longest = max(f.longest, len(p))
	}
	return f
}

// text searches in a folded text.
func (f *finder) text(folded string) {
	for i, p := range f.patterns {
		if !f.hits[i] && strings.Contains(folded, p) {
			f.hits[i] = true
			f.open--
		}
	}
}

// read searches in a text of any length, folding it piece by piece. The end of
// a folded piece is kept for the next, as long as a pattern may lie across.
func (f *finder) read(ctx context.Context, r io.Reader) error {
	buf := make([]byte, 32<<10)
	kept, tail := 0, "" // bytes of buf not folded yet; end of the folded text
	for f.open > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, buf[kept:])
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		piece := buf[:kept+n]
		cut := len(piece)
		if !last {
			cut = foldable(piece)
		}
		window := tail + message.Fold(string(piece[:cut]))
		f.text(window)
		if last {
			return nil
		}
		tail = window[max(0, len(window)-f.longest):]
		kept = copy(buf, piece[cut:])
	}
	return nil
}

// foldable returns how much of a piece can be folded without what follows: up
// to a space near its end, since no letter combines across one, else to the
// end of a character.
func foldable(piece []byte) int {
	for i := len(piece); i > max(1, len(piece)-1024); i-- {
		if c := piece[i-1]; c == ' ' || c == '\n' {
			return i - 1 // the space goes with what follows: a mark may combine with it
		}
	}
	for i := len(piece); i > max(1, len(piece)-utf8.UTFMax); i-- {
		if utf8.RuneStart(piece[i-1]) {
			return i - 1
		}
	}
	return len(piece)
}
