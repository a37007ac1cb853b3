package s3

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/blobtest"
	"fachwerk/internal/testenv/need"
)

// config is a bucket of the test's own. Small parts, so that all paths are short.
func config(t *testing.T) Config {
	t.Helper()
	c, err := Parse(need.S3(t))
	if err != nil {
		t.Fatal(err)
	}
	c.Multipart, c.PartSize = 8<<20, 5<<20
	return c
}

func open(t *testing.T, c Config) *Store {
	t.Helper()
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSuite(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return open(t, config(t)) })
}

// With its real limits, a prefix, and the wrapper that the product uses.
func TestSuiteAsUsed(t *testing.T) {
	if testing.Short() {
		t.Log("short: the suite runs with small parts only")
		return
	}
	blobtest.Run(t, func(t *testing.T) blob.Store {
		c := config(t)
		c.Multipart, c.PartSize, c.Prefix = 0, 0, "one/two/"
		return blob.NewRetry(open(t, c), blob.Backoff{})
	})
}

// uploads counts the unfinished uploads of a bucket.
func uploads(t *testing.T, s *Store) int {
	t.Helper()
	found, err := s.core.ListMultipartUploads(t.Context(), s.config.Bucket, "", "", "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(found.Uploads)
}

func TestFailedUploadIsAborted(t *testing.T) {
	s := open(t, config(t))
	ctx, cancel := context.WithCancel(t.Context())
	body := cancelAfter{blobtest.Generated{Length: 30 << 20}, 12 << 20, cancel}
	if err := s.Put(ctx, blob.NewKey(1, time.Now()), body); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if n := uploads(t, s); n != 0 {
		t.Errorf("%d unfinished uploads are left", n)
	}
}

// An object that is given up while its parts are on their way, or of which a part
// cannot be sent, leaves no unfinished upload.
func TestGivenUpUploadIsAborted(t *testing.T) {
	var cut atomic.Bool
	s := open(t, proxied(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodPut && cut.Load() {
			io.CopyN(io.Discard, r.Body, 1<<20)
			panic(http.ErrAbortHandler) // the connection breaks in the middle of a part
		}
		pass.ServeHTTP(w, r)
	}))
	s.config.Backoff = blob.Backoff{Attempts: 2, First: time.Millisecond}
	for _, broken := range []bool{false, true} {
		cut.Store(broken)
		folder, key := t.TempDir(), blob.NewKey(1, time.Now())
		w, err := s.Create(t.Context(), key, folder)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := blobtest.Generated{Length: 30 << 20}.Open()
		_, err = io.Copy(w, body)
		if broken && err == nil {
			err = w.Commit()
		}
		if broken != errors.Is(err, blob.ErrTemporary) {
			t.Errorf("broken %v: %v", broken, err)
		}
		if broken && w.Commit() == nil {
			t.Error("an object of which a part was lost was committed")
		}
		if n := uploads(t, s); n != 1 {
			t.Errorf("broken %v: %d uploads have begun: the test shows nothing", broken, n)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if n := uploads(t, s); n != 0 {
			t.Errorf("broken %v: %d unfinished uploads are left", broken, n)
		}
		if left, _ := os.ReadDir(folder); len(left) > 0 {
			t.Errorf("broken %v: %d files are left", broken, len(left))
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("broken %v: stat %v", broken, err)
		}
	}
}

// The answer to the end of an upload is lost: the second Commit finds the object.
func TestLostAnswerToCommit(t *testing.T) {
	var lost atomic.Int64
	s := open(t, proxied(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && lost.Add(1) == 1 {
			pass.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		pass.ServeHTTP(w, r)
	}))
	key, body := blob.NewKey(1, time.Now()), blobtest.Generated{Length: 12 << 20}
	w, err := blob.NewRetry(s, blob.Backoff{First: time.Millisecond}).Create(t.Context(), key, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r, _ := body.Open()
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil || lost.Load() != 2 {
		t.Errorf("commit: %v, after %d requests", err, lost.Load())
	}
	if info, err := s.Stat(t.Context(), key); err != nil || info.Size != body.Length {
		t.Errorf("%+v, %v", info, err)
	}
}

type cancelAfter struct {
	blobtest.Generated
	at     int64
	cancel func()
}

func (c cancelAfter) Open() (io.ReadCloser, error) {
	r, _ := c.Generated.Open()
	return io.NopCloser(io.MultiReader(io.LimitReader(r, c.at), calling(c.cancel), r)), nil
}

type calling func()

func (c calling) Read([]byte) (int, error) { c(); return 0, io.EOF }

// A bucket that keeps versions keeps none of a deleted object.
func TestDeleteRemovesEveryVersion(t *testing.T) {
	s := open(t, config(t))
	err := s.core.EnableVersioning(t.Context(), s.config.Bucket)
	if err != nil {
		need.Missing(t, "needs an S3 service that keeps versions (versitygw: --versioning-dir): "+err.Error())
	}
	key := blob.NewKey(1, time.Now())
	for range 3 {
		if err := s.Put(t.Context(), key, blob.Bytes("again and again")); err != nil {
			t.Fatal(err)
		}
	}
	versions := func() (n int) {
		for o := range s.core.Client.ListObjects(t.Context(), s.config.Bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
			n++
		}
		return n
	}
	if n := versions(); n != 3 {
		t.Fatalf("%d versions were stored, want 3", n)
	}
	for range 2 {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if n := versions(); n != 0 {
		t.Errorf("%d versions are left", n)
	}
}

func TestParse(t *testing.T) {
	c, err := Parse("s3://ak:s%2Fk@s3.musterstadt.example:9000/bucket/a/b?region=de-1")
	want := Config{Endpoint: "s3.musterstadt.example:9000", TLS: true, Region: "de-1", Bucket: "bucket", Prefix: "a/b/", Access: "ak", Secret: "s/k"}
	if err != nil || c != want {
		t.Errorf("%+v, %v; want %+v", c, err, want)
	}
	if c, err := Parse("s3://a:b@h/bucket?region=r&tls=off"); err != nil || c.TLS || c.Prefix != "" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range []string{"", "dir:///x", "s3://a:topsecret@h/b", "s3://a:topsecret@h/?region=r", "s3://h/b?region=r",
		"s3://a:topsecret@/b?region=r", "s3://a:topsecret@h/b?region=r&tls=maybe", "s3://a:topsecret@h/b?region=r&regoin=x",
		"s3://a:topsecret%zz@h/b?region=r"} {
		if c, err := Parse(bad); err == nil || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%q: %+v, %v", bad, c, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("s3://ak:sk@127.0.0.1:7000/bucket/prefix?region=r&tls=off")
	f.Fuzz(func(t *testing.T, raw string) {
		if c, err := Parse(raw); err == nil {
			if s, err := Open(c); err == nil {
				s.Close()
			}
		}
	})
}

func TestUnreachableIsTemporary(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	s := open(t, Config{Endpoint: address, Region: "r", Bucket: "bucket", Access: "a", Secret: "s"})
	key := blob.NewKey(1, time.Now())
	_, getErr := s.Get(t.Context(), key, 0, -1)
	_, statErr := s.Stat(t.Context(), key)
	_, listErr := s.List(t.Context(), "", "", 0)
	for what, err := range map[string]error{
		"put": s.Put(t.Context(), key, blob.Bytes("x")), "get": getErr, "stat": statErr, "list": listErr,
		"delete": s.Delete(t.Context(), key), "check": s.Check(t.Context()),
	} {
		if !errors.Is(err, blob.ErrTemporary) || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A bucket that is missing is not an object that is missing: or a mistake in the
// configuration would look like lost content.
func TestMissingBucketIsNotMissingObject(t *testing.T) {
	c := config(t)
	c.Bucket += "-not"
	s, key := open(t, c), blob.NewKey(1, time.Now())
	_, statErr := s.Stat(t.Context(), key)
	_, getErr := s.Get(t.Context(), key, 0, -1)
	for what, err := range map[string]error{"stat": statErr, "get": getErr, "check": s.Check(t.Context()), "put": s.Put(t.Context(), key, blob.Bytes("x"))} {
		if err == nil || errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrTemporary) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWrongCredentialsArePermanent(t *testing.T) {
	c := config(t)
	c.Secret += "x"
	err := open(t, c).Put(t.Context(), blob.NewKey(1, time.Now()), blob.Bytes("x"))
	if err == nil || errors.Is(err, blob.ErrTemporary) || strings.Contains(err.Error(), c.Secret) {
		t.Errorf("put: %v", err)
	}
}

// proxied is a bucket behind a proxy whose handler may spoil requests.
func proxied(t *testing.T, spoil func(w http.ResponseWriter, r *http.Request, pass http.Handler)) Config {
	t.Helper()
	c := config(t)
	upstream := c.Endpoint
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", upstream
		r.Out.Host = r.In.Host // it is signed
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { spoil(w, r, pass) }))
	t.Cleanup(server.Close)
	c.Endpoint = strings.TrimPrefix(server.URL, "http://")
	return c
}

// A part that fails is sent again with the same bytes, and not the whole body.
func TestPartsAreRepeatedAlone(t *testing.T) {
	var puts, spoiled atomic.Int64
	s := open(t, proxied(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodPut {
			if n := puts.Add(1); n == 2 || n == 3 {
				spoiled.Add(1)
				io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		}
		pass.ServeHTTP(w, r)
	}))
	s.config.Backoff.First = time.Millisecond
	body, key := blobtest.Generated{Length: 23 << 20}, blob.NewKey(1, time.Now())
	if err := s.Put(t.Context(), key, body); err != nil {
		t.Fatal(err)
	}
	if puts.Load() != 7 || spoiled.Load() != 2 { // five parts, two of the requests spoiled
		t.Errorf("%d requests, %d spoiled", puts.Load(), spoiled.Load())
	}
	if info, err := s.Stat(t.Context(), key); err != nil || info.Size != body.Length {
		t.Errorf("%+v, %v", info, err)
	}
}

// Bytes that change on the way are refused by the service.
func TestDamageOnTheWayIsRefused(t *testing.T) {
	s := open(t, proxied(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodPut {
			r.Body = io.NopCloser(flipping{r.Body})
		}
		pass.ServeHTTP(w, r)
	}))
	s.config.Backoff.First = time.Millisecond
	for _, size := range []int64{1000, 12 << 20} {
		key := blob.NewKey(1, time.Now())
		if err := s.Put(t.Context(), key, blobtest.Generated{Length: size}); !errors.Is(err, blob.ErrTemporary) {
			t.Errorf("%d damaged bytes: %v", size, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%d bytes: stat %v", size, err)
		}
	}
}

type flipping struct{ r io.Reader }

func (f flipping) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if n > 0 {
		p[0] ^= 1
	}
	return n, err
}

// A service that stops in the middle of an answer is given up and is temporary;
// the product's wrapper then goes on where it stopped.
func TestStalledReadGoesOn(t *testing.T) {
	var gets atomic.Int64
	release := make(chan struct{})
	defer close(release)
	c := proxied(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodGet && gets.Add(1) == 1 {
			w = &stalling{ResponseWriter: w, left: 300_000, until: release}
		}
		pass.ServeHTTP(w, r)
	})
	c.Stall = 300 * time.Millisecond
	s := open(t, c)
	body, key := blobtest.Generated{Length: 2 << 20}, blob.NewKey(1, time.Now())
	if err := s.Put(t.Context(), key, body); err != nil {
		t.Fatal(err)
	}
	gets.Store(0)
	r, err := blob.NewRetry(s, blob.Backoff{First: time.Millisecond}).Get(t.Context(), key, 10, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != string(body.Bytes()[10:]) || gets.Load() != 2 {
		t.Errorf("%d bytes by %d requests, %v", len(got), gets.Load(), err)
	}
}

type stalling struct {
	http.ResponseWriter
	left  int
	until chan struct{}
}

func (s *stalling) Write(p []byte) (int, error) {
	if s.left -= len(p); s.left < 0 {
		http.NewResponseController(s.ResponseWriter).Flush()
		<-s.until
	}
	return s.ResponseWriter.Write(p)
}
