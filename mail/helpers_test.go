package mail_test

import (
	"io"
	"testing"

	"fachwerk/mail"
)

// read reads a message's content to its end.
func read(t testing.TB, v *mail.View, m *mail.Message) string {
	t.Helper()
	body, err := v.Content(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	r, err := body.Open(t.Context(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(text)) != m.Size || body.Size() != m.Size {
		t.Errorf("message %d: read %d bytes, body says %d, view %d", m.UID, len(text), body.Size(), m.Size)
	}
	return string(text)
}

// structures reads those of a whole snapshot, copied.
func structures(t testing.TB, v *mail.View, snap *mail.Snapshot) []mail.Structure {
	t.Helper()
	var msgs []*mail.Message
	for _, m := range snap.Range(0, snap.Len()) {
		msgs = append(msgs, m)
	}
	list := make([]mail.Structure, 0, len(msgs))
	err := v.Structures(t.Context(), msgs, func(i int, st *mail.Structure) error {
		if i != len(list) {
			t.Errorf("structure %d came as number %d", i, len(list))
		}
		if _, err := st.Message(); err != nil {
			t.Errorf("message %d: %v", msgs[i].UID, err)
		}
		c := *st
		c.Envelope, c.Body, c.BodyStructure = append([]byte{}, st.Envelope...), append([]byte{}, st.Body...), append([]byte{}, st.BodyStructure...)
		list = append(list, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(msgs) {
		t.Errorf("%d structures of %d messages", len(list), len(msgs))
	}
	return list
}
