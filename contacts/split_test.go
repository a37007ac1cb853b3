package contacts

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestSplit(t *testing.T) {
	one, two := vcard("3.0", "UID:1", "FN:a"), "BEGIN:VCARD\nVERSION:3.0\nUID:2\nFN:b\nEND:VCARD\n"
	agent := "BEGIN:VCARD\r\nVERSION:2.1\r\nAGENT:\r\nBEGIN:VCARD\r\nN:x\r\nEND:VCARD\r\nN:y\r\nEND:VCARD\r\n"
	huge := "BEGIN:VCARD\r\nNOTE:" + strings.Repeat("x", MaxSize) + "\r\nEND:VCARD\r\n"
	lost := "BEGIN:VCARD\r\nN:a\r\n"
	for name, c := range map[string]struct {
		text string
		want []string // "" for one that is refused
	}{
		"nothing":          {"", nil},
		"one":              {one, []string{one}},
		"two":              {"\xef\xbb\xbf" + one + "\r\n\r\n" + two, []string{one, two}},
		"no last line end": {one + strings.TrimSuffix(two, "\n"), []string{one, strings.TrimSuffix(two, "\n")}},
		"one inside":       {agent + one, []string{agent, one}},
		"one too large":    {one + huge + two, []string{one, "", two}},
		"cut off":          {one + lost, []string{one, ""}},
		"other things":     {"hello\r\n" + one + "world", []string{one}},
	} {
		var got []string
		for card, err := range Split(strings.NewReader(c.text)) {
			var bad *InvalidError
			if err != nil && !errors.As(err, &bad) {
				t.Errorf("%s: %v", name, err)
			}
			got = append(got, string(card))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %.300q", name, got)
		}
	}
	failed := errors.New("gone")
	n := 0
	for _, err := range Split(iotest.ErrReader(failed)) {
		if n++; !errors.Is(err, failed) || n > 1 {
			t.Error(n, err)
		}
	}
}
