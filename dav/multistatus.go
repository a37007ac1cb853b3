package dav

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"fachwerk/internal/resource"
)

// block is how much of an answer is gathered before it is sent, bytes. What is smaller
// goes with its length; what is larger in chunks, so that memory stays flat.
const block = 64 << 10

// Multistatus is an answer about many resources (RFC 4918 section 13).
type Multistatus struct {
	*XML
	r *Request
}

// Multistatus begins a 207. It is sent in blocks as it grows; an error returned before
// the first went out is answered as an error of its own, a later one breaks it off. The
// core ends it after the head has returned.
func (r *Request) Multistatus() *Multistatus {
	m := &Multistatus{XML: &XML{b: make([]byte, 0, 4<<10)}, r: r}
	m.root(D("multistatus"))
	m.send = m.flush
	r.multi = m
	return m
}

// batchBytes is how much content is held for one answer at a time; what is larger than
// resource.Small is not held at all where properties stream it.
const batchBytes = 1 << 20

// Resources writes a DAV:response for each with the selected properties. It loads what
// they need where it is not loaded yet: call it with a few hundred at a time. Contents
// and properties are let go again. One that is not there any more is answered 404.
func (m *Multistatus) Resources(ctx context.Context, list []*Target, s *Selection) error {
	for most := len(list); len(list) > 0; most *= 2 {
		n := min(m.batch(list, s), most)
		err := m.load(ctx, list[:n], s)
		for n > 1 && errors.Is(err, resource.ErrTooMany) { // their properties are large
			n /= 2
			err = m.load(ctx, list[:n], s)
		}
		if err != nil {
			return err
		}
		most = n
		for _, t := range list[:n] {
			if err := m.resource(ctx, t, s); err != nil {
				return err
			}
			if t.loaded&NeedBody != 0 {
				t.Body, t.loaded = nil, t.loaded&^NeedBody
			}
			t.large = nil
			if t.loaded&NeedStored != 0 {
				t.Stored, t.loaded = nil, t.loaded&^NeedStored
			}
		}
		list = list[n:]
	}
	return nil
}

// batch is how many of the list are loaded together.
func (m *Multistatus) batch(list []*Target, s *Selection) int {
	var size int64
	for i, t := range list {
		s.compile(m.r.s, t)
		if s.need&NeedBody != 0 && t.Body == nil && t.Exists && !s.opens(t) {
			if size += t.Item.Size; size > batchBytes && i > 0 {
				return i
			}
		}
		if s.need&NeedStored != 0 && t.Level == AtCollection && i > 0 {
			return i // its properties may be large, and are read on their own anyway
		}
	}
	return len(list)
}

func (m *Multistatus) resource(ctx context.Context, t *Target, s *Selection) error {
	switch {
	case !t.Exists:
		return m.Status(t.Href, http.StatusNotFound, nil)
	case s.empty():
		return m.Status(t.Href, http.StatusOK, nil)
	}
	if err := s.response(ctx, m.r, m.XML, t); err != nil {
		return err
	}
	return m.flush()
}

// empty: nothing was asked for but the hrefs.
func (s *Selection) empty() bool { return !s.all && !s.names && len(s.asked) == 0 }

// load loads runs of targets that need the same.
func (m *Multistatus) load(ctx context.Context, list []*Target, s *Selection) error {
	for begin := 0; begin < len(list); {
		s.compile(m.r.s, list[begin])
		need, level := s.need, list[begin].Level
		end := begin + 1
		for end < len(list) && list[end].Level == level && list[end].mount == list[begin].mount {
			end++
		}
		if err := m.open(ctx, list[begin:end], s); err != nil {
			return err
		}
		if need != 0 {
			if err := m.r.Load(ctx, list[begin:end], need); err != nil {
				return err
			}
		}
		begin = end
	}
	return nil
}

// opens reports whether the content of a target is streamed instead of being loaded.
func (s *Selection) opens(t *Target) bool {
	return s.streams && s.need&NeedBody != 0 && t.Body == nil && t.Exists && t.Level == AtMember &&
		t.Virtual == nil && t.Item.Size > resource.Small
}

// open opens contents that are streamed, so that what else is told of them belongs to the
// same content.
func (m *Multistatus) open(ctx context.Context, list []*Target, s *Selection) error {
	for _, t := range list {
		if !s.opens(t) {
			continue
		}
		content, err := m.r.content(ctx, t)
		switch {
		case !t.Exists: // it has gone
		case err != nil:
			return err
		default:
			t.large = content
		}
	}
	return nil
}

// Status writes a DAV:response of an href with a status alone, and with the element and
// sentence of why if that is not nil.
func (m *Multistatus) Status(href string, status int, why *Precondition) error {
	m.Open(D("response"))
	m.Href(href)
	m.status(status)
	m.because(why)
	m.Close(D("response"))
	return m.flush()
}

// flush sends what has gathered, if it is enough.
func (m *Multistatus) flush() error {
	if len(m.b) < block {
		return nil
	}
	m.begin()
	_, err := m.r.w.Write(m.b)
	m.gone += len(m.b)
	m.b = m.b[:0]
	return err
}

func (m *Multistatus) begin() {
	if m.r.w.status == 0 {
		m.r.w.Header().Set("Content-Type", xmlType)
		m.r.w.WriteHeader(http.StatusMultiStatus)
	}
}

// end closes the answer.
func (m *Multistatus) end() error {
	m.Close(D("multistatus"))
	if m.r.w.status == 0 {
		m.r.w.Header().Set("Content-Length", strconv.Itoa(len(m.b)))
	}
	m.begin()
	_, err := m.r.w.Write(m.b)
	return err
}

// Load fills in what is needed, for many targets of one collection in few round trips.
func (r *Request) Load(ctx context.Context, list []*Target, n Need) error {
	for begin := 0; begin < len(list); {
		end := begin + 1
		for end < len(list) && sameCollection(list[begin], list[end]) {
			end++
		}
		if err := loadRun(ctx, list[begin:end], n); err != nil {
			return err
		}
		begin = end
	}
	return nil
}

func sameCollection(a, b *Target) bool {
	return a.Virtual == b.Virtual && a.Collection.ID == b.Collection.ID && a.Account.Key == b.Account.Key
}

func loadRun(ctx context.Context, list []*Target, n Need) error {
	if list[0].source == nil {
		return nil
	}
	if n&NeedBody != 0 {
		if err := loadBodies(ctx, list); err != nil {
			return err
		}
	}
	if n&NeedFacts != 0 {
		if err := loadFacts(ctx, list); err != nil {
			return err
		}
	}
	if n&NeedStored != 0 {
		return loadStored(ctx, list)
	}
	return nil
}

// lacking are the targets that something is not loaded for yet, with their items.
func lacking(list []*Target, n Need, levels Level) (of []*Target, items []resource.Item) {
	for _, t := range list {
		if t.loaded&n == 0 && t.Exists && t.Level&levels != 0 {
			t.loaded |= n
			of = append(of, t)
			items = append(items, t.Item)
		}
	}
	return of, items
}

// loadBodies reads contents. What was replaced since the item was read is looked up
// again, so that ETag and content belong together.
func loadBodies(ctx context.Context, list []*Target) error {
	for range 3 {
		var of []*Target
		var items []resource.Item
		for _, t := range list {
			if t.Body == nil && t.large == nil && t.Exists && t.Level == AtMember {
				of, items = append(of, t), append(items, t.Item)
			}
		}
		if len(of) == 0 {
			return nil
		}
		left := len(of)
		err := of[0].source.Bodies(ctx, of[0].Collection, items, func(i int, body []byte) error {
			of[i].Body = append(make([]byte, 0, len(body)), body...)
			of[i].loaded |= NeedBody
			left--
			return nil
		})
		if err != nil || left == 0 {
			return err
		}
		if err := lookAgain(ctx, of); err != nil {
			return err
		}
	}
	return resource.ErrTemporary
}

func lookAgain(ctx context.Context, list []*Target) error {
	for _, t := range list {
		if t.Body != nil {
			continue
		}
		found, err := t.source.Named(ctx, t.Collection, t.Parent(), []string{t.Name()})
		if err != nil {
			return err
		}
		if len(found) == 0 || found[0].ID == 0 || found[0].Folder {
			t.Exists = false
			continue
		}
		t.Item = found[0]
	}
	return nil
}

func loadFacts(ctx context.Context, list []*Target) error {
	of, items := lacking(list, NeedFacts, AtMember)
	if len(of) == 0 {
		return nil
	}
	return of[0].source.Facts(ctx, of[0].Collection, items, func(i int, encoder int16, facts []byte) error {
		of[i].Facts, of[i].FactsEncoder = append(make([]byte, 0, len(facts)), facts...), encoder
		return nil
	})
}

// loadStored reads the properties of items and of the collection itself (key 0).
func loadStored(ctx context.Context, list []*Target) error {
	of, items := lacking(list, NeedStored, AtCollection|AtFolder|AtMember)
	if len(of) == 0 {
		return nil
	}
	var ids []int64
	for i := range items {
		if items[i].ID != 0 {
			ids = append(ids, items[i].ID)
		}
	}
	found, err := of[0].source.Properties(ctx, of[0].Collection, ids)
	if err != nil {
		for _, t := range of {
			t.loaded &^= NeedStored
		}
		return err
	}
	for i, t := range of {
		t.Stored = found[items[i].ID]
	}
	return nil
}
