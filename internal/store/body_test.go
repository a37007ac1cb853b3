package store_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

func bodyOf(t *testing.T, p *storetest.Parts, key store.Key, plain []byte) *store.Body {
	t.Helper()
	body, err := p.Body(t.Context(), key, name(t, p, key, upload(t, p, key, plain, int64(len(plain)))))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestBodyReader(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		anna := p.Person(t, "anna").Key
		for _, n := range uploadSizes {
			plain := incompressible(n)
			body := bodyOf(t, p, anna, plain)
			r := body.Reader(t.Context())
			if n <= 300<<10 { // it reads byte by byte
				if err := iotest.TestReader(r, plain); err != nil {
					t.Errorf("%d bytes: %v", n, err)
				}
			}
			for range 20 {
				at := rand.Int64N(int64(n) + 1)
				if _, err := r.Seek(at, io.SeekStart); err != nil {
					t.Fatal(err)
				}
				head := make([]byte, min(3, int64(n)-at))
				_, err := io.ReadFull(r, head)
				var rest bytes.Buffer
				_, also := r.WriteTo(&rest)
				if err != nil || also != nil || !bytes.Equal(append(head, rest.Bytes()...), plain[at:]) {
					t.Errorf("%d bytes from %d: %d and %d bytes, %v, %v", n, at, len(head), rest.Len(), err, also)
				}
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// What net/http asks of it: whole, one range, several ranges.
func TestBodyIsServed(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		plain := incompressible(3 << 20)
		body := bodyOf(t, p, p.Person(t, "anna").Key, plain)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			content := body.Reader(r.Context())
			defer content.Close()
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeContent(w, r, "", time.Time{}, content)
		}))
		defer server.Close()
		for _, span := range [][2]int{{0, len(plain)}, {0, 1}, {100_000, 200_000}, {len(plain) - 1, len(plain)}} {
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
			request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", span[0], span[1]-1))
			answer, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err != nil || !bytes.Equal(got, plain[span[0]:span[1]]) {
				t.Errorf("%v: %d bytes, %v", span, len(got), err)
			}
		}
	})
}
