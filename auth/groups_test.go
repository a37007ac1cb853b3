package auth

import (
	"encoding/json"
	"slices"
	"testing"
)

func FuzzGroupsClaim(f *testing.F) {
	for _, seed := range []string{`{"groups":["a","b"]}`, `{"groups":"a"}`, `{"groups":{"x":1}}`, `{"a":{"b":["c"]}}`, `{"a.b":["c"]}`, `{}`} {
		f.Add("groups", seed)
		f.Add("a.b", seed)
	}
	f.Fuzz(func(t *testing.T, claim, text string) {
		var claims map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &claims) != nil {
			return
		}
		list := IssuerBinding{GroupsClaim: claim}.groups(claims)
		if claim == "" && len(list) > 0 {
			t.Errorf("read: %q", list)
		}
		if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
			t.Errorf("not in order, or twice: %q", list)
		}
		for _, g := range list {
			if g == "" || len(g) > groupMax {
				t.Errorf("a name of %d bytes", len(g))
			}
		}
	})
}

func TestGroupsClaim(t *testing.T) {
	for text, want := range map[string][]string{
		`{"a.b":["d","c","d"]}`: {"c", "d"}, // the whole name comes first
		`{"a":{"b":["c"]}}`:     {"c"},
		`{"a":{"b":{"c":1}}}`:   nil,
		`{"a":["b"]}`:           nil,
		`{"b":["c"]}`:           nil,
	} {
		var claims map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &claims); err != nil {
			t.Fatal(err)
		}
		if got := (IssuerBinding{GroupsClaim: "a.b"}).groups(claims); !slices.Equal(got, want) {
			t.Errorf("%s gives %q, want %q", text, got, want)
		}
	}
}
