package carddav

import (
	"strings"
	"testing"

	"fachwerk/contacts"
)

// FuzzAccept: any header is read to its end, or to maxRanges, and what stands in it is
// what decides.
func FuzzAccept(f *testing.F) {
	for _, seed := range []string{"*/*", "text/vcard;version=4.0;q=0.5", ",;,=\"", strings.Repeat("text/vcard,", 1000), "text/*;q=2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		accept := readAccept([]string{header})
		for _, v := range []contacts.Version{contacts.Version3, contacts.Version4} {
			if accept.takes(v) && !strings.Contains(header, "/") {
				t.Errorf("%q takes version %s", header, v)
			}
		}
		if accept.named && !strings.Contains(strings.ToLower(header), "card") && !strings.Contains(strings.ToLower(header), "directory") {
			t.Errorf("%q names a format of cards", header)
		}
	})
}
