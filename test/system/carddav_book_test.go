package system

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

// A carddavBook is one person's first address book, as a test sees it beside the
// program under test.
type carddavBook struct {
	t       *testing.T
	origin  *url.URL // "http://host:port"
	account harness.Account
	client  *http.Client
}

// bookOf is found by the address that the demo tells scripts.
func bookOf(t *testing.T, d *harness.Demo, a harness.Account) *carddavBook {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.Data, "ready.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		CardDAV string `json:"carddav"`
	}
	if err := json.Unmarshal(text, &state); err != nil || state.CardDAV == "" {
		t.Fatalf("the demo's JSON has no carddav: %v", err)
	}
	b := &carddavBook{t: t, account: a}
	if b.origin, err = url.Parse(state.CardDAV); err != nil {
		t.Fatal(err)
	}
	b.origin = &url.URL{Scheme: b.origin.Scheme, Host: b.origin.Host}
	b.client = &http.Client{Transport: &http.Transport{TLSClientConfig: d.TLS(t)}}
	t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// path is that of the book, or of a card in it.
func (b *carddavBook) path(name string) string {
	return "/addressbooks/" + b.account.Address + "/contacts/" + name
}

// do sends a request about the book or a card in it and answers status and body.
func (b *carddavBook) do(method, name, body string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.origin.String()+b.path(name), strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPut {
		req.Header.Set("Content-Type", "text/vcard; charset=utf-8")
	}
	if method == "PROPFIND" {
		req.Header.Set("Depth", "1")
	}
	return b.answer(req)
}

// answer sends a request as the book's owner and reads all of what comes.
func (b *carddavBook) answer(req *http.Request) (int, string) {
	b.t.Helper()
	req.SetBasicAuth(b.account.Address, b.account.AppPassword)
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// send is answer with the status that must come.
func (b *carddavBook) send(req *http.Request, status int) string {
	b.t.Helper()
	got, text := b.answer(req)
	if got != status {
		b.t.Fatalf("%s %s: %d, want %d\n%.2000s", req.Method, req.URL.Path, got, status, text)
	}
	return text
}

// want is do with the status that must come.
func (b *carddavBook) want(status int, method, name, body string) string {
	b.t.Helper()
	got, text := b.do(method, name, body)
	if got != status {
		b.t.Fatalf("%s %s: %d, want %d\n%.2000s", method, name, got, status, text)
	}
	return text
}

// names lists the resources of the book.
func (b *carddavBook) names() (list []string) {
	b.t.Helper()
	text := b.want(http.StatusMultiStatus, "PROPFIND", "", `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`)
	for _, part := range strings.Split(text, "href>")[1:] {
		href, _, _ := strings.Cut(part, "<")
		if i := strings.LastIndexByte(href, '/'); i >= 0 && i < len(href)-1 && strings.Contains(href, "/contacts/") {
			name, err := url.PathUnescape(href[i+1:])
			if err != nil {
				b.t.Fatal(err)
			}
			list = append(list, name)
		}
	}
	return list
}

// with lists the cards that contain a text.
func (b *carddavBook) with(text string) (list []string) {
	b.t.Helper()
	for _, name := range b.names() {
		if strings.Contains(b.want(http.StatusOK, http.MethodGet, name, ""), text) {
			list = append(list, name)
		}
	}
	return list
}

// soon waits until that many cards contain a text: some programs send what was done
// when they next sync.
func (b *carddavBook) soon(text string, want int) {
	b.t.Helper()
	var got []string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if got = b.with(text); len(got) == want {
			return
		}
	}
	b.t.Errorf("%d cards contain %q, want %d: %v", len(got), text, want, got)
}
