package webdav_test

import (
	"bufio"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A file comes back as it was put, with what sync clients want to know of it.
func TestPutAndGet(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.anna
		const text = "Bebauungsplan Nr. 61"
		sha := sha1.Sum([]byte(text))
		checksum := "SHA1:" + hex.EncodeToString(sha[:])
		res, _ := s.want(http.StatusCreated, http.MethodPut, "Plan.txt", text,
			"X-OC-Mtime", "1750000000", "OC-Checksum", checksum, "OC-Total-Length", fmt.Sprint(len(text)))
		etag := res.Header.Get("ETag")
		for name, want := range map[string]string{"X-OC-Mtime": "accepted", "OC-ETag": etag} {
			if got := res.Header.Get(name); got != want || want == "" {
				t.Errorf("PUT answers %s: %q, want %q", name, got, want)
			}
		}
		id := res.Header.Get("OC-FileId")
		if id == "" {
			t.Error("PUT answers no OC-FileId")
		}
		res, got := s.want(http.StatusOK, http.MethodGet, "Plan.txt", "")
		sum := sha256.Sum256([]byte(text))
		for name, want := range map[string]string{
			"ETag": etag, "OC-FileId": id, "OC-Checksum": checksum, "Content-Type": "text/plain",
			"Last-Modified": time.Unix(1750000000, 0).UTC().Format(http.TimeFormat),
			"Repr-Digest":   "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":",
		} {
			if have := res.Header.Get(name); have != want {
				t.Errorf("GET answers %s: %q, want %q", name, have, want)
			}
		}
		if got != text {
			t.Errorf("came back as %q", got)
		}
		// The same place, the same number; another content, another ETag.
		res, _ = s.want(http.StatusNoContent, http.MethodPut, "Plan.txt", text+" a")
		if res.Header.Get("OC-FileId") != id || res.Header.Get("ETag") == etag || res.Header.Get("X-OC-Mtime") != "" {
			t.Errorf("after another PUT: %v", res.Header)
		}
		// What was refused took no time over, also where it tells what is there.
		for _, prefer := range []string{"", "return=representation"} {
			res, body := s.want(http.StatusPreconditionFailed, http.MethodPut, "Plan.txt", "b", "X-OC-Mtime", "1750000001",
				"If-Match", `"x"`, "Prefer", prefer)
			if res.Header.Get("X-OC-Mtime") != "" || (body == text+" a") != (prefer != "") {
				t.Errorf("a refused PUT answers %v %q", res.Header, body)
			}
		}
	})
}

// Whatever a digest or a length says otherwise than the content: 400 with a sentence,
// and nothing is stored.
func TestLiesStoreNothing(t *testing.T) {
	w := open(t)
	s := w.anna
	const text = "Haushaltsplan"
	md := md5.Sum([]byte(text))
	b64 := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	wrong := strings.Repeat("00", 32)
	s.want(http.StatusCreated, http.MethodPut, "alt.txt", "alt")
	for _, fields := range [][]string{
		{"OC-Checksum", "SHA1:" + wrong[:40]},
		{"OC-Checksum", "MD5:" + wrong[:32]},
		{"OC-Checksum", "SHA256:" + wrong},
		{"OC-Checksum", "SHA256:abc"},
		{"Content-MD5", b64(make([]byte, 16))},
		{"Digest", "SHA-256=" + b64(make([]byte, 32))},
		{"Repr-Digest", "sha-256=:" + b64(make([]byte, 32)) + ":"},
		{"Content-Digest", "sha-512=:" + b64(make([]byte, 64)) + ":"},
		// One right, one wrong.
		{"Content-MD5", b64(md[:]), "OC-Checksum", "SHA1:" + wrong[:40]},
		{"OC-Total-Length", "14"},
		{"X-Expected-Entity-Length", "12"},
		{"X-OC-Mtime", "heute"},
		{"Content-Range", "bytes 0-12/13"},
	} {
		for path, want := range map[string]string{"neu.txt": "", "alt.txt": "alt"} {
			res, why := s.want(http.StatusBadRequest, http.MethodPut, path, text, fields...)
			if len(why) < 20 {
				t.Errorf("%v: the answer says %q", fields, why)
			}
			if res.Header.Get("ETag") != "" {
				t.Errorf("%v: refused, with an ETag", fields)
			}
			if want == "" {
				s.want(http.StatusNotFound, http.MethodGet, path, "")
			} else if _, got := s.want(http.StatusOK, http.MethodGet, path, ""); got != want {
				t.Errorf("%v: %s is now %q", fields, path, got)
			}
		}
	}
	// All of them right.
	sha := sha256.Sum256([]byte(text))
	s.want(http.StatusCreated, http.MethodPut, "neu.txt", text, "Content-MD5", b64(md[:]),
		"Repr-Digest", "sha-256=:"+b64(sha[:])+":", "OC-Checksum", "MD5:"+hex.EncodeToString(md[:]))
	w.clean()
}

// A client that waits for 100 Continue keeps a body that will be refused.
func TestRefusedBeforeTheBody(t *testing.T) {
	w := open(t)
	s := w.anna
	s.want(http.StatusCreated, http.MethodPut, "da.txt", "da")
	for _, c := range []struct {
		path   string
		status int
		fields []string
	}{
		{"neu.txt", http.StatusBadRequest, []string{"Content-Range", "bytes 0-3/8"}},
		{"neu.txt", http.StatusBadRequest, []string{"OC-Checksum", "SHA1:zz"}},
		{"neu.txt", http.StatusPreconditionFailed, []string{"If-Match", `"x"`}},
		{"da.txt", http.StatusPreconditionFailed, []string{"If-None-Match", "*"}},
		{"fehlt/neu.txt", http.StatusConflict, nil},
	} {
		body := &counted{left: 50 << 20}
		req := s.request(http.MethodPut, c.path, body, append(c.fields, "Expect", "100-continue")...)
		req.ContentLength = body.left
		client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 20 * time.Second}}
		res, err := client.Do(req)
		if err != nil {
			t.Errorf("%s %v: %v", c.path, c.fields, err)
			continue
		}
		res.Body.Close()
		if res.StatusCode != c.status || body.sent.Load() != 0 {
			t.Errorf("%s %v: %s after %d bytes, want %d after none", c.path, c.fields, res.Status, body.sent.Load(), c.status)
		}
		client.CloseIdleConnections()
	}
}

// What does not fit is refused before it comes, however its length is told, and
// while it comes where it is not.
func TestQuotaBeforeTheUpload(t *testing.T) {
	w := open(t)
	s := w.anna
	w.quota(1 << 20)
	for _, c := range []struct {
		chunked bool
		fields  []string
		most    int64 // bytes that may be taken
	}{
		{false, nil, 0},
		{true, []string{"OC-Total-Length", fmt.Sprint(50 << 20)}, 0},
		{true, []string{"X-Expected-Entity-Length", fmt.Sprint(50 << 20)}, 0},
		{true, nil, 20 << 20},
	} {
		body := &counted{left: 50 << 20}
		req := s.request(http.MethodPut, "groß.bin", body, append(c.fields, "Expect", "100-continue")...)
		req.ContentLength = body.left
		if c.chunked {
			req.ContentLength = -1
		}
		client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 20 * time.Second}}
		res, err := client.Do(req)
		if err != nil {
			if c.most == 0 {
				t.Errorf("%v: %v", c.fields, err)
			}
			continue // the server hung up on what it would not take
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusInsufficientStorage || body.sent.Load() > c.most || !strings.Contains(string(text), "quota-not-exceeded") {
			t.Errorf("%v: %s after %d bytes: %s", c.fields, res.Status, body.sent.Load(), text)
		}
		client.CloseIdleConnections()
	}
	s.want(http.StatusNotFound, http.MethodGet, "groß.bin", "")
	// Replacing a file counts it once.
	s.want(http.StatusCreated, http.MethodPut, "fast voll.bin", strings.Repeat("x", 700<<10))
	s.want(http.StatusNoContent, http.MethodPut, "fast voll.bin", strings.Repeat("y", 800<<10))
	w.clean()
}

// counted is a body of zeros that knows how much of it was taken.
type counted struct {
	left int64
	sent atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), c.left)
	c.left -= n
	c.sent.Add(n)
	return int(n), nil
}

func (c *counted) Close() error { return nil }

// An upload that breaks off is never seen, nor half of it.
func TestBrokenUploadLeavesNothing(t *testing.T) {
	w := open(t)
	s := w.anna
	s.want(http.StatusCreated, http.MethodPut, "da.bin", "ganz")
	for _, path := range []string{"neu.bin", "da.bin"} {
		req := s.request(http.MethodPut, path, io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("halb", 1<<18)), broken{})))
		req.ContentLength = 8 << 20
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode < 400 {
				t.Errorf("%s: half an upload was answered %s", path, res.Status)
			}
		}
	}
	// One that stops in the middle of a piece and listens on is told of no success.
	for range 10 {
		req := s.request(http.MethodPut, "da.bin", nil)
		conn, err := net.Dial("tcp", req.URL.Host)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
			req.URL.EscapedPath(), req.URL.Host, req.Header.Get("Authorization"))
		_ = conn.(*net.TCPConn).CloseWrite()
		if res, err := http.ReadResponse(bufio.NewReader(conn), req); err == nil && res.StatusCode < 400 {
			t.Errorf("half a piece was answered %s", res.Status)
		}
		conn.Close()
	}
	s.want(http.StatusNotFound, http.MethodGet, "neu.bin", "")
	if _, got := s.want(http.StatusOK, http.MethodGet, "da.bin", ""); got != "ganz" {
		t.Errorf("da.bin is now %d bytes", len(got))
	}
	w.clean()
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
