package contacts

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"fachwerk/internal/resource"
)

// State is a tenant's directory at one time. It answers as the reading side of
// resource.Service does, for its one collection, and does not change.
type State struct {
	columns
	tenant       int64
	organization string
	entries      []entry // by name of the resource
	digest       string  // of all that it says; ETag and sync token
	oldest       time.Time
	size         int64
	history      []step // the states before, oldest first
}

type entry struct {
	Person
	name string // of the resource: its UUID
	etag uint64 // from a digest of the card
	size int32
}

// step is what became otherwise when a state was followed by the next.
type step struct {
	from    string   // digest
	changed []string // names, those gone included
}

// maxSteps is how many states back a sync token is known, and maxStepNames how many
// names that may be. Older ones are refused, and the client reads all.
const (
	maxSteps     = 64
	maxStepNames = 10_000
)

// suffix is that of the resources' names.
const suffix = ".vcf"

func newState(tenant int64, organization string, list []Person, before *State) *State {
	s := &State{tenant: tenant, organization: organization, entries: make([]entry, 0, len(list))}
	s.cards = s
	known := before.byAccount(organization)
	var buf []byte
	for i := range list {
		p := &list[i]
		e, ok := known(p)
		if !ok {
			buf = p.card(tenant, organization).Append(buf[:0])
			sum := sha256.Sum256(buf)
			e = entry{Person: *p, name: entryID(tenant, p.Account), etag: binary.BigEndian.Uint64(sum[:]), size: int32(len(buf))}
		}
		s.entries = append(s.entries, e)
		s.size += int64(entryBytes + len(e.name) + len(p.Address) + len(p.DisplayName))
		for _, a := range p.Aliases {
			s.size += int64(len(a) + 16)
		}
		if s.oldest.IsZero() || p.Changed.Before(s.oldest) {
			s.oldest = p.Changed
		}
	}
	slices.SortFunc(s.entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	s.sum()
	if before != nil {
		s.follow(before)
	}
	return s
}

// byAccount finds the entries that can stay as they are.
func (s *State) byAccount(organization string) func(p *Person) (entry, bool) {
	if s == nil || s.organization != organization {
		return func(*Person) (entry, bool) { return entry{}, false }
	}
	at := make(map[int64]int32, len(s.entries))
	for i := range s.entries {
		at[s.entries[i].Account] = int32(i)
	}
	return func(p *Person) (entry, bool) {
		i, ok := at[p.Account]
		if !ok {
			return entry{}, false
		}
		e := s.entries[i]
		return e, e.Kind == p.Kind && e.Address == p.Address && e.DisplayName == p.DisplayName &&
			e.Changed.Equal(p.Changed) && slices.Equal(e.Aliases, p.Aliases)
	}
}

// entryBytes is about what an entry takes beside its strings.
const entryBytes = 176

// sum digests names and ETags, so that all replicas with the same people have the same
// token.
func (s *State) sum() {
	h := sha256.New()
	for i := range s.entries {
		e := &s.entries[i]
		h.Write(binary.BigEndian.AppendUint64([]byte(e.name), e.etag))
	}
	s.digest = hex.EncodeToString(h.Sum(nil)[:12])
}

// follow notes how it differs from the state before.
func (s *State) follow(before *State) {
	s.history = before.history
	if before.digest == s.digest {
		return
	}
	diff := step{from: before.digest}
	a, b := before.entries, s.entries
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].name < b[0].name:
			diff.changed, a = append(diff.changed, a[0].name), a[1:]
		case len(a) == 0 || b[0].name < a[0].name:
			diff.changed, b = append(diff.changed, b[0].name), b[1:]
		default:
			if a[0].etag != b[0].etag {
				diff.changed = append(diff.changed, a[0].name)
			}
			a, b = a[1:], b[1:]
		}
	}
	s.history = append(slices.Clone(before.history), diff)
	names := 0
	for i := len(s.history) - 1; i >= 0; i-- {
		names += len(s.history[i].changed)
		if names > maxStepNames || len(s.history)-i > maxSteps {
			s.history = s.history[i+1:]
			break
		}
	}
}

func (s *State) bytes() int64 { return s.size + s.columns.bytes.Load() }

// Len is the number of entries.
func (s *State) Len() int { return len(s.entries) }

// Card makes the card of one.
func (s *State) Card(i int) (*Card, error) {
	return s.entries[i].card(s.tenant, s.organization), nil
}

// Texts gives those of FN, N and EMAIL, for which people search, without making the card.
func (s *State) Texts(i int, name string, f func(text string, left bool)) error {
	p := &s.entries[i].Person
	switch name {
	case "FN":
		f(p.name(), false)
	case "N":
		f(p.structuredName(), false)
	case "EMAIL":
		f(p.Address, false)
		for _, a := range p.Aliases {
			f(a, false)
		}
	case "VERSION", "UID", "ORG", "KIND", "X-ABSHOWAS":
		c, err := s.Card(i)
		if err != nil {
			return err
		}
		for j := range c.Properties {
			if q := &c.Properties[j]; q.Name == name {
				f(q.Text(), false)
			}
		}
	}
	return nil
}

// item is an entry as a resource.
func (s *State) item(i int) resource.Item {
	e := &s.entries[i]
	return resource.Item{
		ID: e.Account, UID: int64(i) + 1, Name: e.name + suffix,
		ETag: strconv.FormatUint(e.etag, 16), Size: int64(e.size), Modified: e.Changed, Created: e.Changed,
	}
}

// find is the number of the entry with that resource name.
func (s *State) find(name string) (int, bool) {
	uuid, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return 0, false
	}
	return slices.BinarySearchFunc(s.entries, uuid, func(e entry, n string) int { return cmp.Compare(e.name, n) })
}

// Search finds up to limit entries (0: all) that match a filter.
func (s *State) Search(f *Filter, limit int) (found Found, err error) {
	look := func(i int) bool {
		card, _ := s.Card(i)
		switch {
		case !f.Matches(card):
		case limit > 0 && len(found.Items) == limit:
			found.More = true
		default:
			found.Items = append(found.Items, s.item(i))
		}
		return !found.More
	}
	candidates, err := s.candidates(f)
	if err != nil {
		return Found{}, err
	}
	if candidates != nil {
		candidates.each(look)
		return found, nil
	}
	for i := range s.entries {
		if !look(i) {
			break
		}
	}
	return found, nil
}

// Walk finds one entry.
func (s *State) Walk(_ context.Context, _ resource.Collection, _ int64, names []string) ([]resource.Item, error) {
	if len(names) == 0 {
		return nil, nil
	}
	if i, ok := s.find(names[0]); ok {
		return []resource.Item{s.item(i)}, nil
	}
	return nil, nil
}

// Members lists entries by name.
func (s *State) Members(_ context.Context, _ resource.Collection, _ int64, after string, limit int) (list []resource.Item, err error) {
	i := sort.Search(len(s.entries), func(i int) bool { return s.entries[i].name+suffix > after })
	for ; i < len(s.entries) && len(list) < limit; i++ {
		list = append(list, s.item(i))
	}
	return list, nil
}

// Named finds entries by name.
func (s *State) Named(_ context.Context, _ resource.Collection, _ int64, names []string) ([]resource.Item, error) {
	list := make([]resource.Item, len(names))
	for k, n := range names {
		if i, ok := s.find(n); ok {
			list[k] = s.item(i)
		}
	}
	return list, nil
}

// Bodies makes the cards of items.
func (s *State) Bodies(ctx context.Context, _ resource.Collection, items []resource.Item, f func(i int, body []byte) error) error {
	var buf []byte
	for k := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		i, ok := s.find(items[k].Name)
		if !ok {
			continue
		}
		buf = s.entries[i].card(s.tenant, s.organization).Append(buf[:0])
		if err := f(k, buf); err != nil {
			return err
		}
	}
	return nil
}

// Facts has none: cards are made from what is in memory.
func (s *State) Facts(context.Context, resource.Collection, []resource.Item, func(int, int16, []byte) error) error {
	return nil
}

// Properties names the directory for people.
func (s *State) Properties(context.Context, resource.Collection, []int64) (map[int64][]resource.Property, error) {
	name := "Verzeichnis"
	if s.organization != "" {
		name += " " + s.organization
	}
	return map[int64][]resource.Property{0: {DisplayName(name)}}, nil
}

// DisplayName is the property by which people know an address book (RFC 4918 section
// 15.2).
func DisplayName(name string) resource.Property {
	var b bytes.Buffer
	b.WriteString(`<displayname xmlns="DAV:">`)
	_ = xml.EscapeText(&b, []byte(name)) // a buffer takes everything
	b.WriteString(`</displayname>`)
	return resource.Property{Name: xml.Name{Space: "DAV:", Local: "displayname"}, Value: b.Bytes()}
}

// Changes answers what became otherwise since a token. A token is the digest of a state;
// while all is listed page by page, that and the number of the next entry.
func (s *State) Changes(_ context.Context, _ resource.Collection, token string, limit int) (resource.Changes, error) {
	digest, at, paging := strings.Cut(token, "-")
	from := 0
	switch {
	case token == "":
	case digest == s.digest && !paging:
		return resource.Changes{Token: s.digest}, nil
	case digest == s.digest:
		n, err := strconv.Atoi(at)
		if err != nil || n < 0 || n > len(s.entries) {
			return resource.Changes{}, resource.ErrToken
		}
		from = n
	case paging:
		return resource.Changes{}, resource.ErrToken
	default:
		return s.since(digest, limit)
	}
	out := resource.Changes{Token: s.digest}
	for i := from; i < len(s.entries); i++ {
		if len(out.List) == limit {
			out.Token, out.More = s.digest+"-"+strconv.Itoa(i), true
			break
		}
		out.List = append(out.List, resource.Change{Path: s.entries[i].name + suffix, Item: s.item(i)})
	}
	return out, nil
}

// since lists what the steps from an earlier state on changed. More than the limit is
// answered by reading all again.
func (s *State) since(digest string, limit int) (resource.Changes, error) {
	first := slices.IndexFunc(s.history, func(h step) bool { return h.from == digest })
	if first < 0 {
		return resource.Changes{}, resource.ErrToken
	}
	var names []string
	for _, h := range s.history[first:] {
		names = append(names, h.changed...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > limit {
		return resource.Changes{}, resource.ErrToken
	}
	out := resource.Changes{Token: s.digest}
	for _, n := range names {
		c := resource.Change{Path: n + suffix, Removed: true}
		if i, ok := s.find(c.Path); ok {
			c.Removed, c.Item = false, s.item(i)
		}
		out.List = append(out.List, c)
	}
	return out, nil
}

// NameOf is the resource name of the entry with an address.
func (s *State) NameOf(address string) (string, bool, error) {
	t := NewTextMatch(address, ASCIICasemap, Equals, false)
	found, err := s.Search(&Filter{Props: []PropFilter{{Name: "EMAIL", Texts: []TextMatch{t}}}}, 1)
	if err != nil || len(found.Items) == 0 {
		return "", false, err
	}
	return found.Items[0].Name, true, nil
}
