package webdav

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fachwerk/dav"
	"fachwerk/files"
)

// maxField is far above what any of these fields needs, bytes.
const maxField = 4096

// announced is what the header of a PUT says about its content.
type announced struct {
	size     int64 // bytes; -1: not said
	modified time.Time
	digests  []files.Digest
}

// readFields reads them; what cannot be read is refused with 400 rather than passed
// over, or a client would believe that its digest had been checked.
func readFields(h http.Header, length int64) (a announced, err error) {
	if h.Get("Content-Range") != "" {
		// RFC 9110 section 14.5: a server that does not take part of a resource says so.
		return a, bad("A part of a file cannot be stored: send it whole, without Content-Range.")
	}
	if a.size, err = readSize(h, length); err != nil {
		return a, err
	}
	if v := h.Get("X-OC-Mtime"); v != "" {
		if a.modified, err = readTime(v); err != nil {
			return a, err
		}
	}
	for _, f := range []struct {
		name string
		read func(string) ([]files.Digest, error)
	}{
		{"OC-Checksum", readChecksum}, {"Content-MD5", readContentMD5}, {"Digest", readDigest},
		{"Content-Digest", readDigestFields}, {"Repr-Digest", readDigestFields},
	} {
		v := strings.Join(h.Values(f.name), ",")
		if len(v) > maxField {
			return a, bad(f.name + " is too long.")
		}
		if v == "" {
			continue
		}
		list, err := f.read(v)
		if err != nil {
			return a, bad(f.name + " cannot be read.")
		}
		a.digests = append(a.digests, list...)
	}
	return a, nil
}

// bad is a refusal for which no precondition is defined.
func bad(sentence string) error { return dav.Refusal(http.StatusBadRequest, xml.Name{}, sentence) }

// readSize holds the announcements of length against each other: Content-Length,
// OC-Total-Length of Nextcloud's clients, and X-Expected-Entity-Length, which a Mac's
// Finder sends with chunks. So a file that does not fit is refused before it comes.
func readSize(h http.Header, length int64) (int64, error) {
	size := length
	for _, name := range []string{"OC-Total-Length", "X-Expected-Entity-Length"} {
		v := h.Get(name)
		if v == "" {
			continue
		}
		n, err := strconv.ParseUint(v, 10, 63)
		switch {
		case err != nil:
			return 0, bad(name + " is not a number of bytes.")
		case size >= 0 && int64(n) != size:
			return 0, bad(name + " is another length than that of the content.")
		}
		size = int64(n)
	}
	return size, nil
}

// Times outside these are a client's mistake: 1601, where Windows' clock begins, and
// the year 9999, where HTTP's dates end.
const (
	firstSecond = -11644473600
	lastSecond  = 253402300799
)

// errField says that a field cannot be read; readFields says which.
var errField = errors.New("malformed")

// readTime reads seconds since 1970, with decimals or without, to a microsecond.
func readTime(v string) (time.Time, error) {
	seconds, err := strconv.ParseFloat(v, 64)
	if err != nil || len(v) > 32 || math.IsNaN(seconds) || seconds < firstSecond || seconds > lastSecond {
		return time.Time{}, bad("X-OC-Mtime is not a time in seconds since 1970.")
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(math.Round(fraction*1e6))*1000).UTC(), nil
}

// readChecksum reads OC-Checksum, "SHA1:hex", also a list of them. Algorithms that
// are not known are passed over.
func readChecksum(v string) (out []files.Digest, err error) {
	for _, one := range strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' }) {
		name, sum, ok := strings.Cut(one, ":")
		if !ok {
			return nil, errField
		}
		if out, err = add(out, name, sum, hex.DecodeString); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func add(list []files.Digest, name, sum string, decode func(string) ([]byte, error)) ([]files.Digest, error) {
	a, known := files.AlgorithmNamed(name)
	if !known {
		return list, nil
	}
	b, err := decode(sum)
	if err != nil || len(b) != a.Size() {
		return nil, errField
	}
	return append(list, files.Digest{Algorithm: a, Sum: b}), nil
}

// readContentMD5 reads base64 (RFC 1864).
func readContentMD5(v string) ([]files.Digest, error) {
	return add(nil, "MD5", v, base64.StdEncoding.DecodeString)
}

// readDigest reads the older Digest field, "SHA-256=base64,MD5=base64" (RFC 3230
// section 4.3.2).
func readDigest(v string) (out []files.Digest, err error) {
	for _, one := range strings.Split(v, ",") {
		name, sum, ok := strings.Cut(strings.TrimSpace(one), "=")
		if !ok {
			return nil, errField
		}
		if out, err = add(out, name, sum, base64.StdEncoding.DecodeString); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readDigestFields reads Content-Digest and Repr-Digest: a dictionary of byte
// sequences, "sha-256=:base64:" (RFC 9530 section 2, RFC 9651 section 3.2). A PUT has
// no content coding here, so the two mean the same bytes.
func readDigestFields(v string) (out []files.Digest, err error) {
	for _, one := range strings.Split(v, ",") {
		one, _, _ = strings.Cut(strings.TrimSpace(one), ";") // parameters have no meaning
		name, sum, ok := strings.Cut(one, "=")
		if !ok || len(sum) < 2 || sum[0] != ':' || sum[len(sum)-1] != ':' {
			return nil, errField
		}
		if out, err = add(out, name, sum[1:len(sum)-1], base64.StdEncoding.DecodeString); err != nil {
			return nil, err
		}
	}
	return out, nil
}
