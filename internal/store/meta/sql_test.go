package meta

import (
	"slices"
	"strings"
	"testing"
)

// TestSizes: however many rows there are, each is in one statement, and in few
// different texts.
func TestSizes(t *testing.T) {
	rows := newTable("INSERT INTO t VALUES ", "", "$1", "$2", "", "TEXT")
	members := newList("SELECT x FROM t WHERE a = $1 AND x", " ORDER BY x", 1)
	texts := map[string]bool{}
	for n := range 600 {
		var b Batch
		rows.add(&b, Key{1, 2}, n, func(i int, args []any) []any { return append(args, int64(i), "") })
		var got []int64
		for _, s := range b.Statements {
			texts[s.SQL] = true
			for i := 2; i < len(s.Args); i += 2 {
				got = append(got, s.Args[i].(int64))
			}
			if strings.Count(s.SQL, "(")-strings.Count(s.SQL, "CAST(") != (len(s.Args)-2)/2 {
				t.Fatalf("%d arguments for %s", len(s.Args), s.SQL)
			}
		}
		want := make([]int64, n)
		for i := range want {
			want[i] = int64(i)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d rows: %v", n, got)
		}
		b, got = Batch{}, nil
		members.exec(&b, want, "fixed")
		for _, s := range b.Statements {
			texts[s.SQL] = true
			for _, a := range s.Args[1:] {
				got = append(got, a.(int64))
			}
			if strings.Count(s.SQL, "$") != len(s.Args) {
				t.Fatalf("%d arguments for %s", len(s.Args), s.SQL)
			}
		}
		if !slices.Equal(ascending(got), want) {
			t.Fatalf("%d members: %v", n, got)
		}
	}
	if len(texts) > rowSizes+listSizes {
		t.Errorf("%d texts", len(texts))
	}
}

// TestKeywords: sorted, folded in case, and changed as STORE says (RFC 9051 2.3.2,
// 6.4.6).
func TestKeywords(t *testing.T) {
	for _, c := range []struct {
		op    FlagOp
		words []string
		want  string
		flags int64
	}{
		{FlagsAdd, []string{"WORK", "a"}, "$Junk a work", FlagSeen | FlagFolder | FlagFlagged},
		{FlagsRemove, []string{"$JUNK", "none"}, "work", FlagSeen | FlagFolder},
		{FlagsReplace, []string{"z", "", "Z", "b"}, "b z", FlagFlagged | FlagFolder},
	} {
		change := FlagChange{Op: c.op, Flags: FlagFlagged, Keywords: c.words}
		flags, words := change.apply(FlagSeen|FlagFolder, "$Junk work")
		if words != c.want || flags != c.flags {
			t.Errorf("%d %v: %q, %b", c.op, c.words, words, flags)
		}
	}
	change := FlagChange{Op: FlagsAdd, Flags: FlagFolder}
	if flags, _ := change.apply(0, ""); flags != 0 {
		t.Error("a client made a folder")
	}
}
