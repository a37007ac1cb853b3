package mail_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/blobtest"
	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

// With the blob store away, everything that needs it is a temporary error, and
// works again when it is back.
func TestBlobStoreAway(t *testing.T) {
	var fault *blobtest.Fault
	h := mailtest.New(t, mailtest.WithBlobs(1, func(s blob.Store) blob.Store {
		fault = blobtest.NewFault(s)
		return fault
	}))
	ctx := t.Context()
	text := mailtest.Message("groß", strings.Repeat("x", 70_000))
	h.Deliver(t, mailtest.AliceAddress, text)
	v := h.Open(t, h.AliceAccess, "INBOX")
	m := v.Snapshot().At(0)
	to, _ := h.Mail.Resolve(ctx, mailtest.AliceAddress)
	in := h.Incoming(t, text)

	cause := fmt.Errorf("%w: connection refused", blob.ErrTemporary)
	fault.Down(cause)
	_, err := h.Mail.Deliver(ctx, to, in, nil, mail.DeliverOptions{})
	temporary(t, "deliver", err, blob.ErrTemporary)
	_, err = h.Mail.Append(ctx, h.AliceAccess, v.Mailbox(), []mail.Append{{In: in}})
	temporary(t, "append", err, blob.ErrTemporary)
	temporary(t, "read", readError(t, v, m), blob.ErrTemporary)
	_, err = v.Search(ctx, v.Snapshot(), mail.SearchBody("y"))
	temporary(t, "search", err, blob.ErrTemporary)
	if h.Refresh(t, v).Len() != 1 {
		t.Errorf("%d messages after failed deliveries", v.Snapshot().Len())
	}
	// What needs no content goes on.
	if _, err := v.Search(ctx, v.Snapshot(), mail.SearchSubject("groß")); err != nil {
		t.Errorf("search in envelopes: %v", err)
	}

	fault.Down(nil)
	if _, err := h.Mail.Deliver(ctx, to, in, nil, mail.DeliverOptions{}); err != nil {
		t.Errorf("deliver again: %v", err)
	}
	if err := readError(t, v, m); err != nil {
		t.Errorf("read again: %v", err)
	}

	// A stream that breaks in the middle is no short message.
	fault.BreakStream(40, cause)
	temporary(t, "broken stream", readError(t, v, m), blob.ErrTemporary)
}

func readError(t *testing.T, v *mail.View, m *mail.Message) error {
	t.Helper()
	body, err := v.Content(t.Context(), m)
	if err != nil {
		return err
	}
	r, err := body.Open(t.Context(), 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

func temporary(t *testing.T, what string, err, cause error) {
	t.Helper()
	if !errors.Is(err, mail.ErrTemporary) || !errors.Is(err, cause) {
		t.Errorf("%s: %v; want ErrTemporary with its cause", what, err)
	}
}

// One message whose object is lost does not take the others with it.
func TestDamagedMessageLeavesTheOthersReadable(t *testing.T) {
	var blobs blob.Store
	h := mailtest.New(t, mailtest.WithBlobs(1, func(s blob.Store) blob.Store {
		blobs = s
		return s
	}))
	ctx := t.Context()
	for range 3 {
		h.Deliver(t, mailtest.AliceAddress, mailtest.Message("s", strings.Repeat("Satz ", 20_000)))
	}
	v := h.Open(t, h.AliceAccess, "INBOX")
	snap := v.Snapshot()
	key := keyOf(h.Alice)
	items, err := h.Store.Items(ctx, key, v.Mailbox(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	// Lose the second one's object and all structures.
	keys := objectKeys(t, blobs, h.Tenant.ID)
	if len(keys) != 3 {
		t.Fatalf("%d objects", len(keys))
	}
	for _, it := range items {
		if err := h.Store.PutMeta(ctx, key, it.ObjectID, 127, it.Content, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range keys {
		if err := blobs.Delete(ctx, k); err != nil {
			t.Fatal(err)
		}
		if errors.Is(readError(t, v, snap.At(1)), mail.ErrCorrupt) {
			break // it was this one's
		}
	}
	var msgs, got []*mail.Message
	for _, m := range snap.Range(0, snap.Len()) {
		if readError(t, v, m) == nil {
			got = append(got, m)
		}
		msgs = append(msgs, m)
	}
	seen := 0
	err = v.Structures(ctx, msgs, func(int, *mail.Structure) error {
		seen++
		return nil
	})
	if !errors.Is(err, mail.ErrCorrupt) || errors.Is(err, mail.ErrTemporary) || seen != len(got) {
		t.Errorf("%d structures of %d readable messages, %v", seen, len(got), err)
	}
	found, err := v.Search(ctx, snap, mail.SearchBody("satz satz"))
	if err != nil || len(found) != len(got) {
		t.Errorf("search found %v of %d, %v", found, len(got), err)
	}
}

func objectKeys(t *testing.T, s blob.Store, tenant int64) (keys []string) {
	t.Helper()
	page, err := s.List(t.Context(), blob.TenantPrefix(tenant), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range page {
		keys = append(keys, o.Key)
	}
	return keys
}

// No room for the spool is temporary, and what follows is dropped, not run.
func TestNoRoomToSpool(t *testing.T) {
	h := mailtest.New(t)
	if err := os.RemoveAll(h.Spool); err != nil {
		t.Fatal(err)
	}
	in := h.Mail.NewIncoming()
	defer in.Close()
	chunk := []byte(strings.Repeat("Zeile\r\n", 10_000))
	var first error
	for range 40 {
		if _, err := in.Write(chunk); err != nil && first == nil {
			first = err
		} else if err != nil {
			t.Fatalf("a second error: %v", err)
		}
	}
	in.Finish()
	if !errors.Is(first, mail.ErrTemporary) || !errors.Is(in.Err(), mail.ErrTemporary) {
		t.Errorf("write without room: %v, then %v", first, in.Err())
	}
	to, _ := h.Mail.Resolve(t.Context(), mailtest.AliceAddress)
	if _, err := h.Mail.Deliver(t.Context(), to, in, nil, mail.DeliverOptions{}); !errors.Is(err, mail.ErrTemporary) {
		t.Errorf("deliver what could not be spooled: %v", err)
	}
}

// A message beyond what is kept in memory goes through the spool file, and its
// parts are found.
func TestLargeMessage(t *testing.T) {
	h := mailtest.New(t)
	text := mailtest.Message("groß", strings.Repeat("Zeile um Zeile\r\n", 200_000)+"Nadel")
	h.Deliver(t, mailtest.AliceAddress, text)
	v := h.Open(t, h.AliceAccess, "INBOX")
	if got := read(t, v, v.Snapshot().At(0)); got != text {
		t.Errorf("%d bytes came back of %d", len(got), len(text))
	}
	if found, err := v.Search(t.Context(), v.Snapshot(), mail.SearchBody("nadel")); err != nil || len(found) != 1 {
		t.Errorf("search: %v, %v", found, err)
	}
}
