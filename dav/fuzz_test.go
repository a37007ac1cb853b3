package dav_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fachwerk/internal/store/storetest"
)

// FuzzRequest sends whole requests: none is a fault of the server's.
func FuzzRequest(f *testing.F) {
	env := open(f, storetest.Embedded)
	c := env.Client(f, "anna")
	file := "/files/" + c.Address + "/a.txt"
	c.Want(f, 201, "PUT", file, "a")
	f.Add("PROPFIND", file, "1", "", "", `<propfind xmlns="DAV:"><prop><getetag/><x xmlns="urn:x"/></prop></propfind>`)
	f.Add("PROPPATCH", file, "0", "(<urn:uuid:1>)", "", patch(set("<Z:a/>")))
	f.Add("REPORT", "/calendars/"+c.Address+"/calendar/", "0", "", "", syncBody("urn:fachwerk:sync:1", "1", "<D:limit><D:nresults>1</D:nresults></D:limit>"))
	f.Add("REPORT", "/", "", "", "", `<D:expand-property xmlns:D="DAV:"><D:property name="owner"/></D:expand-property>`)
	f.Add("LOCK", file, "infinity", `<http://x/> (Not ["a"])`, "", lockBody("shared"))
	f.Add("MOVE", file, "", "", "/files/"+c.Address+"/%C3%A4", "")
	f.Add("MKCOL", "/calendars/"+c.Address+"/x", "", "", "", `<D:mkcol xmlns:D="DAV:"><D:set><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop></D:set></D:mkcol>`)
	f.Fuzz(func(t *testing.T, method, path, depth, cond, destination, body string) {
		req, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
		if err != nil || len(body) > 1<<16 {
			return
		}
		req.SetBasicAuth(c.Address, c.Password)
		req.Header.Set("Content-Type", "application/xml")
		for k, v := range map[string]string{"Depth": depth, "If": cond, "Destination": destination} {
			if v != "" {
				req.Header.Set(k, v)
			}
		}
		w := httptest.NewRecorder()
		env.Server.ServeHTTP(w, req)
		if w.Code >= 500 && w.Code != 502 && w.Code != 507 {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		if w.Code == http.StatusMultiStatus && !bytes.HasSuffix(w.Body.Bytes(), []byte("multistatus>")) {
			t.Fatalf("%s %s: an answer without an end: %s", method, path, w.Body)
		}
	})
}
