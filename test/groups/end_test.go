package groups

import (
	"errors"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-smtp"

	"fachwerk/test/system/harness"
)

// Something open that a grant allows, and whether it has ended.
type open struct {
	name  string
	ended func() bool
}

// open uses a shared account in every way, and leaves open what can be left.
func (w *town) open(t *testing.T, who person, office string) (all []open) {
	t.Helper()
	add := func(name string, ended func() bool) { all = append(all, open{name + " by " + who.by(), ended}) }
	for name, read := range map[string]bool{"IDLE at once": false, "IDLE after FETCH": true} {
		c := who.imap(t, w)
		_, err := c.Select(inbox(office), nil).Wait()
		must(t, err)
		if read {
			_, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{Envelope: true}).Collect()
			must(t, err)
		}
		_, err = c.Idle()
		must(t, err)
		add("IMAP "+name, func() bool {
			select {
			case <-c.Closed():
				return true
			default:
				return false
			}
		})
	}
	c := who.imap(t, w)
	_, err := c.Select(inbox(office), nil).Wait()
	must(t, err)
	add("IMAP FETCH", func() bool {
		got, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{Envelope: true}).Collect()
		return err != nil || len(got) == 0
	})
	s := who.smtp(t, w)
	must(t, s.Mail(office, nil))
	add("SMTP", func() bool {
		_ = s.Reset()
		err := s.Mail(office, nil)
		var refused *smtp.SMTPError
		if err != nil && (!errors.As(err, &refused) || refused.Code < 500) {
			t.Errorf("MAIL FROM by %s: %v", who.by(), err)
		}
		return err != nil
	})
	for _, path := range []string{"/files/" + office + "/da.txt", "/calendars/" + office + "/akten/da.ics", "/addressbooks/" + office + "/akten/da.vcf"} {
		if got := who.dav(t, w, "GET", path, ""); got != 200 {
			t.Fatalf("GET %s by %s: %d", path, who.by(), got)
		}
		add("GET "+path, func() bool {
			got := who.dav(t, w, "GET", path, "")
			return !yes(t, "GET "+path, got)
		})
	}
	return all
}

// What is open ends within seconds of the grant, or of the membership.
func TestEndsOfGrants(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := start(t, e)
		for name, of := range map[string]func(*testing.T, *harness.Demo) *town{"embedded provider": embedded, "provider of the town": independent} {
			t.Run(name, func(t *testing.T) { of(t, d).ends(t) })
		}
	})
}

const everything = "read,write,manage,send-as"

func (w *town) ends(t *testing.T) {
	office := w.office(t, "amt")
	for _, way := range []struct {
		name       string
		begin, end func(t *testing.T)
	}{
		{"the group's grant goes",
			func(t *testing.T) { w.Command(t, "grant", "group", "add", office, group, everything) },
			func(t *testing.T) { w.Command(t, "grant", "group", "remove", office, group) }},
		{"the person's grant goes",
			func(t *testing.T) { w.Command(t, "grant", "add", office, w.anna.address, everything) },
			func(t *testing.T) { w.Command(t, "grant", "remove", office, w.anna.address) }},
		{"the person leaves the group",
			func(t *testing.T) { w.Command(t, "grant", "group", "add", office, group, everything) },
			func(t *testing.T) { w.says(t, "Alle") }},
	} {
		t.Run(way.name, func(t *testing.T) {
			logins := []person{w.anna}
			token := w.says(t, "Alle", group)
			if token != "" {
				logins = append(logins, person{address: w.anna.address, token: token})
			}
			way.begin(t)
			var all []open
			for _, who := range logins {
				all = append(all, w.open(t, who, office)...)
			}
			for _, o := range all { // and the server knows the rights from a moment ago
				if o.ended() {
					t.Fatalf("%s has ended before the grant has", o.name)
				}
			}
			way.end(t)
			began := time.Now()
			for _, o := range all {
				harness.Eventually(t, patience, o.name+" ends", o.ended)
			}
			t.Logf("all of %d has ended within %v", len(all), time.Since(began).Round(100*time.Millisecond))
			for _, who := range logins { // nor does the token of before bring anything back
				for _, p := range probes {
					if got := p.ask(t, w, who, office); got != "" {
						t.Errorf("by %s, %s still allows %q", who.by(), p.name, got)
					}
				}
			}
		})
	}
}

// Where a group's rights become fewer, a session that is open goes on with those.
func TestFewerRights(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) { independent(t, start(t, e)).fewerRights(t) })
}

func (w *town) fewerRights(t *testing.T) {
	office := w.office(t, "amt")
	w.says(t, group)
	w.Command(t, "grant", "group", "add", office, group, "read,write")
	c := w.anna.imap(t, w)
	_, err := c.Select(inbox(office), nil).Wait()
	must(t, err)
	flag := func() error {
		return c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close()
	}
	must(t, flag())
	w.Command(t, "grant", "group", "add", office, group, "read")
	harness.Eventually(t, patience, "flags cannot be changed", func() bool { return flag() != nil })
	got, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{Envelope: true}).Collect()
	if err != nil || len(got) != 1 {
		t.Errorf("the session cannot read any more: %v", err)
	}
	for _, p := range probes {
		want := "r"
		if p.name == "SMTP" {
			want = ""
		}
		if got := p.ask(t, w, w.anna, office); got != want {
			t.Errorf("%s allows %q, want %q", p.name, got, want)
		}
	}
}
