package compare

import (
	"slices"
	"testing"
)

// TestNormalKeepsMeaning shows what the comparison passes over, and that it
// does not pass over more.
func TestNormalKeepsMeaning(t *testing.T) {
	for _, c := range []struct {
		a, b []string
		same bool
	}{
		{[]string{"* 1 FETCH (FLAGS (\\Seen a) UID 1)"}, []string{"* 1 FETCH (UID 1 FLAGS (A \\Recent \\seen))"}, true},
		{[]string{"* 1 FETCH (FLAGS (\\Seen))"}, []string{"* 1 FETCH (FLAGS ())"}, false},
		{[]string{"* 1 FETCH (UID 1)"}, []string{"* 2 FETCH (UID 1)"}, false},
		{[]string{"* 1 FETCH (BODY[] {3}\r\na)b)"}, []string{`* 1 FETCH (BODY[] "a)b")`}, true},
		{[]string{`* 1 FETCH (BODY[] "a")`}, []string{`* 1 FETCH (BODY[] "A")`}, false},
		{[]string{`* 1 FETCH (BODY[] "NIL")`}, []string{`* 1 FETCH (BODY[] NIL)`}, false},
		{[]string{`* 1 FETCH (INTERNALDATE "01-Mar-2026 10:00:00 +0100")`}, []string{`* 1 FETCH (INTERNALDATE " 1-Mar-2026 09:00:00 +0000")`}, true},
		{[]string{`* 1 FETCH (INTERNALDATE "01-Mar-2026 10:00:00 +0100")`}, []string{`* 1 FETCH (INTERNALDATE "01-Mar-2026 10:00:00 +0000")`}, false},
		{[]string{"* 2 EXPUNGE", "* 2 EXPUNGE"}, []string{"* 3 EXPUNGE", "* 2 EXPUNGE"}, true},
		{[]string{"* 2 EXPUNGE", "* 2 EXPUNGE"}, []string{"* 2 EXPUNGE", "* 3 EXPUNGE"}, false},
		{[]string{"* 2 EXPUNGE", "* 2 FETCH (UID 3)"}, []string{"* 2 FETCH (UID 3)", "* 2 EXPUNGE"}, false},
		{[]string{`* LIST () "/" a`, `* LIST () "/" b`}, []string{`* LIST () "/" "b"`, `* LIST () "/" "a"`}, true},
		{[]string{`* LIST (\Noselect) "/" a`}, []string{`* LIST () "/" a`}, false},
		{[]string{"TAG OK [COPYUID 7 1:3 4:6] done"}, []string{"TAG OK [COPYUID 8 1,2,3 4,5:6] copied"}, true},
		{[]string{"TAG OK [COPYUID 7 1:3 4:6] done"}, []string{"TAG OK [COPYUID 7 1:3 5:7] done"}, false},
		{[]string{"TAG NO a"}, []string{"TAG BAD a"}, false},
		{[]string{"TAG NO [CANNOT] a"}, []string{"TAG NO a"}, false},
		{[]string{`* ESEARCH (TAG "a") UID MIN 1 ALL 1:2`}, []string{`* ESEARCH (TAG "b") UID ALL 1,2 MIN 1`}, true},
		{[]string{`* ESEARCH (TAG "a") UID ALL 1:2`}, []string{`* ESEARCH (TAG "a") ALL 1:2`}, false},
		{[]string{"* SEARCH 2 1"}, []string{"* SEARCH 1 2"}, true},
		{[]string{"* SEARCH 1"}, []string{"* SEARCH"}, false},
		{[]string{"* VANISHED (EARLIER) 1:2"}, []string{"* VANISHED 1:2"}, false},
		{[]string{`* STATUS a (MESSAGES 1 UNSEEN 2)`}, []string{`* STATUS "a" (UNSEEN 2 MESSAGES 1)`}, true},
		{[]string{`* STATUS a (MESSAGES 1)`}, []string{`* STATUS a (MESSAGES 2)`}, false},
		{[]string{`* 1 FETCH (BODY ("TEXT" "PLAIN" ("CHARSET" "a") NIL NIL "7BIT" 1 1))`},
			[]string{`* 1 FETCH (BODY ("text" "plain" ("charset" "a") NIL NIL "7bit" 1 1))`}, true},
		{[]string{`* 1 FETCH (BODY ("TEXT" "PLAIN" ("CHARSET" "a") NIL NIL "7BIT" 1 1))`},
			[]string{`* 1 FETCH (BODY ("TEXT" "PLAIN" ("CHARSET" "A") NIL NIL "7BIT" 1 1))`}, false},
	} {
		a, b := normal(c.a), normal(c.b)
		if slices.Equal(a, b) != c.same {
			t.Errorf("%q and %q: same should be %v\n%q\n%q", c.a, c.b, c.same, a, b)
		}
	}
}
