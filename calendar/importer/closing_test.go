package importer

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"fachwerk/internal/importing"
)

// A server ends its answers by closing and breaks off once: the object is asked for
// again. One whose listed length is wrong, but which is whole, comes.
func TestAServerThatEndsAnswersByClosing(t *testing.T) {
	d := newDesk(t)
	texts := map[string]string{"/Privat/a.ics": event("a", "Sitzung"), "/Privat/b.ics": event("b", "Beirat")}
	var cut atomic.Bool
	answer := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			c, b, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			text := texts[r.URL.Path]
			if r.URL.Path == "/Privat/a.ics" && !cut.Swap(true) {
				text = text[:len(text)/2]
			}
			fmt.Fprintf(b, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s", text)
			b.Flush()
			return
		}
		w.WriteHeader(http.StatusMultiStatus)
		fmt.Fprint(w, `<multistatus xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><response><href>/Privat/</href><propstat><prop>`+
			`<resourcetype><collection/><c:calendar/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response>`)
		if r.Header.Get("Depth") == "1" {
			for path, more := range map[string]int{"/Privat/a.ics": 0, "/Privat/b.ics": 40} {
				fmt.Fprintf(w, `<response><href>%s</href><propstat><prop><resourcetype/><getetag>"1"</getetag><getcontentlength>%d</getcontentlength></prop>`+
					`<status>HTTP/1.1 200 OK</status></propstat></response>`, path, len(texts[path])+more)
			}
		}
		fmt.Fprint(w, `</multistatus>`)
	}
	s := httptest.NewServer(http.HandlerFunc(answer))
	defer s.Close()
	c, err := importing.NewClient(importing.Server{URL: s.URL + "/Privat/", User: "anna", Password: "geheim"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	im := importing.New(d.Service, d.Store(), d.domain, d.account, Server(c, "anna"), importing.Options{})
	plan, err := im.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := im.Run(t.Context(), plan)
	if err != nil || !r.Complete() || len(r.Collections) != 1 || r.Collections[0].Imported != 2 {
		t.Fatalf("%v, %+v", err, r)
	}
	have := d.texts()
	for path, text := range texts {
		if got := have[path[len("/Privat/"):]]; got != text {
			t.Errorf("%s is %q", path, got)
		}
	}
	d.Sound(t)
}
