package location_test

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/parts"
)

// changed gives an address with something else in it.
func changed(t *testing.T, address string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	change(u)
	return u.String()
}

// The fault of one site at the start, whatever it is, keeps no other from being served.
// It is told with what to do; mail for that site waits at its sender and is never sent
// back; and once it is mended all is there.
func TestOneSiteAtFaultAtTheStart(t *testing.T) {
	h := newTowns(t)
	h.serve(t)
	for _, who := range []string{nina, sven} {
		if got := h.deliver(t, who, "vorher", 1000); !strings.HasPrefix(got, "250") {
			t.Fatal(got)
		}
	}
	h.stop(t)
	right := *h.sites["sued"]
	for _, c := range []struct {
		name     string
		fault    func(d *declared)
		database bool // its fault is: nothing of the site is there
		want     string
	}{
		{"refused by the database", func(d *declared) {
			d.dsn = changed(t, d.dsn, func(u *url.URL) { u.User = url.User("niemand") })
		}, true, "pg_hba.conf"},
		{"no such database", func(d *declared) {
			d.dsn = changed(t, d.dsn, func(u *url.URL) { u.Path = "/gibt_es_nicht" })
		}, true, "no such database"},
		{"an empty database", func(d *declared) { d.dsn = need.Postgres(t) }, true, "another database than before"},
		{"the other site's database", func(d *declared) { // by another of its names
			d.dsn = changed(t, h.sites["nord"].dsn, func(u *url.URL) { u.Host = "localhost:" + u.Port() })
		}, true, "another database than before"},
		{"no database server", func(d *declared) {
			d.dsn = changed(t, d.dsn, func(u *url.URL) { u.Host = "127.0.0.1:1" })
		}, true, "cannot be reached"},
		{"no such bucket", func(d *declared) {
			d.bucket = changed(t, d.bucket, func(u *url.URL) { u.Path = "/gibt-es-nicht" })
		}, false, "no such bucket"},
		{"a wrong secret key", func(d *declared) { d.secret = "ein-falsches-Geheimnis" }, false, "secret key is wrong"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.fault(h.sites["sued"])
			defer func() { *h.sites["sued"] = right }()
			if h.serve(t) {
				t.Fatal("the server ended")
			}
			if _, text := h.ops("/readyz"); !strings.Contains(text, "site sued is unavailable") || strings.Contains(text, "nord") {
				t.Errorf("readiness says %q", text)
			}
			if n, s := h.metric(`fachwerk_site_ready{site="nord"}`), h.metric(`fachwerk_site_ready{site="sued"}`); n != "1" || s != "0" {
				t.Errorf("the metrics say %q and %q", n, s)
			}
			if said := h.said.String(); !strings.Contains(said, c.want) || !strings.Contains(said, "site=sued") || strings.Contains(said, "Geheimnis") {
				t.Errorf("the log does not say %q", c.want)
			}
			if got := h.deliver(t, nina, c.name, 1000); !strings.HasPrefix(got, "250") {
				t.Errorf("mail for the other site: %s", got)
			}
			for size, fails := range map[int]bool{1000: c.database, 300_000: true} {
				if got := h.deliver(t, sven, c.name, size); strings.HasPrefix(got, "250") == fails || strings.HasPrefix(got, "5") {
					t.Errorf("mail of %d bytes for the site: %s", size, got)
				}
			}
			_, err := h.imap(t, sven)
			if refused := (*imap.Error)(nil); c.database && (!errors.As(err, &refused) || refused.Code != imap.ResponseCodeUnavailable) || !c.database && err != nil {
				t.Errorf("a login of the site: %v", err)
			}
			out, status := h.try(t, "", "check", "--quick")
			if status == 0 || !strings.Contains(out, "sued") || !strings.Contains(out, c.want) {
				t.Errorf("check: %d %s", status, out)
			}
			h.stop(t)
		})
	}
	// What is wrong in the configuration itself, or at the directory's site, ends the start.
	for name, fault := range map[string]func(){
		"a secret that is not there": func() { h.sites["sued"].more = ", secret_file: nirgends.secret" },
		"metadata database": func() {
			h.sites["nord"].dsn = h.sites["sued"].dsn[:strings.LastIndex(h.sites["sued"].dsn, "@")] + "@127.0.0.1:1/x"
		},
	} {
		nord, sued := *h.sites["nord"], *h.sites["sued"]
		fault()
		h.configure(t)
		if out, status := h.try(t, "", "serve"); status == 0 || strings.Contains(out, "goroutine ") || len(strings.Split(strings.TrimSpace(out), "\n")) > 3 {
			t.Errorf("%s: %d %s", name, status, out)
		}
		*h.sites["nord"], *h.sites["sued"] = nord, sued
	}
	h.serve(t)
	if found := h.subjects(t, sven); found["vorher"] != 1 || found["no such bucket"] != 1 || found["an empty database"] != 0 {
		t.Errorf("sven has %v", found)
	}
	if found := h.subjects(t, nina); len(found) != 8 {
		t.Errorf("nina has %v", found)
	}
	h.command(t, "check")
	h.stop(t)
}

// A site that is mended while the server runs is served without a restart.
func TestASiteIsMended(t *testing.T) {
	h := newTowns(t)
	right := h.sites["sued"].dsn
	h.sites["sued"].dsn = changed(t, right, func(u *url.URL) { u.Path = "/kommt_gleich" })
	admin := *h.sites["nord"]
	h.serve(t)
	u, err := url.Parse(right)
	must(t, err)
	execute(t, admin.dsn, `ALTER DATABASE "`+strings.Trim(u.Path, "/")+`" RENAME TO kommt_gleich`)
	defer execute(t, admin.dsn, `ALTER DATABASE kommt_gleich RENAME TO "`+strings.Trim(u.Path, "/")+`"`)
	parts.Eventually(t, "the site is served", func() error {
		if got := h.deliver(t, sven, "nachher", 1000); !strings.HasPrefix(got, "250") {
			return errAnswer(got)
		}
		return nil
	})
	parts.Eventually(t, "readiness names no site", func() error {
		if _, text := h.ops("/ready"); strings.Contains(text, "unavailable") {
			return errAnswer(text)
		}
		return nil
	})
	h.stop(t)
}

type errAnswer string

func (e errAnswer) Error() string { return string(e) }

// What is not as declared is one sentence in the log, on the command line and on the
// pages in both languages, and counted; who demands it is refused, and gets a report.
func TestAMismatchIsTold(t *testing.T) {
	h := newTowns(t)
	h.command(t, "tenant", "set", "Südstadt", "--refuse-on-mismatch")
	h.serve(t)
	b := h.signedIn(t, sven)
	h.stop(t)
	h.sites["sued"].networks = "127.0.0.9/32"
	h.serve(t)
	sentences := map[string]string{
		"en": "Site sued: The database is at 127.0.0.1 (connection in use), outside the declared networks 127.0.0.9/32: correct the address, or declare the network if it is part of the site.",
		"de": "Standort sued: Die Datenbank steht unter 127.0.0.1 (bestehende Verbindung), außerhalb der angegebenen Netze 127.0.0.9/32: Berichtigen Sie die Adresse, oder geben Sie das Netz an, wenn es zum Standort gehört.",
	}
	if !strings.Contains(h.said.String(), sentences["en"]) {
		t.Error("the log does not tell it")
	}
	out, status := h.try(t, "", "location", "verify")
	if status != 3 || !strings.Contains(out, sentences["en"]) {
		t.Errorf("location verify: %d %s", status, out)
	}
	if n := h.metric(`fachwerk_location_differences{check="addresses",part="database",site="sued"}`); n == "" || n == "0" {
		t.Errorf("the metric says %q", n)
	}
	if n := h.metric(`fachwerk_location_differences{check="addresses",part="database",site="nord"}`); n != "0" {
		t.Errorf("of the other site the metric says %q", n)
	}
	for language, sentence := range sentences {
		if p := h.page(t, b, "/data", language); p.Status != http.StatusOK || !strings.Contains(p.Text, sentence) {
			t.Errorf("the page in %s: %d %s", language, p.Status, p.Text)
		}
	}
	h.refused(t, sven)
	if err := h.append(t, nina); err != nil {
		t.Errorf("the other town: %v", err)
	}
	h.stop(t)
	h.sites["sued"].networks = "127.0.0.0/8"
	h.serve(t)
	if err := h.append(t, sven); err != nil {
		t.Errorf("when all is as declared: %v", err)
	}
	h.stop(t)
}

// refused: nothing is written for somebody, IMAP says so, and there is a report of it.
func (h *towns) refused(t *testing.T, who string) {
	t.Helper()
	err := h.append(t, who)
	if refused := (*imap.Error)(nil); !errors.As(err, &refused) || refused.Code != imap.ResponseCodeUnavailable || !strings.Contains(refused.Text, "Nothing may be written now") {
		t.Errorf("APPEND: %v", err)
	}
	if got := h.deliver(t, who, "abgewiesen", 1000); !strings.HasPrefix(got, "451 4.3.0") {
		t.Errorf("LMTP: %s", got)
	}
	h.command(t, "location", "report", "--account", who, "--format", "json", "--output", h.dir+"/report.json")
	key := h.command(t, "location", "key")
	must(t, writeFile(h.dir+"/key.pem", key))
	if out := h.command(t, "location", "verify-report", h.dir+"/report.json", "--key", h.dir+"/key.pem"); !strings.Contains(out, "report that was not kept") {
		t.Errorf("the report: %s", out)
	}
}

// What cannot be seen is not verified: a bucket whose declared region nobody tells. It
// is told and counted, and writing goes on by itself once it was seen.
func TestWhatCannotBeSeen(t *testing.T) {
	h := newTowns(t)
	h.command(t, "tenant", "set", "Südstadt", "--refuse-on-mismatch")
	var silent atomic.Bool
	silent.Store(true)
	h.sites["sued"].bucket = before(t, h.sites["sued"].bucket, func(r *http.Request) int {
		if silent.Load() && r.URL.Query().Has("location") {
			return http.StatusForbidden
		}
		return 0
	}, func(*http.Response) {})
	u, err := url.Parse(h.sites["sued"].bucket)
	must(t, err)
	h.sites["sued"].more = ", location: " + u.Query().Get("region")
	h.serve(t)
	const sentence = "Site sued: The region of the object store was not observed"
	if said := h.said.String(); !strings.Contains(said, sentence) || strings.Count(said, sentence) != 1 {
		t.Error("the log does not tell it, or again and again")
	}
	if n := h.metric(`fachwerk_location_missing{site="sued"}`); n != "1" {
		t.Errorf("the metric says %q", n)
	}
	if out, _ := h.try(t, "", "location", "verify"); !strings.Contains(out, sentence) || !strings.Contains(out, "not_verified") {
		t.Errorf("location verify: %s", out)
	}
	h.refused(t, sven)
	if err := h.append(t, nina); err != nil {
		t.Errorf("the other town: %v", err)
	}
	silent.Store(false)
	parts.Eventually(t, "it was seen", func() error { return h.append(t, sven) })
	if n := h.metric(`fachwerk_location_missing{site="sued"}`); n != "0" {
		t.Errorf("afterwards the metric says %q", n)
	}
	h.stop(t)
}

// A site whose servers take connections and say nothing keeps no other from being
// started and served, nor this one's mail from waiting at its senders.
func TestASiteHangsAtTheStart(t *testing.T) {
	h := newTowns(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	to := func(u *url.URL) { u.Host = silent.Addr().String() }
	h.sites["sued"].dsn = changed(t, h.sites["sued"].dsn, to)
	h.sites["sued"].bucket = changed(t, h.sites["sued"].bucket, to)
	began := time.Now()
	h.serve(t)
	t.Logf("the start took %s", time.Since(began))
	if got := h.deliver(t, nina, "da", 1000); !strings.HasPrefix(got, "250") {
		t.Errorf("mail for the other site: %s", got)
	}
	if got := h.deliver(t, sven, "dort", 1000); !strings.HasPrefix(got, "45") {
		t.Errorf("mail for the site: %s", got)
	}
	if err := h.append(t, nina); err != nil {
		t.Error(err)
	}
	if _, text := h.ops("/ready"); !strings.Contains(text, "site sued is unavailable") {
		t.Errorf("readiness says %q", text)
	}
	h.stop(t)
}
