package webdav

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"fachwerk/dav"
)

func header(fields ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return h
}

var (
	sum256 = sha256.Sum256([]byte("Akte"))
	hex256 = hex.EncodeToString(sum256[:])
	b64256 = base64.StdEncoding.EncodeToString(sum256[:])
	md5hex = strings.Repeat("ab", 16)
	md5b64 = base64.StdEncoding.EncodeToString(decoded(md5hex))
)

func decoded(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestFieldsAreRead(t *testing.T) {
	for _, c := range []struct {
		h       http.Header
		length  int64
		size    int64
		digests string
	}{
		{header(), -1, -1, ""},
		{header(), 7, 7, ""},
		{header("OC-Total-Length", "7"), -1, 7, ""},
		{header("OC-Total-Length", "7"), 7, 7, ""},
		{header("X-Expected-Entity-Length", "0"), -1, 0, ""},
		{header("OC-Checksum", "SHA256:"+hex256), 4, 4, "SHA256:" + hex256},
		{header("OC-Checksum", "SHA256:"+strings.ToUpper(hex256)), 4, 4, "SHA256:" + hex256},
		{header("OC-Checksum", "md5:"+md5hex+" SHA256:"+hex256), 4, 4, "MD5:" + md5hex + " SHA256:" + hex256},
		{header("OC-Checksum", "BLAKE3:00"), 4, 4, ""},
		{header("Content-MD5", md5b64), 4, 4, "MD5:" + md5hex},
		{header("Digest", "md5="+md5b64+", SHA-256="+b64256), 4, 4, "MD5:" + md5hex + " SHA256:" + hex256},
		{header("Repr-Digest", "sha-256=:"+b64256+":"), 4, 4, "SHA256:" + hex256},
		{header("Content-Digest", "crc32c=:AAAAAA==:, sha-256=:"+b64256+":;x=1"), 4, 4, "SHA256:" + hex256},
		{header("Repr-Digest", "md5=:"+md5b64+":", "Repr-Digest", "sha-256=:"+b64256+":"), 4, 4, "MD5:" + md5hex + " SHA256:" + hex256},
	} {
		a, err := readFields(c.h, c.length)
		var list []string
		for _, d := range a.digests {
			list = append(list, d.String())
		}
		if err != nil || a.size != c.size || strings.Join(list, " ") != c.digests {
			t.Errorf("%v: size %d, digests %v, %v", c.h, a.size, list, err)
		}
	}
}

func TestLyingAndBrokenFieldsAreRefused(t *testing.T) {
	for _, h := range []http.Header{
		header("Content-Range", "bytes 0-3/8"),
		header("OC-Total-Length", "8"),
		header("OC-Total-Length", "-1"),
		header("OC-Total-Length", "four"),
		header("X-Expected-Entity-Length", "99999999999999999999"),
		header("OC-Checksum", "SHA1"),
		header("OC-Checksum", "SHA1:zz"),
		header("OC-Checksum", "SHA1:"+hex256),
		header("OC-Checksum", strings.Repeat("SHA256:"+hex256+" ", 100)),
		header("Content-MD5", hex256),
		header("Digest", "sha-256"),
		header("Repr-Digest", "sha-256="+b64256),
		header("Repr-Digest", "sha-256=:"),
		header("Repr-Digest", `sha-256=":x:"`),
		header("X-OC-Mtime", "gestern"),
		header("X-OC-Mtime", "NaN"),
		header("X-OC-Mtime", "Inf"),
		header("X-OC-Mtime", "1e300"),
		header("X-OC-Mtime", "-99999999999"),
	} {
		_, err := readFields(h, 4)
		var refusal *dav.Precondition
		if !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest || refusal.Text == "" {
			t.Errorf("%.60v: %v, want 400 with a sentence", h, err)
		}
	}
}

func TestTimesAreRead(t *testing.T) {
	for text, want := range map[string]time.Time{
		"1795341600":     time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		"1795341600.5":   time.Date(2026, 11, 22, 10, 0, 0, 500_000_000, time.UTC),
		"0":              time.Unix(0, 0).UTC(),
		"-86400":         time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC),
		"1795341600.001": time.Date(2026, 11, 22, 10, 0, 0, 1_000_000, time.UTC),
	} {
		if got, err := readTime(text); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want)
		}
	}
}

// Whatever a client writes into these fields, it is read or refused with 400.
func FuzzFields(f *testing.F) {
	f.Add("SHA1:"+strings.Repeat("00", 20), "1795341600.25", "7", "sha-256=:"+b64256+":", "md5="+md5b64, md5b64)
	f.Fuzz(func(t *testing.T, checksum, mtime, total, repr, digest, md5 string) {
		a, err := readFields(header("OC-Checksum", checksum, "X-OC-Mtime", mtime, "OC-Total-Length", total,
			"Repr-Digest", repr, "Digest", digest, "Content-MD5", md5), -1)
		var refusal *dav.Precondition
		switch {
		case err != nil && (!errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest):
			t.Errorf("%v", err)
		case err == nil && a.size < -1:
			t.Errorf("size %d", a.size)
		case err == nil:
			for _, d := range a.digests {
				if len(d.Sum) != d.Algorithm.Size() {
					t.Errorf("%v has %d bytes", d, len(d.Sum))
				}
			}
		}
	})
}

func TestMediaTypesNeedNoSystem(t *testing.T) {
	for name, want := range map[string]string{"Plan.PDF": "application/pdf", "a.tar.gz": "application/gzip",
		"Akte": "application/octet-stream", ".txt": "text/plain", "x.unknown": "application/octet-stream"} {
		if got := mediaType(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
