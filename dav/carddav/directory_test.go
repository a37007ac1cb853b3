package carddav_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fachwerk/contacts"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// TestDirectory reads it as any address book and cannot change it.
func TestDirectory(t *testing.T) {
	h := open(t, nil)
	c := h.Client(t, "anna")
	h.Client(t, "jan")
	h.Shared(t, store.Function, "buergeramt")
	h.Shared(t, store.Room, "saal")
	other, err := h.Store().CreateTenant(t.Context(), "Nachbardorf", storetest.Site.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Store().AddDomain(t.Context(), other.ID, "nachbardorf.example"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store().CreateAccount(t.Context(), store.NewAccount{Tenant: other.ID, Kind: store.Person, Address: "fremd@nachbardorf.example", DisplayName: "fremd"}); err != nil {
		t.Fatal(err)
	}
	people := home(c) + "directory/"
	m := c.Propfind(t, people, "1", "<D:getetag/><D:getcontenttype/><D:getcontentlength/><D:current-user-privilege-set/>")
	if len(m.Responses) != 5 {
		t.Fatalf("%d responses, want the book and four entries: %+v", len(m.Responses), m)
	}
	if p := m.Find(people).Props[davName("current-user-privilege-set")].Inner; strings.Contains(p, "write") || !strings.Contains(p, "read") {
		t.Errorf("privileges %s", p)
	}
	all := ""
	for _, r := range m.Responses {
		if r.Href == people {
			continue
		}
		a := c.Want(t, http.StatusOK, http.MethodGet, r.Href, "")
		if a.Header.Get("ETag") != r.Text("DAV:", "getetag") || fmt.Sprint(len(a.Body)) != r.Text("DAV:", "getcontentlength") {
			t.Errorf("%s: ETag %s, %d bytes; %+v", r.Href, a.Header.Get("ETag"), len(a.Body), r)
		}
		all += a.Body
		c.Want(t, http.StatusForbidden, http.MethodDelete, r.Href, "")
		c.Want(t, http.StatusForbidden, http.MethodPut, r.Href, a.Body, "Content-Type", "text/vcard")
		c.Want(t, http.StatusForbidden, "MOVE", r.Href, "", "Destination", book(c)+"x.vcf")
	}
	for _, want := range []string{"anna@", "jan@", "buergeramt@", "saal@", "KIND:location", "KIND:org", "KIND:individual"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(all, "nachbardorf") {
		t.Error("another tenant's people show")
	}
	c.Want(t, http.StatusForbidden, http.MethodPut, people+"neu.vcf", vcard("1", "FN:x"), "Content-Type", "text/vcard")
	c.Want(t, http.StatusForbidden, http.MethodDelete, people, "")
	if n := len(query(t, c, people, `<CR:prop-filter name="EMAIL"><CR:text-match match-type="starts-with">JAN@</CR:text-match></CR:prop-filter>`)); n != 1 {
		t.Errorf("jan is found %d times", n)
	}
	// A card may be taken over into the own book.
	entry := query(t, c, people, `<CR:prop-filter name="EMAIL"><CR:text-match>saal@</CR:text-match></CR:prop-filter>`)
	if len(entry) == 1 {
		body := c.Want(t, http.StatusOK, http.MethodGet, people+entry[0], "").Body
		put(t, c, "saal.vcf", body)
	} else {
		t.Errorf("the room is found as %v", entry)
	}
	// Nobody sees the directory in another's home.
	office := h.Shared(t, store.Function, "amt")
	h.Grant(t, office, c.Principal, resource.Read|resource.Write|resource.Manage)
	c.Want(t, http.StatusNotFound, "PROPFIND", "/addressbooks/amt@musterstadt.example/directory/", "", "Depth", "0")
}

// city is a directory of many made-up people.
type city int

func (n city) Version(context.Context, int64) (string, error) { return "1", nil }

func (n city) People(context.Context, int64) (string, []contacts.Person, error) {
	list := make([]contacts.Person, n)
	for i := range list {
		list[i] = contacts.Person{Account: int64(i + 1), Address: fmt.Sprintf("p%d@musterstadt.example", i),
			DisplayName: fmt.Sprint([]string{"Anna ", "Jürgen ", "Aylin ", "Max "}[i%4], []string{"Müller ", "Groß ", "Weiß "}[i/4%3], i)}
	}
	return "Musterstadt", list, nil
}

// TestLargeDirectory cuts what matches too much, and lists all of it by pages.
func TestLargeDirectory(t *testing.T) {
	h := open(t, city(2500))
	c := h.Client(t, "anna")
	people := home(c) + "directory/"
	m := report(t, c, people, "addressbook-query", "<D:prop><D:getetag/></D:prop><CR:filter><CR:prop-filter name=\"FN\"/></CR:filter>")
	if rest := m.Find(people); rest == nil || rest.Status != http.StatusInsufficientStorage || len(m.Responses) != 1001 {
		t.Errorf("%d responses, %+v", len(m.Responses), rest)
	}
	if m := c.Propfind(t, people, "1", "<D:getetag/>"); len(m.Responses) != 2501 {
		t.Errorf("PROPFIND lists %d", len(m.Responses))
	}
	seen, token, pages := 0, "", 0
	for pages < 20 {
		m := c.Want(t, http.StatusMultiStatus, "REPORT", people, "<D:sync-collection "+davtest.Namespaces+"><D:sync-token>"+token+
			"</D:sync-token><D:sync-level>1</D:sync-level><D:limit><D:nresults>400</D:nresults></D:limit><D:prop><D:getetag/></D:prop></D:sync-collection>").Multistatus(t)
		pages++
		seen += len(hrefs(m))
		token = m.SyncToken
		if m.Find(people) == nil {
			break
		}
	}
	if seen != 2500 || pages != 7 {
		t.Errorf("sync listed %d in %d pages", seen, pages)
	}
}

// Who types a name or an address has the answer at once, at 100,000 entries: within 50 ms
// on a quiet machine (docs/performance.md). Here other tests run beside this one, under
// the race detector, so only a search that looks at every card fails.
func TestCompletionIsQuick(t *testing.T) {
	h := open(t, city(100_000))
	c := h.Client(t, "anna")
	people := home(c) + "directory/"
	for what, want := range map[string]int{"müller 99987": 1, "p99987@": 1, "mül": 50, "niemand": 0} {
		best := time.Hour
		for range 8 {
			began := time.Now()
			a := c.Want(t, http.StatusMultiStatus, "REPORT", people, completion(what), "Depth", "1")
			best = min(best, time.Since(began))
			if n := strings.Count(a.Body, "BEGIN:VCARD"); n != want {
				t.Fatalf("%s: %d cards, want %d", what, n, want)
			}
		}
		t.Logf("%s: %v", what, best)
		if best > 500*time.Millisecond {
			t.Errorf("%s took %v", what, best)
		}
	}
}
