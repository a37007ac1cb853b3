package webdav_test

import (
	"net/http"
	"strings"
	"testing"
)

// A PROPPATCH that cannot set all sets nothing, also not a file's time (RFC 4918 9.2).
func TestPropertiesAndTimeTogetherOrNotAtAll(t *testing.T) {
	w := open(t)
	s := w.anna
	s.want(http.StatusCreated, http.MethodPut, "a.txt", "a", "X-OC-Mtime", "1000000000")
	const old = "Sun, 09 Sep 2001 01:46:40 GMT"
	for name, more := range map[string]string{
		"protected": `<D:getetag>x</D:getetag>`,
		"digest":    `<o:checksums xmlns:o="http://owncloud.org/ns"><o:checksum>MD5:00000000000000000000000000000000</o:checksum></o:checksums>`,
	} {
		for _, props := range []string{`<D:lastmodified>1100000000</D:lastmodified>` + more, more + `<D:lastmodified>1100000000</D:lastmodified>`} {
			_, answer := s.want(http.StatusMultiStatus, "PROPPATCH", "a.txt",
				`<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>`+props+`</D:prop></D:set></D:propertyupdate>`)
			if !strings.Contains(answer, "424") || strings.Contains(answer, "200 OK") {
				t.Errorf("%s: %s", name, answer)
			}
			if res, _ := s.want(http.StatusOK, http.MethodGet, "a.txt", ""); res.Header.Get("Last-Modified") != old {
				t.Errorf("%s: the time is %s", name, res.Header.Get("Last-Modified"))
			}
		}
	}
	_, answer := s.want(http.StatusMultiStatus, "PROPPATCH", "a.txt", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>`+
		`<D:lastmodified>1100000000</D:lastmodified><x xmlns="urn:x"/>`+
		`<o:checksums xmlns:o="http://owncloud.org/ns"><o:checksum>MD5:0cc175b9c0f1b6a831c399e269772661</o:checksum></o:checksums></D:prop></D:set></D:propertyupdate>`)
	if res, _ := s.want(http.StatusOK, http.MethodGet, "a.txt", ""); res.Header.Get("Last-Modified") == old || !strings.Contains(answer, "200 OK") || strings.Contains(answer, "424") {
		t.Errorf("what can be set: %s, %s", res.Header.Get("Last-Modified"), answer)
	}
}
