//go:build bench

package davbench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A peer is a server under measurement.
type peer struct {
	name           string
	url            string // without a slash at its end
	calendar, book string // homes: paths with a slash at their ends, "" without such a service
	files          string
	user, password string
	pid            int    // of ours
	group          int    // of processes, of the others
	complained     bool   // in this measurement, for once is enough
	late           bool   // gave no answer within the client's patience; is asked no more
	disk           string // folder of the homes' collections, of who is filled past HTTP
}

// client keeps its connections and costs as little as it can: it asks for no
// compression.
var client = &http.Client{
	Timeout:   time.Minute,
	Transport: &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true, ReadBufferSize: 256 << 10, WriteBufferSize: 256 << 10},
}

// ask sends one request and reads the whole answer: nothing from a peer that is late.
func (p *peer) ask(t testing.TB, method, at string, body []byte, headers ...string) []byte {
	t.Helper()
	if p.late {
		return nil
	}
	var answer bytes.Buffer
	err := p.exchange(method, at, bytes.NewReader(body), &answer, headers...)
	if p.waited(t, err, method, at) {
		return nil
	}
	if err != nil {
		t.Fatalf("%s: %s %s: %v %.500s", p.name, method, at, err, answer.Bytes())
	}
	return answer.Bytes()
}

// waited reports whether that was an answer that did not come in time. Ours has to.
func (p *peer) waited(t testing.TB, err error, method, at string) bool {
	t.Helper()
	var late interface{ Timeout() bool }
	if !errors.As(err, &late) || !late.Timeout() {
		return false
	}
	p.late = true
	p.complain(t, "no answer in %.0f s to %s %s", client.Timeout.Seconds(), method, at)
	return true
}

// exchange sends one request and copies the answer to w.
func (p *peer) exchange(method, at string, body io.Reader, w io.Writer, headers ...string) error {
	request, err := http.NewRequest(method, p.url+at, body)
	if err != nil {
		return err
	}
	request.SetBasicAuth(p.user, p.password)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(w, response.Body); err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return errors.New(response.Status)
	}
	return nil
}

// report asks with an XML body and answers how many milliseconds it took and what
// came: nothing from a peer that is late.
func (p *peer) report(t testing.TB, method, at, body string, depth string) (ms float64, answer []byte) {
	t.Helper()
	began := time.Now()
	answer = p.ask(t, method, at, []byte(body), "Content-Type", "application/xml; charset=utf-8", "Depth", depth)
	return milliseconds(began), answer
}

// each runs f(0) … f(n-1) by so many clients at once.
func each(t testing.TB, clients, n int, f func(i int) error) {
	t.Helper()
	var next atomic.Int64
	var working sync.WaitGroup
	for range clients {
		working.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// A multistatus answer, as far as it is compared.
type multistatus struct {
	Responses []struct {
		Href     string `xml:"DAV: href"`
		Status   string `xml:"DAV: status"`
		Propstat []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				ETag     string `xml:"DAV: getetag"`
				Calendar string `xml:"urn:ietf:params:xml:ns:caldav calendar-data"`
				Address  string `xml:"urn:ietf:params:xml:ns:carddav address-data"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
	Token string `xml:"DAV: sync-token"`
}

func parse(t testing.TB, answer []byte) (m multistatus) {
	t.Helper()
	if err := xml.Unmarshal(answer, &m); err != nil {
		t.Fatalf("%v in %.300s", err, answer)
	}
	return m
}

// same compares the members that an answer names with those that are right. With
// data, each that is there must carry its content.
func (p *peer) same(t testing.TB, what string, answer []byte, right map[string]bool, data bool) {
	t.Helper()
	if answer == nil {
		return // came too late
	}
	seen := map[string]bool{}
	wrong := 0
	for _, r := range parse(t, answer).Responses {
		href, err := url.PathUnescape(strings.TrimSpace(r.Href))
		if err != nil {
			t.Fatal(err)
		}
		name := path.Base(href)
		if strings.HasSuffix(href, "/") {
			continue // the collection
		}
		text := ""
		for _, s := range r.Propstat {
			text += s.Prop.Calendar + s.Prop.Address
		}
		uid := strings.TrimSuffix(strings.TrimSuffix(name, ".ics"), ".vcf")
		if !right[name] || seen[name] || data && !strings.Contains(text, uid) {
			wrong++
		}
		seen[name] = true
	}
	if wrong > 0 || len(seen) != len(right) {
		p.complain(t, "%s: %d members, %d of them wrong, where %d are right", what, len(seen), wrong, len(right))
	}
}

// complain fails the run where ours is wrong, and says so where a peer is.
func (p *peer) complain(t testing.TB, format string, args ...any) {
	t.Helper()
	if p.name == ours {
		t.Fatalf(p.name+": "+format, args...)
	}
	if !p.complained {
		t.Logf(p.name+": "+format, args...)
	}
}
