package carddav_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/contacts"
	"fachwerk/dav"
	"fachwerk/dav/carddav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

const namespace = "urn:ietf:params:xml:ns:carddav"

// people are a tenant's accounts as the store knows them.
type people struct{ store *store.Store }

func (p people) Version(ctx context.Context, tenant int64) (string, error) {
	list, err := p.store.Accounts(ctx, tenant)
	var b strings.Builder
	for _, a := range list {
		fmt.Fprint(&b, a.Key.Account, a.Kind, a.State, a.Address, a.DisplayName, ";")
	}
	return b.String(), err
}

func (p people) People(ctx context.Context, tenant int64) (string, []contacts.Person, error) {
	list, err := p.store.Accounts(ctx, tenant)
	var out []contacts.Person
	for _, a := range list {
		kind := contacts.Individual
		switch a.Kind {
		case store.Function:
			kind = contacts.Function
		case store.Room:
			kind = contacts.Room
		}
		out = append(out, contacts.Person{Account: a.Key.Account, Kind: kind, Address: a.Address, DisplayName: a.DisplayName})
	}
	return "Musterstadt", out, err
}

// house is a server with address books.
type house struct {
	*davtest.Env
	t testing.TB
}

func open(t testing.TB, from contacts.People) *house {
	t.Helper()
	return openOn(t, storetest.Embedded, from)
}

// onBoth runs a test on both pairs of engines.
func onBoth(t *testing.T, f func(t *testing.T, h *house)) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) { f(t, openOn(t, e, nil)) })
	}
}

func openOn(t testing.TB, e storetest.Engines, from contacts.People) *house {
	t.Helper()
	env := davtest.Open(t, e, func(e *resourcetest.Env) []dav.Head {
		if from == nil {
			from = people{e.Store()}
		}
		return []dav.Head{carddav.New(carddav.Config{
			Resources: e.Service, Directory: contacts.NewDirectory(from, time.Millisecond, nil),
		})}
	})
	return &house{env, t}
}

// home is where a client's address books lie.
func home(c *davtest.Client) string { return "/addressbooks/" + c.Address + "/" }

// book is the first one.
func book(c *davtest.Client) string { return home(c) + carddav.First + "/" }

// vcard makes a card of version 3 with a UID and more lines.
func vcard(uid string, lines ...string) string {
	return "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + uid + "\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
}

// put stores a card of the first address book.
func put(t testing.TB, c *davtest.Client, name, body string) *davtest.Answer {
	t.Helper()
	a := c.Do(t, http.MethodPut, book(c)+name, body, "Content-Type", "text/vcard")
	if a.Status != http.StatusCreated && a.Status != http.StatusNoContent {
		t.Fatalf("PUT %s: %d %s", name, a.Status, a.Body)
	}
	return a
}

// refused fails unless an answer has the status and the precondition.
func refused(t testing.TB, a *davtest.Answer, status int, condition string) {
	t.Helper()
	if a.Status != status || condition != "" && !strings.Contains(a.Body, condition) {
		t.Errorf("%d, want %d with %s: %s", a.Status, status, condition, a.Body)
	}
}

// report sends a REPORT with Depth 1; root and inner are in the prefixes of davtest.
func report(t testing.TB, c *davtest.Client, path, root, inner string) davtest.Multistatus {
	t.Helper()
	return c.Want(t, http.StatusMultiStatus, "REPORT", path, reportBody(root, inner), "Depth", "1").Multistatus(t)
}

func reportBody(root, inner string) string {
	return "<CR:" + root + " " + davtest.Namespaces + ">" + inner + "</CR:" + root + ">"
}

// query asks for the names of the cards that match a filter's content.
func query(t testing.TB, c *davtest.Client, path, filter string) []string {
	t.Helper()
	m := report(t, c, path, "addressbook-query", "<D:prop><D:getetag/></D:prop><CR:filter>"+filter+"</CR:filter>")
	return hrefs(m)
}

// hrefs are the last segments of all responses that have no status of their own.
func hrefs(m davtest.Multistatus) (list []string) {
	for _, r := range m.Responses {
		if r.Status == 0 {
			list = append(list, r.Href[strings.LastIndexByte(strings.TrimSuffix(r.Href, "/"), '/')+1:])
		}
	}
	slices.Sort(list)
	return list
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func prop(r *davtest.Response, local string) davtest.Prop {
	if r == nil {
		return davtest.Prop{}
	}
	return r.Props[xml.Name{Space: namespace, Local: local}]
}

func davName(local string) xml.Name { return xml.Name{Space: "DAV:", Local: local} }
