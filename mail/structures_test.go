package mail_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

// A structure of another version is computed anew from the content, once, and
// says the same.
func TestStructuresAreComputedAnew(t *testing.T) {
	h, ctx := mailtest.New(t, mailtest.WithMail(mail.Options{StructureBytes: 1})), t.Context()
	for _, s := range searchable[1:] {
		h.Append(t, h.AliceAccess, "INBOX", s.text, 0)
	}
	v := h.Open(t, h.AliceAccess, "INBOX")
	snap := v.Snapshot()
	want := structures(t, v, snap)
	key := store.Key{Tenant: h.Tenant.ID, Account: h.Alice.Account}
	items, err := h.Store.Items(ctx, key, v.Mailbox(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	encoder := func(object int64) (version int16) {
		err := h.Store.Metas(ctx, key, []int64{object}, func(_ int64, e int16, _ []byte, _ store.ContentID) error {
			version = e
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
	current := encoder(items[0].ObjectID)
	for i, it := range items {
		// Another version, and the current one with bytes that are none.
		version, plain := current+1, []byte("anderes")
		if i%2 == 1 {
			version = current
		}
		if err := h.Store.PutMeta(ctx, key, it.ObjectID, version, it.Content, plain); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 2 {
		got := structures(t, v, snap)
		for i := range want {
			if !bytes.Equal(got[i].Envelope, want[i].Envelope) || !bytes.Equal(got[i].Body, want[i].Body) ||
				!bytes.Equal(got[i].BodyStructure, want[i].BodyStructure) || got[i].Preview != want[i].Preview || got[i].HeaderSize != want[i].HeaderSize {
				t.Errorf("round %d, message %d: %+v, want %+v", round, i, got[i], want[i])
			}
		}
		for _, it := range items {
			if e := encoder(it.ObjectID); e != current {
				t.Errorf("object %d was not written back: version %d", it.ObjectID, e)
			}
		}
	}
}

func TestStructuresPassOnTheCallersError(t *testing.T) {
	h := mailtest.New(t)
	h.Fill(t, h.AliceAccess, "INBOX", 300)
	v := h.Open(t, h.AliceAccess, "INBOX")
	var msgs []*mail.Message
	for _, m := range v.Snapshot().Range(0, 300) {
		msgs = append(msgs, m)
	}
	enough, n := errors.New("enough"), 0
	err := v.Structures(t.Context(), msgs, func(int, *mail.Structure) error {
		if n++; n == 200 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 200 {
		t.Errorf("%v after %d", err, n)
	}
}

// Copies share their EMAILID and so their structure; asked for in any order and
// twice, each message gets its own.
func TestStructuresInAnyOrder(t *testing.T) {
	h := mailtest.New(t)
	h.Append(t, h.AliceAccess, "INBOX", mailtest.Message("eins", "1"), 0)
	h.Append(t, h.AliceAccess, "INBOX", mailtest.Message("zwei", "2"), 0)
	v := h.Open(t, h.AliceAccess, "INBOX")
	if _, err := h.Mail.Copy(t.Context(), v, []uint32{1}, h.AliceAccess, v.Mailbox()); err != nil {
		t.Fatal(err)
	}
	snap := h.Refresh(t, v)
	var got []string
	err := v.Structures(t.Context(), []*mail.Message{snap.At(2), snap.At(1), snap.At(0), snap.At(1)}, func(_ int, st *mail.Structure) error {
		got = append(got, st.Preview)
		return nil
	})
	if err != nil || len(got) != 4 || got[0] != "1" || got[1] != "2" || got[2] != "1" || got[3] != "2" {
		t.Errorf("%q, %v", got, err)
	}
}

// Structures of megabytes are read a few at a time.
func TestHugeStructures(t *testing.T) {
	h := mailtest.New(t)
	var parts strings.Builder
	parts.WriteString("Subject: viele Teile\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
	for n := range 8000 {
		fmt.Fprintf(&parts, "--b\r\nContent-Type: text/plain; name=\"%s%d\"\r\n\r\nx\r\n", strings.Repeat("n", 100), n)
	}
	for range 14 {
		h.Append(t, h.AliceAccess, "INBOX", parts.String(), 0)
		h.Append(t, h.AliceAccess, "INBOX", mailtest.Message("klein", "x"), 0)
	}
	v := h.Open(t, h.AliceAccess, "INBOX")
	list := structures(t, v, v.Snapshot())
	for i, st := range list {
		if large := len(st.BodyStructure) > 500_000; large != (i%2 == 0) {
			t.Errorf("structure %d has %d bytes", i, len(st.BodyStructure))
		}
	}
}
