package contacts

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fachwerk/internal/resource"
)

var sample = vcard("3.0", "UID:1", "FN:Jürgen Groß", "N:Groß;Jürgen;;Dr.;",
	"item1.EMAIL;TYPE=INTERNET,WORK:juergen@musterstadt.example", "item2.EMAIL;TYPE=HOME:j.gross@example.org",
	"NOTE:erste Zeile\\nzweite\\, Zeile", "TEL;TYPE=CELL:0151 1")

func one(p PropFilter) Filter { return Filter{Props: []PropFilter{p}} }

func text(s string, m Match) TextMatch { return NewTextMatch(s, UnicodeCasemap, m, false) }

// TestFilter goes through RFC 6352 section 10.5.
func TestFilter(t *testing.T) {
	card := parse(t, sample)
	not := NewTextMatch("example.org", UnicodeCasemap, Contains, true)
	work := text("work", Equals)
	for name, c := range map[string]struct {
		f    Filter
		want bool
	}{
		"nothing asked":                 {Filter{}, true},
		"nothing asked, allof":          {Filter{Test: AllOf}, true},
		"defined":                       {one(PropFilter{Name: "email"}), true},
		"defined, is not":               {one(PropFilter{Name: "PHOTO"}), false},
		"is-not-defined":                {one(PropFilter{Name: "PHOTO", NotDefined: true}), true},
		"is-not-defined, is":            {one(PropFilter{Name: "EMAIL", NotDefined: true}), false},
		"group":                         {one(PropFilter{Group: "ITEM2", Name: "EMAIL", Texts: []TextMatch{text("gross", Contains)}}), true},
		"other group":                   {one(PropFilter{Group: "item1", Name: "EMAIL", Texts: []TextMatch{text("gross", Contains)}}), false},
		"group that is not there":       {one(PropFilter{Group: "item3", Name: "EMAIL", NotDefined: true}), true},
		"contains, other case":          {one(PropFilter{Name: "FN", Texts: []TextMatch{text("JÜRG", Contains)}}), true},
		"contains, decomposed":          {one(PropFilter{Name: "FN", Texts: []TextMatch{text("ju\u0308rgen", StartsWith)}}), true},
		"equals":                        {one(PropFilter{Name: "FN", Texts: []TextMatch{text("jürgen groß", Equals)}}), true},
		"equals a part":                 {one(PropFilter{Name: "FN", Texts: []TextMatch{text("jürgen", Equals)}}), false},
		"starts":                        {one(PropFilter{Name: "FN", Texts: []TextMatch{text("groß", StartsWith)}}), false},
		"ends":                          {one(PropFilter{Name: "FN", Texts: []TextMatch{text("groß", EndsWith)}}), true},
		"ascii, umlaut of other case":   {one(PropFilter{Name: "FN", Texts: []TextMatch{NewTextMatch("jÜrgen", ASCIICasemap, Contains, false)}}), false},
		"ascii":                         {one(PropFilter{Name: "FN", Texts: []TextMatch{NewTextMatch("JüRGEN", ASCIICasemap, Contains, false)}}), true},
		"octet":                         {one(PropFilter{Name: "FN", Texts: []TextMatch{NewTextMatch("jürgen", Octet, Contains, false)}}), false},
		"escapes undone":                {one(PropFilter{Name: "NOTE", Texts: []TextMatch{text("zeile\nzweite, zeile", Contains)}}), true},
		"structured":                    {one(PropFilter{Name: "N", Texts: []TextMatch{text("groß;jürgen", StartsWith)}}), true},
		"negated: one value is without": {one(PropFilter{Name: "EMAIL", Texts: []TextMatch{not}}), true},
		"negated: none is without":      {one(PropFilter{Group: "item2", Name: "EMAIL", Texts: []TextMatch{not}}), false},
		"negated wants the property":    {one(PropFilter{Name: "URL", Texts: []TextMatch{not}}), false},
		"allof in one value": {one(PropFilter{Name: "EMAIL", Test: AllOf, Texts: []TextMatch{text("gross", Contains)},
			Params: []ParamFilter{{Name: "type", Text: &work}}}), false},
		"anyof in one value": {one(PropFilter{Name: "EMAIL", Texts: []TextMatch{text("nobody", Contains)},
			Params: []ParamFilter{{Name: "TYPE", Text: &work}}}), true},
		"param defined":         {one(PropFilter{Name: "TEL", Params: []ParamFilter{{Name: "TYPE"}}}), true},
		"param is-not-defined":  {one(PropFilter{Name: "TEL", Params: []ParamFilter{{Name: "TYPE", NotDefined: true}}}), false},
		"param not there":       {one(PropFilter{Name: "FN", Params: []ParamFilter{{Name: "TYPE", NotDefined: true}}}), true},
		"param of other values": {one(PropFilter{Name: "TEL", Params: []ParamFilter{{Name: "TYPE", Text: &work}}}), false},
		"anyof props":           {Filter{Props: []PropFilter{{Name: "PHOTO"}, {Name: "TEL"}}}, true},
		"allof props":           {Filter{Test: AllOf, Props: []PropFilter{{Name: "PHOTO"}, {Name: "TEL"}}}, false},
		"allof props, all":      {Filter{Test: AllOf, Props: []PropFilter{{Name: "FN"}, {Name: "TEL"}}}, true},
	} {
		if got := c.f.Matches(card); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestParamsAreLists has each value of TYPE found by itself, however it is written.
func TestParamsAreLists(t *testing.T) {
	home := text("home", Equals)
	f := one(PropFilter{Name: "TEL", Params: []ParamFilter{{Name: "TYPE", Text: &home}}})
	for _, line := range []string{"TEL;TYPE=voice,home:1", "TEL;TYPE=\"voice,home\":1", "TEL;TYPE=VOICE;TYPE=HOME:1"} {
		if !f.Matches(parse(t, vcard("4.0", "UID:1", "FN:x", line))) {
			t.Errorf("%s was not found", line)
		}
	}
}

// source is an address book of cards in memory.
type source struct {
	bodies map[string]string
	facts  map[string][]byte
	log    []resource.Change // in the order of modseqs
	opened int
}

func (s *source) put(name, body string, withFacts bool) {
	i := resource.Item{ID: int64(len(s.log) + 1), Name: name, ETag: fmt.Sprint(len(s.log)), ModSeq: int64(len(s.log) + 1)}
	s.bodies[name] = body
	delete(s.facts, name)
	if withFacts {
		c, err := Parse([]byte(body))
		if err != nil {
			panic(err)
		}
		s.facts[name] = c.Facts()
	}
	s.log = append(s.log, resource.Change{Path: name, Item: i})
}

func (s *source) remove(name string) {
	delete(s.bodies, name)
	s.log = append(s.log, resource.Change{Path: name, Removed: true})
}

func (s *source) collection() resource.Collection {
	return resource.Collection{ID: 7, ModSeq: int64(len(s.log))}
}

// Changes answers the last change of each name after a token.
func (s *source) Changes(_ context.Context, _ resource.Collection, token string, limit int) (out resource.Changes, err error) {
	at := 0
	if token != "" {
		if token == "old" {
			return out, resource.ErrToken
		}
		fmt.Sscan(token, &at)
	}
	last := map[string]int{}
	for i, ch := range s.log {
		last[ch.Path] = i
	}
	for ; at < len(s.log); at++ {
		if len(out.List) == limit {
			out.More = true
			break
		}
		if last[s.log[at].Path] == at && !(token == "" && s.log[at].Removed) {
			out.List = append(out.List, s.log[at])
		}
	}
	out.Token = fmt.Sprint(at)
	return out, nil
}

func (s *source) Facts(_ context.Context, _ resource.Collection, items []resource.Item, f func(int, int16, []byte) error) error {
	for i, it := range items {
		if facts := s.facts[it.Name]; facts != nil {
			if err := f(i, FactsEncoder, facts); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *source) Contents(_ context.Context, _ resource.Collection, items []resource.Item, _ func(int64) int64, f func(int, []byte) error) error {
	for i, it := range items {
		if body, ok := s.bodies[it.Name]; ok {
			s.opened++
			if err := f(i, []byte(body)); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestSearchFindsWhatTheFilterMatches compares searches by columns, and those of books
// too large to keep, with the filter's own word on every card, over random books that
// change and random filters.
func TestSearchFindsWhatTheFilterMatches(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	src := &source{bodies: map[string]string{}, facts: map[string][]byte{}}
	books, tiny := NewBooks(0), NewBooks(1)
	for round := range 20 {
		for range 1 + rng.IntN(40) {
			name := fmt.Sprint("c", rng.IntN(400), ".vcf")
			if rng.IntN(6) == 0 {
				if _, there := src.bodies[name]; there {
					src.remove(name)
				}
				continue
			}
			src.put(name, randomCard(rng, name), rng.IntN(10) > 0)
		}
		for range 30 {
			f := randomFilter(rng)
			var want []string
			for name, body := range src.bodies {
				if f.Matches(parse(t, body)) {
					want = append(want, name)
				}
			}
			slices.Sort(want)
			for kind, b := range map[string]*Books{"kept": books, "streamed": tiny} {
				found, err := b.Search(t.Context(), src, src.collection(), &f, 0)
				if err != nil {
					t.Fatal(err)
				}
				if got := names(found); !slices.Equal(got, want) {
					t.Fatalf("round %d, %s, %+v:\nfound %v\nwant  %v", round, kind, f, got, want)
				}
				if n := len(want); n > 1 {
					some, err := b.Search(t.Context(), src, src.collection(), &f, n-1)
					if err != nil || !some.More || len(some.Items) != n-1 {
						t.Fatalf("%s, limit %d of %d: %d, %v, %v", kind, n-1, n, len(some.Items), some.More, err)
					}
				}
			}
		}
	}
}

func names(f Found) []string {
	var list []string
	for _, i := range f.Items {
		list = append(list, i.Name)
	}
	slices.Sort(list)
	return list
}

var words = []string{"Müller", "MÜLLER", "Jo", "anna", "groß", "Straße", "x", "ﬁn", "Å", "å", "meier;", ""}

func randomCard(rng *rand.Rand, uid string) string {
	lines := []string{"UID:" + uid, "FN:" + words[rng.IntN(len(words))] + " " + words[rng.IntN(len(words))]}
	for range rng.IntN(4) {
		kind := []string{"EMAIL", "TEL;TYPE=work", "item1.EMAIL;TYPE=home", "NOTE"}[rng.IntN(4)]
		lines = append(lines, kind+":"+words[rng.IntN(len(words))]+words[rng.IntN(len(words))])
	}
	if rng.IntN(8) == 0 {
		lines = append(lines, "NOTE:"+strings.Repeat("lang ", 1000)+words[rng.IntN(len(words))])
	}
	return vcard("3.0", lines...)
}

func randomFilter(rng *rand.Rand) Filter {
	f := Filter{Test: Test(rng.IntN(2))}
	for range rng.IntN(3) {
		p := PropFilter{Name: []string{"FN", "email", "TEL", "NOTE", "URL"}[rng.IntN(5)], Test: Test(rng.IntN(2))}
		if rng.IntN(6) == 0 {
			p.Group = "item1"
		}
		if rng.IntN(6) == 0 {
			p.NotDefined = true
			f.Props = append(f.Props, p)
			continue
		}
		for range rng.IntN(3) {
			p.Texts = append(p.Texts, randomText(rng))
		}
		for range rng.IntN(2) {
			q := ParamFilter{Name: "TYPE"}
			switch rng.IntN(3) {
			case 0:
				q.NotDefined = true
			case 1:
				t := NewTextMatch("work", ASCIICasemap, Equals, rng.IntN(2) == 0)
				q.Text = &t
			}
			p.Params = append(p.Params, q)
		}
		f.Props = append(f.Props, p)
	}
	return f
}

func randomText(rng *rand.Rand) TextMatch {
	w := words[rng.IntN(len(words))]
	if len(w) > 2 && rng.IntN(2) == 0 {
		w = string([]rune(w)[1:])
	}
	return NewTextMatch(w, Collation(rng.IntN(3)), Match(rng.IntN(4)), rng.IntN(5) == 0)
}

// TestBooksReadOnlyWhatChanged asks a book again after one card of many changed.
func TestBooksReadOnlyWhatChanged(t *testing.T) {
	src := &source{bodies: map[string]string{}, facts: map[string][]byte{}}
	for i := range 1200 {
		src.put(fmt.Sprint(i), vcard("3.0", fmt.Sprint("UID:", i), fmt.Sprint("FN:Person ", i)), false)
	}
	books := NewBooks(0)
	f := one(PropFilter{Name: "FN", Texts: []TextMatch{text("person 77", Equals)}})
	find := func(want ...string) {
		t.Helper()
		found, err := books.Search(t.Context(), src, src.collection(), &f, 0)
		if got := names(found); err != nil || !slices.Equal(got, want) {
			t.Fatalf("found %v, %v; want %v", got, err, want)
		}
	}
	find("77")
	first := src.opened
	if first != 1200 {
		t.Fatalf("%d cards read, want all", first)
	}
	find("77")
	src.put("neu", vcard("3.0", "UID:neu", "FN:Person 77"), false)
	find("77", "neu")
	src.remove("77")
	find("neu")
	src.put("neu", vcard("3.0", "UID:neu", "FN:Person 78"), false)
	find()
	if src.opened != first+2 {
		t.Errorf("%d cards were read for two changes", src.opened-first)
	}
}

// TestBooksAreBounded keeps the books used last.
func TestBooksAreBounded(t *testing.T) {
	books := NewBooks(300_000)
	f := one(PropFilter{Name: "FN"})
	for n := range 20 {
		src := &source{bodies: map[string]string{}, facts: map[string][]byte{}}
		for i := range 100 {
			src.put(fmt.Sprint(i), vcard("3.0", fmt.Sprint("UID:", i), fmt.Sprint("FN:Person ", i), "NOTE:"+strings.Repeat("x", 300)), true)
		}
		c := src.collection()
		c.ID = int64(n)
		found, err := books.Search(t.Context(), src, c, &f, 0)
		if err != nil || len(found.Items) != 100 {
			t.Fatal(len(found.Items), err)
		}
	}
	var sum int64
	for _, k := range books.kept {
		sum += k.bytes
	}
	if sum > books.maximum || sum == 0 || len(books.kept) < 2 {
		t.Errorf("%d bytes in %d books are kept of at most %d", sum, len(books.kept), books.maximum)
	}
}

// TestHistoryThatEnded reads a book anew where its token is too old.
func TestHistoryThatEnded(t *testing.T) {
	src := &source{bodies: map[string]string{}, facts: map[string][]byte{}}
	src.put("a", vcard("3.0", "UID:a", "FN:Anna"), true)
	books := NewBooks(0)
	f := Filter{}
	if _, err := books.Search(t.Context(), src, src.collection(), &f, 0); err != nil {
		t.Fatal(err)
	}
	for _, k := range books.kept {
		k.token = "old"
	}
	src.put("b", vcard("3.0", "UID:b", "FN:Bert"), true)
	found, err := books.Search(t.Context(), src, src.collection(), &f, 0)
	if got := names(found); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("found %v, %v", got, err)
	}
}

func TestCollations(t *testing.T) {
	for _, name := range append(Collations(), "", "default", "I;ASCII-CASEMAP") {
		if _, ok := ParseCollation(name); !ok {
			t.Errorf("%q is not known", name)
		}
	}
	if _, ok := ParseCollation("i;basic;uca=3.1.1;uv=3.2"); ok {
		t.Error("a collation is known that is not there")
	}
	for _, c := range []struct{ a, b string }{{"straße", "STRAßE"}, {"å", "A\u030a"}, {"ﬁ", "FI"}, {"Ω", "ω"}, {"Ⅳ", "iv"}} {
		if a, b := UnicodeCasemap.fold(c.a), UnicodeCasemap.fold(c.b); a != b {
			t.Errorf("%q folds to %q, %q to %q", c.a, a, c.b, b)
		}
	}
}
