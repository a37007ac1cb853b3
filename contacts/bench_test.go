package contacts

import (
	"fmt"
	"runtime"
	"testing"
)

var (
	given  = []string{"Anna", "Jürgen", "Aylin", "Max", "Sophie", "Karl-Heinz", "Maria", "Jannis", "Özgür", "Ute"}
	family = []string{"Müller", "Schmidt", "Groß", "Yılmaz", "Weiß", "Mustermann", "Nowak", "von der Heide", "Köhler", "Öztürk"}
)

func manyPeople(n int) *town {
	w := &town{lists: map[int64][]Person{}}
	for i := range n {
		w.lists[1] = append(w.lists[1], Person{Account: int64(i + 1), Address: fmt.Sprintf("p%d.amt%d@musterstadt.example", i, i%97),
			DisplayName: fmt.Sprint(given[i%10], " ", family[i/10%10], i), Aliases: []string{fmt.Sprintf("%d@musterstadt.example", i)}})
	}
	return w
}

// completion is what a program asks while an address is typed.
func completion(what string) Filter {
	t := text(what, Contains)
	return Filter{Props: []PropFilter{{Name: "FN", Texts: []TextMatch{t}}, {Name: "N", Texts: []TextMatch{t}},
		{Name: "NICKNAME", Texts: []TextMatch{t}}, {Name: "EMAIL", Texts: []TextMatch{t}}}}
}

// BenchmarkCompletion searches a directory of 100,000.
func BenchmarkCompletion(b *testing.B) {
	before := heap()
	s := state(b, NewDirectory(manyPeople(100_000), 0, nil), 1)
	for _, q := range []struct{ name, what string }{
		{"cold", "niemand"}, {"name", "max müller12333"}, {"address", "p4711."}, {"thousand", "mül"}, {"none", "niemand"},
	} {
		f := completion(q.what)
		b.Run(q.name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				if q.name == "cold" {
					s.byName = nil
				}
				found, err := s.Search(&f, 1000)
				if err != nil {
					b.Fatal(err)
				}
				n = len(found.Items)
			}
			b.ReportMetric(float64(n), "found")
		})
	}
	b.Logf("%d MB in memory, %d counted", (heap()-before)>>20, s.bytes()>>20)
	runtime.KeepAlive(s)
}

// BenchmarkSearch searches an address book of 10,000.
func BenchmarkSearch(b *testing.B) {
	src := &source{bodies: map[string]string{}, facts: map[string][]byte{}}
	for i := range 10_000 {
		src.put(fmt.Sprint(i, ".vcf"), vcard("3.0", fmt.Sprint("UID:", i), fmt.Sprint("FN:", given[i%10], " ", family[i/10%10], i),
			fmt.Sprintf("N:%s;%s;;;", family[i/10%10], given[i%10]), fmt.Sprintf("EMAIL;TYPE=WORK:p%d@firma%d.example", i, i%97),
			"TEL;TYPE=WORK:+49 30 "+fmt.Sprint(i), "ADR:;;Am Markt 1;Musterstadt;;12345;"), true)
	}
	before := heap()
	books := NewBooks(0)
	c := src.collection()
	for _, q := range []struct {
		name string
		f    Filter
	}{
		{"name", completion("müller123")}, {"address", completion("p4711@")},
		{"negated", one(PropFilter{Name: "EMAIL", Texts: []TextMatch{NewTextMatch("firma", UnicodeCasemap, Contains, true)}})},
		{"undefined", one(PropFilter{Name: "PHOTO", NotDefined: true})},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := books.Search(b.Context(), src, c, &q.f, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, k := range books.kept {
		b.Logf("%d KB in memory, %d counted", (heap()-before)>>10, k.bytes>>10)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
