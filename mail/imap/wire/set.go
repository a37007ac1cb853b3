package wire

import (
	"slices"
	"sort"
)

// Range is a run of numbers, both ends included, First not above Last.
type Range struct{ First, Last uint32 }

// Set is a sequence-set as written (section 9): numbers of messages or UIDs, "*" for the largest in use, or "$" for
// the saved search result (section 6.4.4.1).
type Set struct {
	Saved  bool // "$"
	ranges []Range
}

// star stands for "*" in ranges; no message has the number 0.
const star = 0

// Largest returns the largest number written and whether "*" occurs.
func (s Set) Largest() (n uint32, dynamic bool) {
	for _, r := range s.ranges {
		n = max(n, r.First, r.Last)
		dynamic = dynamic || r.First == star || r.Last == star
	}
	return n, dynamic
}

// Resolve returns the set as ascending ranges that neither touch nor overlap, "*" being largest. With largest 0, which
// says that there are no messages, "*" names nothing.
func (s Set) Resolve(largest uint32) []Range {
	out := make([]Range, 0, len(s.ranges))
	for _, r := range s.ranges {
		if r.First == star || r.Last == star {
			if largest == 0 {
				continue
			}
			if r.First == star {
				r.First = largest
			}
			if r.Last == star {
				r.Last = largest
			}
		}
		if r.First > r.Last { // 4:2 is 2:4, and *:4 may be either way round (section 9, seq-range)
			r.First, r.Last = r.Last, r.First
		}
		out = append(out, r)
	}
	return merge(out)
}

func merge(rs []Range) []Range {
	if !slices.IsSortedFunc(rs, func(a, b Range) int { return compare(a.First, b.First) }) {
		slices.SortFunc(rs, func(a, b Range) int { return compare(a.First, b.First) })
	}
	n := 0
	for _, r := range rs {
		if n > 0 && uint64(r.First) <= uint64(rs[n-1].Last)+1 {
			rs[n-1].Last = max(rs[n-1].Last, r.Last)
			continue
		}
		rs[n] = r
		n++
	}
	return rs[:n]
}

func compare(a, b uint32) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Contains tells whether resolved ranges hold n.
func Contains(ranges []Range, n uint32) bool {
	i := sort.Search(len(ranges), func(i int) bool { return ranges[i].Last >= n })
	return i < len(ranges) && ranges[i].First <= n
}

// RangesOf returns ascending numbers as ranges.
func RangesOf(nums []uint32) []Range {
	var out []Range
	for _, n := range nums {
		if k := len(out); k > 0 && out[k-1].Last+1 == n {
			out[k-1].Last = n
			continue
		}
		out = append(out, Range{n, n})
	}
	return out
}

// Set reads a sequence-set.
func (p *Parser) Set() Set {
	if p.Accept('$') {
		return Set{Saved: true}
	}
	var s Set
	for p.err == nil {
		r := Range{First: p.seqNumber()}
		r.Last = r.First
		if p.Accept(':') {
			r.Last = p.seqNumber()
		}
		// A long ascending list stays short when it is merged as it is read.
		if k := len(s.ranges); k > 0 && r.First != star && r.Last != star && s.ranges[k-1].Last != star &&
			s.ranges[k-1].First != star && s.ranges[k-1].First <= s.ranges[k-1].Last &&
			r.First <= r.Last && r.First == s.ranges[k-1].Last+1 && s.ranges[k-1].Last != 1<<32-1 {
			s.ranges[k-1].Last = r.Last
		} else {
			s.ranges = append(s.ranges, r)
		}
		if !p.Accept(',') {
			return s
		}
	}
	return s
}

func (p *Parser) seqNumber() uint32 {
	if p.Accept('*') {
		return star
	}
	return p.NzNumber()
}
