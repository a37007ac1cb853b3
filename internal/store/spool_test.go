package store_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"testing"

	"fachwerk/internal/budget"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// Without memory a spool lies on the disk, without disk it refuses, and Close gives
// everything back.
func TestSpoolTakesFromTheShares(t *testing.T) {
	disk, memory := budget.NewPool(4<<20, 0), budget.NewPool(256<<10, 0)
	p := storetest.Open(t, storetest.Embedded, func(o *store.Options) { o.SpoolBytes, o.SpoolMemory = disk, memory })
	anna := budget.Holder{Tenant: p.Tenant.ID, Account: 1}
	text := bytes.Repeat([]byte("Bebauungsplan 7\n"), 2000) // 32 kB
	var all []*store.Spool
	begin := func(text []byte) error {
		sp := p.NewSpool(1 << 20)
		sp.For(anna)
		all = append(all, sp)
		_, err := sp.Write(text)
		if err == nil {
			err = sp.Finish()
		}
		return err
	}
	must(t, begin(text)) // in memory, with all of the person's share
	must(t, begin(text)) // on the disk
	use, held := p.SpoolUse()
	if held.Used == 0 || held.Refused == 0 || use.Used < int64(len(text)) {
		t.Errorf("disk %+v, memory %+v", use, held)
	}
	for _, sp := range all {
		r, err := sp.Open()
		must(t, err)
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes come back, %v", len(got), err)
		}
	}
	if err := begin(bytes.Repeat(text, 33)); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("above the limit: %v", err)
	}
	if err := begin(bytes.Repeat(text, 32)); !errors.Is(err, store.ErrTemporary) || !errors.Is(err, budget.ErrFull) {
		t.Errorf("more than the person's share of the disk: %v", err)
	}
	sp := p.NewSpool(0)
	sp.For(anna)
	if err := sp.Reserve(2 << 20); !errors.Is(err, store.ErrTemporary) {
		t.Errorf("to reserve more than a share: %v", err)
	}
	must(t, sp.Reserve(256<<10))
	for _, sp := range append(all, sp) {
		must(t, errors.Join(sp.Close(), sp.Close()))
	}
	if use, held = p.SpoolUse(); use.Used != 0 || held.Used != 0 {
		t.Errorf("at the end disk %+v, memory %+v", use, held)
	}
}

// An upload of a file takes from the same share.
func TestUploadTakesFromTheShares(t *testing.T) {
	disk := budget.NewPool(8<<20, 0)
	p := storetest.Open(t, storetest.Embedded, func(o *store.Options) { o.SpoolBytes = disk })
	anna := p.Person(t, "anna")
	u, err := p.NewUpload(t.Context(), anna.Key, store.UploadOptions{Size: -1, Person: anna.Account})
	must(t, err)
	block := make([]byte, 1<<20)
	rand.Read(block) // does not compress
	for err == nil {
		if used, total, _ := disk.Used(); used > total/4 {
			t.Fatalf("%d of %d bytes are one person's", used, total)
		}
		_, err = u.Write(block)
	}
	if !errors.Is(err, store.ErrTemporary) {
		t.Error(err)
	}
	must(t, u.Close())
	if used, _, _ := disk.Used(); used != 0 {
		t.Errorf("%d bytes stay taken", used)
	}
}
