package carddav

import (
	"context"
	"errors"
	"net/http"

	"fachwerk/contacts"
	"fachwerk/dav"
	"fachwerk/internal/resource"
)

// Reports are those of RFC 6352 section 8.
func (h *Head) Reports() []dav.Report {
	return []dav.Report{
		{Name: dav.CardDAV("addressbook-query"), On: dav.AtHome | dav.AtCollection | dav.AtMember, Run: h.query},
		{Name: dav.CardDAV("addressbook-multiget"), On: dav.AtHome | dav.AtCollection | dav.AtMember, Run: h.multiget},
	}
}

// How many resources are answered at once, and about how many bytes of them.
const (
	batch      = 200
	batchBytes = 1 << 20
)

// first is how many of n resources, of these sizes, are answered together.
func first(n int, size func(i int) int64) int {
	var sum int64
	for i := range n {
		if sum += size(i); i > 0 && sum > batchBytes || i == batch {
			return i
		}
	}
	return n
}

// match is a card that is to be answered.
type match struct {
	book *dav.Target
	item resource.Item
}

// directoryMatches is how many entries of the directory a query answers at most: who
// looks for a name types on, and who wants all of them syncs.
const directoryMatches = 1000

// query is addressbook-query (RFC 6352 section 8.6).
func (h *Head) query(ctx context.Context, r *dav.Request, t *dav.Target, body *dav.Element) error {
	filter, err := readFilter(body.Child(dav.CardDAV("filter")))
	if err != nil {
		return err
	}
	limit, err := readLimit(body)
	if err != nil {
		return err
	}
	selection, err := selected(r, body)
	if err != nil {
		return err
	}
	q := query{h: h, r: r, filter: &filter, limit: limit, selection: selection}
	depth := r.Depth
	if r.Header.Get("Depth") == "" && t.Level == dav.AtCollection {
		depth = dav.Depth1 // section 8.6 has 0, which finds nothing; nobody means that
	}
	switch {
	case t.Level == dav.AtMember:
		err = q.member(ctx, t)
	case t.Level == dav.AtCollection && depth != dav.Depth0:
		err = q.collection(ctx, t)
	case t.Level == dav.AtHome && depth == dav.DepthInfinity:
		err = q.home(ctx, t)
	}
	if err != nil {
		return err
	}
	return q.answer(ctx, t)
}

// selected reads which properties are asked for, and refuses forms of address-data that
// there are not, before anything is looked for.
func selected(r *dav.Request, body *dav.Element) (*dav.Selection, error) {
	s, err := r.Selection(body)
	if err != nil {
		return nil, err
	}
	if e := s.Wants(addressData.Space, addressData.Local); e != nil {
		if _, err := readAddressData(e); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// query is one addressbook-query on its way.
type query struct {
	h         *Head
	r         *dav.Request
	filter    *contacts.Filter
	limit     int // 0: none
	selection *dav.Selection
	found     []match
	more      bool
	multi     *dav.Multistatus
}

// m begins the answer.
func (q *query) m() *dav.Multistatus {
	if q.multi == nil {
		q.multi = q.r.Multistatus()
	}
	return q.multi
}

// room is how many more may be found; 0: any number.
func (q *query) room() (n int, full bool) {
	if q.limit == 0 {
		return 0, false
	}
	n = q.limit - len(q.found)
	return n, n <= 0
}

func (q *query) collection(ctx context.Context, t *dav.Target) error {
	limit, full := q.room()
	if full {
		limit = 1 // to know whether there are more
	}
	var found contacts.Found
	var err error
	if directory, ok := t.Source().(*contacts.State); ok {
		if limit == 0 || limit > directoryMatches {
			limit = directoryMatches
		}
		found, err = directory.Search(q.filter, limit)
	} else {
		found, err = q.h.books.Search(ctx, q.h.resources, t.Collection, q.filter, limit)
	}
	if err != nil {
		return err
	}
	q.more = q.more || found.More || full && len(found.Items) > 0
	if full {
		return nil
	}
	for _, i := range found.Items {
		q.found = append(q.found, match{t, i})
	}
	return nil
}

func (q *query) home(ctx context.Context, t *dav.Target) error {
	list, err := q.r.Collections(ctx, t)
	if err != nil {
		return err
	}
	for _, c := range list {
		if err := q.collection(ctx, c); err != nil {
			return err
		}
		if q.more {
			break
		}
	}
	return nil
}

// member asks the one card at t.
func (q *query) member(ctx context.Context, t *dav.Target) error {
	found, err := q.matches(ctx, t)
	if err != nil || !found {
		return err
	}
	return q.m().Resources(ctx, []*dav.Target{t}, q.selection)
}

func (q *query) matches(ctx context.Context, t *dav.Target) (found bool, err error) {
	if t.Virtual != nil { // an entry of the directory, which is small
		if err := q.r.Load(ctx, []*dav.Target{t}, dav.NeedBody); err != nil {
			return false, err
		}
		card, err := contacts.Parse(t.Body)
		return err == nil && q.filter.Matches(card), nil
	}
	err = contacts.Look(ctx, q.h.resources, t.Collection, t.Item, func(c *contacts.Card) error {
		found = q.filter.Matches(c)
		return nil
	})
	if bad := (*contacts.InvalidError)(nil); errors.As(err, &bad) { // stored by other rules
		return q.filter.Matches(&contacts.Card{}), nil
	}
	return found, err
}

func (q *query) answer(ctx context.Context, t *dav.Target) error {
	m := q.m()
	for list := q.found; len(list) > 0; {
		n := first(len(list), func(i int) int64 { return list[i].item.Size })
		targets := make([]*dav.Target, n)
		for i, found := range list[:n] {
			targets[i] = q.r.Member(found.book, found.item)
		}
		if err := m.Resources(ctx, targets, q.selection); err != nil {
			return err
		}
		list = list[n:]
	}
	if q.more { // RFC 6352 section 8.6.2
		return m.Status(t.Href, http.StatusInsufficientStorage, dav.Refusal(http.StatusInsufficientStorage,
			dav.D("number-of-matches-within-limits"), "There are more matches than are answered."))
	}
	return nil
}

// multiget is addressbook-multiget (RFC 6352 section 8.7).
func (h *Head) multiget(ctx context.Context, r *dav.Request, t *dav.Target, body *dav.Element) error {
	selection, err := selected(r, body)
	if err != nil {
		return err
	}
	var hrefs []string
	seen := map[string]bool{}
	for _, c := range body.Children {
		if c.Name == dav.D("href") && !seen[c.Text] {
			hrefs, seen[c.Text] = append(hrefs, c.Text), true
		}
	}
	if len(hrefs) == 0 {
		return malformed("The request names no resource.")
	}
	m := r.Multistatus()
	for len(hrefs) > 0 {
		n := min(batch, len(hrefs))
		if err := h.some(ctx, r, t, m, hrefs[:n], selection); err != nil {
			return err
		}
		hrefs = hrefs[n:]
	}
	return nil
}

// some answers some of the hrefs of a multiget.
func (h *Head) some(ctx context.Context, r *dav.Request, t *dav.Target, m *dav.Multistatus, hrefs []string, s *dav.Selection) error {
	targets, err := r.Resolve(ctx, t, hrefs)
	if err != nil {
		return err
	}
	found := make([]*dav.Target, 0, len(targets))
	for i, target := range targets {
		if target != nil && target.Exists && target.Level == dav.AtMember {
			found = append(found, target)
			continue
		}
		if err := m.Status(hrefs[i], http.StatusNotFound, nil); err != nil {
			return err
		}
	}
	for len(found) > 0 {
		n := first(len(found), func(i int) int64 { return found[i].Item.Size })
		if err := m.Resources(ctx, found[:n], s); err != nil {
			return err
		}
		found = found[n:]
	}
	return nil
}
