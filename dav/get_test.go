package dav_test

import (
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"fachwerk/internal/store/storetest"
)

// Ranges, one and several, with If-Range (RFC 9110 section 14).
func TestRanges(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	at := "/files/" + c.Address + "/a.bin"
	var b strings.Builder
	for i := range 3 << 20 {
		b.WriteByte(byte(i>>16) ^ byte(i>>8) ^ byte(i))
	}
	content := b.String()
	tag := c.Want(t, 201, "PUT", at, content).Header.Get("ETag")
	if got := c.Want(t, 200, "GET", at, ""); got.Body != content || got.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("GET gave %d bytes, %v", len(got.Body), got.Header)
	}
	for r, want := range map[string]string{
		"bytes=0-0": content[:1], "bytes=100000-200000": content[100000:200001], "bytes=-5": content[len(content)-5:],
		"bytes=65535-": content[65535:], "bytes=3000000-99999999": content[3000000:],
	} {
		if got := c.Want(t, 206, "GET", at, "", "Range", r); got.Body != want {
			t.Errorf("%s: %d bytes, want %d", r, len(got.Body), len(want))
		}
	}
	c.Want(t, 416, "GET", at, "", "Range", "bytes=9999999-")
	if got := c.Want(t, 206, "GET", at, "", "Range", "bytes=5-6", "If-Range", tag); got.Body != content[5:7] {
		t.Error("If-Range with the tag")
	}
	if got := c.Want(t, 200, "GET", at, "", "Range", "bytes=5-6", "If-Range", `"x"`); got.Body != content {
		t.Error("If-Range with another tag")
	}
	got := c.Want(t, 206, "GET", at, "", "Range", "bytes=2000000-2000009,10-19")
	_, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(strings.NewReader(got.Body), params["boundary"])
	for _, want := range []string{content[2000000:2000010], content[10:20]} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(p); string(b) != want {
			t.Errorf("part %s: %q, want %q", p.Header.Get("Content-Range"), b, want)
		}
	}
	// So many that each would cost more than it brings: the whole.
	if got := c.Want(t, 200, "GET", at, "", "Range", "bytes=0-0"+strings.Repeat(",2-2", 100)); len(got.Body) != len(content) {
		t.Errorf("100 ranges gave %d bytes", len(got.Body))
	}
	head := c.Want(t, 200, "HEAD", at, "")
	if head.Header.Get("Content-Length") != "3145728" || head.Header.Get("ETag") != tag || head.Header.Get("Last-Modified") == "" {
		t.Errorf("HEAD: %v", head.Header)
	}
	c.Want(t, 201, "PUT", at+"0", "")
	if got := c.Want(t, 200, "GET", at+"0", ""); got.Body != "" || got.Header.Get("Content-Length") != "0" {
		t.Errorf("an empty file: %v", got.Header)
	}
	// RFC 8144: the content comes back with the answer to PUT.
	if got := c.Want(t, 200, "PUT", at+"0", "neu", "Prefer", "return=representation"); got.Body != "neu" || got.Header.Get("Content-Location") != at+"0" ||
		got.Header.Get("Last-Modified") != c.Want(t, 200, "HEAD", at+"0", "").Header.Get("Last-Modified") {
		t.Errorf("representation: %+v", got)
	}
	if got := c.Want(t, 201, "PUT", at+"1", "neu", "Prefer", "return=representation"); got.Body != "neu" {
		t.Errorf("representation: %+v", got)
	}
	// And with the refusal of a condition, if there is anything.
	got = c.Want(t, 412, "PUT", at+"1", "neuer", "Prefer", "return=representation", "If-Match", `"x"`)
	if got.Body != "neu" || got.Header.Get("ETag") == "" || got.Header.Get("Preference-Applied") != "return=representation" {
		t.Errorf("representation of what does not match: %+v", got)
	}
	if got := c.Want(t, 412, "PUT", at+"2", "neu", "Prefer", "return=representation", "If-Match", "*"); got.Header.Get("Preference-Applied") != "" {
		t.Errorf("representation of nothing: %+v", got)
	}
}
