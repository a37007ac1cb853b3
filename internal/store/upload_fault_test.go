package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/blobtest"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// faulty is a store whose blob store fails as told.
func faulty(t *testing.T, e storetest.Engines) (*storetest.Parts, *blobtest.Fault) {
	t.Helper()
	var fault *blobtest.Fault
	p := storetest.Open(t, e, func(o *store.Options) {
		fault = blobtest.NewFault(o.Sites[0].Blobs)
		o.Sites[0].Blobs = fault
	})
	return p, fault
}

// wantNothing demands that nothing is left of uploads: no object, no temporary
// file, no row, no goroutine.
func wantNothing(t *testing.T, p *storetest.Parts, goroutines int) {
	t.Helper()
	if n := len(objects(t, p)); n != 0 {
		t.Errorf("%d objects are left", n)
	}
	for _, folder := range []string{p.SpoolDir(), filepath.Join(p.Folder, "blobs", ".tmp")} {
		if left, _ := os.ReadDir(folder); len(left) > 0 {
			t.Errorf("%d temporary files are left in %s", len(left), folder)
		}
	}
	for end := time.Now().Add(3 * time.Minute); uploading() > goroutines; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			all := make([]byte, 4<<20)
			t.Fatalf("more than %d goroutines seal or store:\n%s", goroutines, all[:runtime.Stack(all, true)])
		}
	}
}

// uploading counts the goroutines that seal or store what comes in. Those of kept
// connections come and go by themselves.
func uploading() (n int) {
	all := make([]byte, 4<<20)
	all = all[:runtime.Stack(all, true)]
	for one := range strings.SplitSeq(string(all), "\n\n") {
		for _, at := range []string{"/internal/store/content.", "/internal/store/blob/", "store.(*Upload)", "minio-go"} {
			if strings.Contains(one, at) && !strings.Contains(one, "store_test.uploading") && !strings.Contains(one, "http.(*persistConn)") &&
				!strings.Contains(one, "http.(*Transport)") {
				n++
				break
			}
		}
	}
	return n
}

// An upload that ends in any way but one leaves nothing behind.
func TestUploadsThatFailLeaveNothing(t *testing.T) {
	full := fmt.Errorf("%w: %w", blob.ErrTemporary, syscall.ENOSPC)
	decided := errors.New("decided otherwise")
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		for what, c := range map[string]struct {
			o    store.UploadOptions
			spin func(p *storetest.Parts, anna store.Key, f *blobtest.Fault) // before
			read func(r io.Reader) io.Reader                                 // what comes
			use  error
			want error
		}{
			"disk full at the start":  {o: store.UploadOptions{Size: -1}, spin: func(_ *storetest.Parts, _ store.Key, f *blobtest.Fault) { f.BreakWrite(0, full) }, want: store.ErrTemporary},
			"disk full in the middle": {o: store.UploadOptions{Size: -1}, spin: func(_ *storetest.Parts, _ store.Key, f *blobtest.Fault) { f.BreakWrite(2<<20, full) }, want: syscall.ENOSPC},
			"store away at the end":   {o: store.UploadOptions{Size: -1}, spin: func(_ *storetest.Parts, _ store.Key, f *blobtest.Fault) { f.Fail(blobtest.Put, 1, blob.ErrTemporary) }, want: store.ErrTemporary},
			"answer to the end lost": {o: store.UploadOptions{Size: -1}, spin: func(_ *storetest.Parts, _ store.Key, f *blobtest.Fault) {
				f.LoseAnswer(blobtest.Put, 1, blob.ErrTemporary)
			}, want: store.ErrTemporary},
			"longer than announced":  {o: store.UploadOptions{Size: 3<<20 - 1}, want: store.ErrLength},
			"shorter than announced": {o: store.UploadOptions{Size: 3<<20 + 1}, want: store.ErrLength},
			"above the limit":        {o: store.UploadOptions{Size: -1, Limit: 1 << 20}, want: store.ErrTooLarge},
			"broken off by the client": {o: store.UploadOptions{Size: 3 << 20}, read: func(r io.Reader) io.Reader {
				return io.MultiReader(io.LimitReader(r, 2<<20), iotest.ErrReader(io.ErrUnexpectedEOF))
			}, want: io.ErrUnexpectedEOF},
			"over quota while it comes": {o: store.UploadOptions{Size: -1}, spin: func(p *storetest.Parts, anna store.Key, _ *blobtest.Fault) {
				must(t, p.SetQuota(t.Context(), anna, 1<<20, 0))
			}, want: store.ErrQuota},
			"over quota before it begins": {o: store.UploadOptions{Size: 3 << 20}, spin: func(p *storetest.Parts, anna store.Key, _ *blobtest.Fault) {
				must(t, p.SetQuota(t.Context(), anna, 1<<20, 0))
			}, want: store.ErrQuota},
			"not used":        {o: store.UploadOptions{Size: -1}},
			"decided against": {o: store.UploadOptions{Size: -1}, use: decided, want: decided},
		} {
			t.Run(what+", "+e.String(), func(t *testing.T) {
				p, fault := faulty(t, e)
				anna := p.Person(t, "anna").Key
				if c.spin != nil {
					c.spin(p, anna, fault)
				}
				before := uploading()
				var r io.Reader = bytes.NewReader(incompressible(3 << 20))
				if c.read != nil {
					r = c.read(r)
				}
				if err := run(t, p, anna, c.o, r, c.use); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				wantNothing(t, p, before)
			})
		}
	}
}

// run takes an upload through all steps and closes it, whatever happens.
func run(t *testing.T, p *storetest.Parts, key store.Key, o store.UploadOptions, r io.Reader, use error) error {
	t.Helper()
	u, err := p.NewUpload(t.Context(), key, o)
	if err != nil {
		return err
	}
	defer func() { must(t, u.Close()); must(t, u.Close()) }()
	if _, err = io.Copy(u, r); err == nil {
		err = u.Finish()
	}
	if also := u.Finish(); err != nil && also == nil {
		t.Errorf("an upload that failed was finished: %v", err)
	}
	if err != nil && u.Use(func(meta.Content) error { return nil }) == nil {
		t.Errorf("an upload that failed was used: %v", err)
	}
	if err == nil && use != nil {
		err = u.Use(func(meta.Content) error { return use })
	}
	return err
}

func TestCancelledUpload(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		anna, before := p.Person(t, "anna").Key, uploading()
		ctx, cancel := context.WithCancel(t.Context())
		u, err := p.NewUpload(ctx, anna, store.UploadOptions{Size: -1})
		must(t, err)
		_, err = u.Write(incompressible(2 << 20))
		must(t, err)
		cancel()
		if _, err := u.Write([]byte{1}); !errors.Is(err, context.Canceled) {
			t.Errorf("write: %v", err)
		}
		if err := u.Finish(); !errors.Is(err, context.Canceled) {
			t.Errorf("finish: %v", err)
		}
		must(t, u.Close())
		wantNothing(t, p, before)
	})
}

// A write that was decided against may be tried again; what was used stays, and
// so does what may have been.
func TestUploadIsUsedOnce(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	anna := p.Person(t, "anna").Key
	for _, lost := range []error{nil, meta.ErrOutcomeUnknown} {
		u := upload(t, p, anna, incompressible(300_000), -1)
		decided := errors.New("changed meanwhile")
		for range 2 {
			if err := u.Use(func(meta.Content) error { return decided }); !errors.Is(err, decided) {
				t.Errorf("%v, want %v", err, decided)
			}
		}
		if err := u.Use(func(meta.Content) error { return lost }); !errors.Is(err, lost) {
			t.Errorf("%v, want %v", err, lost)
		}
		if err := u.Use(func(meta.Content) error { return nil }); err == nil {
			t.Error("used twice")
		}
		must(t, u.Close())
	}
	if n := len(objects(t, p)); n != 2 {
		t.Errorf("%d objects, want 2", n)
	}
}

// The room of what is replaced is not counted twice.
func TestUploadReplaces(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	anna := p.Person(t, "anna").Key
	name(t, p, anna, upload(t, p, anna, incompressible(800_000), 800_000))
	must(t, p.SetQuota(t.Context(), anna, 1_000_000, 0))
	if _, err := p.NewUpload(t.Context(), anna, store.UploadOptions{Size: 900_000}); !errors.Is(err, store.ErrQuota) {
		t.Errorf("900 KB beside 800 of 1000: %v", err)
	}
	u, err := p.NewUpload(t.Context(), anna, store.UploadOptions{Size: 900_000, Replaces: 800_000})
	must(t, err)
	must(t, u.Close())
}
