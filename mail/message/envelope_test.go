package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestReferencesAndThreadKeys(t *testing.T) {
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, " <%d@x>\r\n", i)
	}
	for _, tt := range []struct {
		header string
		refs   []string
		keys   []string
	}{
		{"Message-ID: <a@b>\r\n", nil, []string{"a@b"}},
		{"Message-ID: a@b\r\nIn-Reply-To: Your mail of Monday <c@d> (x)\r\nReferences: <e@f><c@d>\r\n <a@b>\r\n",
			[]string{"<e@f>", "<c@d>", "<a@b>"}, []string{"a@b", "c@d", "e@f"}},
		{"Message-ID: <a @\r\n b>\r\n", nil, []string{"a@b"}},
		{"In-Reply-To: nothing here\r\nReferences: x <> < <y@z\r\n", nil, nil},
		{"References: <a <b@c> d>\r\n", []string{"<b@c>"}, []string{"b@c"}},
		{"References: <" + strings.Repeat("x", maxMessageID) + ">\r\n", nil, nil},
		{"", nil, nil},
	} {
		m := Scan([]byte(tt.header+"\r\n"), Limits{})
		if !slices.Equal(m.References, tt.refs) || !slices.Equal(ThreadKeys(m), tt.keys) {
			t.Errorf("%.60q: references %q, keys %q", tt.header, m.References, ThreadKeys(m))
		}
	}

	m := Scan([]byte("Message-ID: <a@b>\r\nReferences:"+many.String()+"\r\n"), Limits{})
	keys := ThreadKeys(m)
	if len(m.References) != maxReferences || m.References[0] != "<0@x>" || m.References[99] != "<299@x>" {
		t.Errorf("%d references, %q to %q", len(m.References), m.References[0], m.References[len(m.References)-1])
	}
	if len(keys) != maxReferences || keys[0] != "a@b" || keys[1] != "0@x" || keys[99] != "299@x" {
		t.Errorf("%d keys: %q", len(keys), keys)
	}
}

func TestEmbeddedReferencesAreNotTheMessages(t *testing.T) {
	m := Scan([]byte("Content-Type: message/rfc822\n\nReferences: <a@b>\nReceived: x\n\n"), Limits{})
	if len(m.References) != 0 || m.Received != 0 {
		t.Errorf("references %q, %d Received", m.References, m.Received)
	}
}
