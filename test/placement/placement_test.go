package placement

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fachwerk/internal/app"
	"fachwerk/internal/testenv/browser"
	"fachwerk/internal/testenv/samples"
	"fachwerk/internal/testenv/towns"
)

// large is more than any engine keeps in a row: it becomes an object.
const large = 300 << 10

func TestNothingIsWrittenWhereItMayNotLie(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			h := start(t, k)
			h.prepare(t)
			b := browser.New(t)
			token := h.signIn(t, b, anna)
			h.forbid(t, k, true)
			from := len(h.Said())
			before := h.state(t)
			for _, part := range []struct {
				name string
				walk func(t *testing.T)
			}{
				{"IMAP", h.walkIMAP}, {"mail that comes in", h.walkSMTP}, {"DAV", h.walkDAV},
				{"portal", func(t *testing.T) { h.walkPortal(t, b, token) }}, {"command line", h.walkCommands},
				{"reading", h.walkReading},
			} {
				t.Run(part.name, func(t *testing.T) {
					part.walk(t)
					h.nothingLeft(t, part.name, before)
				})
			}
			t.Run("queue", h.walkQueue)
			h.quietLog(t, from)
			h.others(t)
			h.forbid(t, k, false)
			t.Run("allowed again", h.again)
		})
	}
}

// prepare gives anna mail, a folder, calendars, contacts, files and trash, and mail
// that waits to be sent.
func (h *house) prepare(t *testing.T) {
	t.Helper()
	for range 4 {
		if _, end := h.letter(t, "lmtp", "x@elsewhere.example", []string{anna}, 1000, false); len(end) != 1 || end[0][0] != '2' {
			t.Fatalf("delivery: %q", end)
		}
	}
	if _, end := h.letter(t, "lmtp", "x@elsewhere.example", []string{anna, office}, large, false); len(end) != 2 || end[0][0] != '2' || end[1][0] != '2' {
		t.Fatalf("delivery: %q", end)
	}
	for _, c := range []string{"CREATE Ordner", "SELECT INBOX", "COPY 1 Ordner"} {
		if got := h.imapAs(t, anna, "SELECT INBOX", c); !strings.Contains(got, "a OK") {
			t.Fatalf("%s: %s", c, got)
		}
	}
	h.imapAs(t, anna, "SELECT INBOX", `STORE 1 +FLAGS (\Seen)`)
	h.imapAs(t, anna, "SELECT INBOX", `STORE 4 +FLAGS (\Deleted)`)
	for _, r := range [][]string{
		{"PUT", "/files/" + anna + "/Akte.txt", secret}, {"PUT", "/files/" + anna + "/Gross.txt", strings.Repeat(secret, large/len(secret))},
		{"MKCOL", "/files/" + anna + "/Mappe/", ""}, {"PUT", "/files/" + anna + "/Mappe/Blatt.txt", secret},
		{"PUT", "/files/" + anna + "/Alt.txt", secret}, {"DELETE", "/files/" + anna + "/Alt.txt", ""},
		{"MKCALENDAR", "/calendars/" + anna + "/akten/", ""}, {"PUT", "/calendars/" + anna + "/akten/termin.ics", samples.Event("1", secret)},
		{"MKCOL", "/addressbooks/" + anna + "/akten/", book}, {"PUT", "/addressbooks/" + anna + "/akten/karte.vcf", samples.Card("1", secret)},
	} {
		if status, answer, _ := h.dav(t, r[0], r[1], r[2], "Content-Type", contentType(r[1])); status/100 != 2 {
			t.Fatalf("%s %s: %d %s", r[0], r[1], status, answer)
		}
	}
	if _, end := h.letter(t, "submission", anna, []string{far}, 1000, false); len(end) != 1 || end[0][0] != '2' {
		t.Fatalf("submission: %q", end)
	}
	towns.Until(t, "the mail was tried", func() bool { tried, _ := h.sink.counts(far); return tried > 0 })
}

// nothingLeft compares all that lies anywhere with what lay there before.
func (h *house) nothingLeft(t *testing.T, what string, before map[string]int) {
	t.Helper()
	if list := changes(before, h.state(t)); len(list) > 0 {
		t.Errorf("%s has changed what lies there:\n%s", what, strings.Join(list, "\n"))
	}
}

// step runs one try and looks whether it left something.
func (h *house) step(t *testing.T, name string, try func(t *testing.T)) {
	t.Helper()
	before := h.state(t)
	try(t)
	h.nothingLeft(t, name, before)
}

func (h *house) walkIMAP(t *testing.T) {
	small := "Subject: " + secret + "\r\n\r\nText\r\n"
	big := message(anna, large)
	shared := `"Other Users/` + office + `/INBOX"`
	for _, c := range []string{
		fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(small), small), fmt.Sprintf("APPEND INBOX {%d}\x00%s\r\n", len(small), small),
		fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(big), big), fmt.Sprintf("APPEND INBOX {%d}\x00%s\r\n", len(big), big),
		fmt.Sprintf("APPEND INBOX (\\Seen) ~{%d+}\r\n%s", len(small), small),
		fmt.Sprintf("APPEND INBOX {%d+}\r\n%s {%d+}\r\n%s", len(small), small, len(big), big),
		fmt.Sprintf("APPEND %s {%d+}\r\n%s", shared, len(small), small),
		"COPY 2 Ordner", "UID COPY 1:* Ordner", "COPY 5 " + shared, "MOVE 2 Ordner", "UID MOVE 1:* Ordner", "MOVE 2 " + shared,
		`STORE 2 +FLAGS (\Flagged)`, `STORE 2 FLAGS.SILENT ($Label1)`, `UID STORE 1:* -FLAGS (\Seen)`, `STORE 2 (UNCHANGEDSINCE 1000000) +FLAGS (\Answered)`,
		"EXPUNGE", "UID EXPUNGE 1:*", "CREATE Neu", "CREATE Neu/Tief", "DELETE Ordner", "RENAME Ordner Umbenannt",
		`CREATE "Other Users/` + office + `/Neu"`, "UNSUBSCRIBE Ordner", "SUBSCRIBE Ordner",
	} {
		name, _, _ := strings.Cut(c, "\r")
		h.step(t, name, func(t *testing.T) {
			got := h.imapAs(t, anna, "SELECT INBOX", c)
			if !strings.Contains("\n"+got, "\na NO [UNAVAILABLE] Nothing may be written now where your data lies") {
				t.Errorf("%.60q: %s", c, got)
			}
		})
	}
	// What is only in passing: CLOSE expunges what it may, and is answered either way.
	h.step(t, "CLOSE", func(t *testing.T) { h.imapAs(t, anna, "SELECT INBOX", "CLOSE") })
}

func refused(replies []string) bool {
	for _, r := range replies {
		if !strings.HasPrefix(r, "451 4.") {
			return false
		}
	}
	return len(replies) > 0
}

func (h *house) walkSMTP(t *testing.T) {
	for _, size := range []int{1000, large} {
		for _, chunks := range []bool{false, true} {
			for _, c := range []struct {
				listener, from string
				to             []string
			}{
				{"submission", anna, []string{jan}}, {"submission", anna, []string{far}}, {"submission", anna, []string{jan, beate, far}},
				{"smtp", "x@elsewhere.example", []string{anna}}, {"smtp", "x@elsewhere.example", []string{anna, jan, office}},
				{"lmtp", "x@elsewhere.example", []string{anna}}, {"lmtp", "x@elsewhere.example", []string{anna, jan, office}},
			} {
				what := fmt.Sprint(c.listener, " to ", c.to, " of ", size, " bytes, BDAT ", chunks)
				h.step(t, what, func(t *testing.T) {
					rcpt, end := h.letter(t, c.listener, c.from, c.to, size, chunks)
					if len(end) == 0 && !refused(rcpt) || len(end) > 0 && !refused(end) {
						t.Errorf("%s: %q %q", what, rcpt, end)
					}
				})
			}
		}
	}
}

// others are served as ever: beside a recipient of ours each of theirs gets the mail,
// once.
func (h *house) others(t *testing.T) {
	t.Helper()
	count := func() string {
		return h.imapAs(t, beate, "STATUS INBOX (MESSAGES)")
	}
	if rcpt, end := h.letter(t, "lmtp", "x@elsewhere.example", []string{anna, beate}, 1000, false); !strings.HasPrefix(strings.Join(end, ""), "451 4.") || !strings.HasPrefix(end[len(end)-1], "250") {
		t.Errorf("LMTP to both tenants: %q %q", rcpt, end)
	}
	if got := count(); !strings.Contains(got, "MESSAGES 1)") {
		t.Errorf("after LMTP the other tenant has %s", got)
	}
	// One sender, one reply: where it is a refusal, nobody may have got it.
	rcpt, end := h.letter(t, "smtp", "x@elsewhere.example", []string{anna, beate}, 1000, false)
	want := "MESSAGES 1)"
	if len(end) == 1 && strings.HasPrefix(end[0], "250") {
		if !refused(rcpt[:1]) {
			t.Errorf("SMTP took a message for ours: %q %q", rcpt, end)
		}
		want = "MESSAGES 2)"
	}
	towns.Until(t, "the other tenant has "+want, func() bool { return strings.Contains(count(), want) })
}

const book = `<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/><addressbook xmlns="urn:ietf:params:xml:ns:carddav"/></resourcetype></prop></set></mkcol>`

func contentType(path string) string {
	switch {
	case strings.HasSuffix(path, ".ics"):
		return "text/calendar"
	case strings.HasSuffix(path, ".vcf"):
		return "text/vcard"
	case strings.HasSuffix(path, "/"):
		return "application/xml"
	}
	return "text/plain"
}

func (h *house) walkDAV(t *testing.T) {
	const lock = `<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>` + secret + `</owner></lockinfo>`
	patch := func(name string) string {
		return `<propertyupdate xmlns="DAV:"><set><prop>` + name + `</prop></set></propertyupdate>`
	}
	files, calendar, contacts := "/files/"+anna+"/", "/calendars/"+anna+"/akten/", "/addressbooks/"+anna+"/akten/"
	shared := "/files/" + office + "/"
	_, trash, _ := h.dav(t, "PROPFIND", "/trash/"+anna+"/", `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`, "Depth", "1", "Content-Type", "application/xml")
	gone := regexp.MustCompile(`/trash/[^<]*Alt[^<]*`).FindString(trash)
	if gone == "" {
		t.Fatalf("nothing in the trash: %s", trash)
	}
	big := strings.Repeat(secret, large/len(secret))
	for _, r := range [][]string{
		{"PUT", files + "Neu.txt", secret}, {"PUT", files + "Akte.txt", secret + "!"}, {"PUT", files + "Neu.txt", big}, {"PUT", files + "Akte.txt", big},
		{"PUT", files + "Neu.txt", big, "chunked"}, {"PUT", files + "Neu.txt", "", "If-None-Match", "*"}, {"PUT", shared + "Neu.txt", secret},
		{"PUT", calendar + "neu.ics", samples.Event("2", secret)}, {"PUT", calendar + "termin.ics", samples.Event("1", secret)}, {"PUT", contacts + "neu.vcf", samples.Card("2", secret)}, {"PUT", contacts + "karte.vcf", samples.Card("1", secret)},
		{"MKCOL", files + "Neu/", ""}, {"MKCALENDAR", "/calendars/" + anna + "/neu/", ""}, {"MKCOL", "/addressbooks/" + anna + "/neu/", book},
		{"PROPPATCH", files + "Akte.txt", patch(`<x xmlns="urn:x">` + secret + `</x>`)}, {"PROPPATCH", files + "Mappe/", patch(`<x xmlns="urn:x">1</x>`)},
		{"PROPPATCH", calendar, patch(`<displayname>` + secret + `</displayname>`)}, {"PROPPATCH", contacts, patch(`<displayname>` + secret + `</displayname>`)},
		{"COPY", files + "Akte.txt", "", "Destination", files + "Kopie.txt"}, {"COPY", files + "Akte.txt", "", "Destination", files + "Gross.txt"},
		{"COPY", files + "Mappe/", "", "Destination", files + "Kopie/"}, {"COPY", files + "Mappe/", "", "Destination", files + "Kopie/", "Depth", "0"},
		{"COPY", files + "Mappe/", "", "Destination", shared + "Kopie/"}, {"COPY", files + "Gross.txt", "", "Destination", shared + "Kopie.txt"},
		{"MOVE", files + "Akte.txt", "", "Destination", files + "Anders.txt"}, {"MOVE", files + "Mappe/", "", "Destination", files + "Anders/"},
		{"MOVE", files + "Mappe/", "", "Destination", shared + "Anders/"}, {"MOVE", files + "Gross.txt", "", "Destination", shared + "Anders.txt"},
		{"COPY", calendar + "termin.ics", "", "Destination", "/calendars/" + anna + "/akten/kopie.ics"}, {"MOVE", calendar + "termin.ics", "", "Destination", calendar + "anders.ics"},
		{"COPY", contacts + "karte.vcf", "", "Destination", contacts + "kopie.vcf"}, {"MOVE", contacts + "karte.vcf", "", "Destination", contacts + "anders.vcf"},
		{"MOVE", calendar, "", "Destination", "/calendars/" + anna + "/anders/"}, {"COPY", calendar, "", "Destination", "/calendars/" + anna + "/kopie/"},
		{"DELETE", files + "Akte.txt", ""}, {"DELETE", files + "Mappe/", ""}, {"DELETE", calendar + "termin.ics", ""}, {"DELETE", calendar, ""},
		{"DELETE", contacts + "karte.vcf", ""}, {"DELETE", contacts, ""},
		{"LOCK", files + "Akte.txt", lock}, {"LOCK", files + "Leer.txt", lock}, {"LOCK", files + "Mappe/", lock, "Depth", "infinity"},
		{"MOVE", gone, "", "Destination", files + "Zurueck.txt"}, {"DELETE", gone, ""}, {"DELETE", "/trash/" + anna + "/", ""},
	} {
		name := r[0] + " " + r[1] + " " + strings.Join(r[3:], " ")
		h.step(t, name, func(t *testing.T) {
			fields := append([]string{}, r[3:]...)
			for i, f := range fields {
				if strings.HasPrefix(f, "/") {
					fields[i] = h.URL("http") + f
				}
			}
			kind := contentType(r[1])
			if strings.HasPrefix(r[2], "<") {
				kind = "application/xml"
			}
			status, answer, header := h.dav(t, r[0], r[1], r[2], append(fields, "Content-Type", kind)...)
			if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
				if r[1] == "/trash/"+anna+"/" && status/100 == 4 { // emptied by a page of the portal
					return
				}
				t.Errorf("%s: %d, Retry-After %q: %s", name, status, header.Get("Retry-After"), answer)
			}
		})
	}
}

// walkReading: all that lies there can be read; what reading notes is left out.
func (h *house) walkReading(t *testing.T) {
	for _, c := range []string{"FETCH 2 (BODY[] FLAGS)", "UID FETCH 1:* (ENVELOPE BODYSTRUCTURE PREVIEW)", "SEARCH BODY " + secret, "STATUS Ordner (MESSAGES UNSEEN)",
		`LIST "" *`, "FETCH 5 BODY[]<100.200>", "EXAMINE Ordner", `SELECT "Other Users/` + office + `/INBOX"`, "GETQUOTAROOT INBOX", "CHECK", "NOOP"} {
		if got := h.imapAs(t, anna, "SELECT INBOX", c); !strings.Contains("\n"+got, "\na OK") {
			t.Errorf("%s: %s", c, got)
		}
	}
	for _, r := range [][]string{
		{"GET", "/files/" + anna + "/Gross.txt", ""}, {"GET", "/calendars/" + anna + "/akten/termin.ics", ""}, {"GET", "/addressbooks/" + anna + "/akten/karte.vcf", ""},
		{"PROPFIND", "/files/" + anna + "/", ""}, {"PROPFIND", "/trash/" + anna + "/", ""}, {"OPTIONS", "/files/" + anna + "/", ""},
		{"REPORT", "/files/" + anna + "/", `<sync-collection xmlns="DAV:"><sync-token/><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`},
	} {
		if status, answer, _ := h.dav(t, r[0], r[1], r[2], "Depth", map[bool]string{true: "0", false: "1"}[r[0] == "REPORT"], "Content-Type", "application/xml"); status/100 != 2 {
			t.Errorf("%s %s: %d %.300s", r[0], r[1], status, answer)
		}
	}
	h.With(t, func(ctx context.Context, in *app.Installation) {
		out := filepath.Join(t.TempDir(), "export")
		if _, err := in.ExportAccount(ctx, anna, out, app.ArchiveOptions{}); err != nil {
			t.Errorf("an export is refused: %v", err)
		}
		if list, err := os.ReadDir(out); err != nil || len(list) == 0 {
			t.Errorf("an export has %v, %v", list, err)
		}
		if _, err := in.Where(ctx, anna); err != nil {
			t.Errorf("where: %v", err)
		}
	})
}

// walkCommands: what an operator asks for is refused as well.
func (h *house) walkCommands(t *testing.T) {
	h.With(t, func(ctx context.Context, in *app.Installation) {
		out := filepath.Join(t.TempDir(), "export")
		_, err := in.ExportAccount(ctx, anna, out, app.ArchiveOptions{})
		must(t, err)
		for what, do := range map[string]func() error{
			"an account": func() error {
				_, err := in.AddAccount(ctx, app.NewAccount{Address: "neu@" + ourDomain, Kind: "person", Name: secret})
				return err
			},
			"an app password": func() error { _, err := in.AddAppPassword(ctx, anna, "Neu", "", 0); return err },
			"a password":      func() error { return in.SetPassword(ctx, anna, towns.Word+"!") },
			"an import":       func() error { _, err := in.ImportAccount(ctx, out, jan, app.ArchiveOptions{}); return err },
			"an alias":        func() error { return in.AddAlias(ctx, "leitung@"+ourDomain, anna) },
			"a grant":         func() error { return in.AddGrant(ctx, office, jan, "read") },
			"a group's grant": func() error { return in.AddGroupGrant(ctx, office, group, "read") },
			"groups":          func() error { return in.ChangeLoginGroups(ctx, jan, []string{group}, nil) },
			"a quota":         func() error { return in.SetQuota(ctx, anna, 1<<30, 1000) },
			"a logo": func() error {
				return in.SetTenantLogo(ctx, ourTown, []byte("\x89PNG\r\n\x1a\n"+strings.Repeat("\x00", 100)))
			},
			"settings": func() error {
				_, err := in.SetTenant(ctx, ourTown, func(t *app.Tenant) { t.Settings.Contact = secret }, false)
				return err
			},
			"a subject": func() error { return in.BindSubject(ctx, jan, h.URL("issuer"), "sub-of-jan") },
		} {
			h.step(t, what, func(t *testing.T) {
				err := do()
				if err == nil {
					t.Errorf("%s is not refused", what)
				} else if strings.Contains(err.Error(), secret) {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		// The proof of the fault is handed out; step sees that it is not kept.
		h.step(t, "a report", func(t *testing.T) {
			text, err := in.ReportLocation(ctx, ourTown, "json", "de")
			if err != nil {
				t.Fatal(err)
			}
			key, err := in.ReportKey()
			must(t, err)
			if said, err := app.VerifyReports([][]byte{text}, key); err != nil || !strings.Contains(strings.Join(said, ""), "report that was not kept") {
				t.Errorf("%q, %v", said, err)
			}
		})
	})
}

// walkQueue: mail of ours waits as it lies, and nobody else's waits with it.
func (h *house) walkQueue(t *testing.T) {
	h.sink.opened(true)
	defer h.sink.opened(false)
	before := h.state(t)
	const theirs = "nah@elsewhere.example"
	for n := 1; n <= 3; n++ {
		if _, end := h.letter(t, "submission", beate, []string{theirs}, 1000, false); len(end) != 1 || end[0][0] != '2' {
			t.Fatalf("the other tenant's submission: %q", end)
		}
		towns.Until(t, "the other tenant's mail has gone", func() bool { _, took := h.sink.counts(theirs); return took == n })
	}
	if _, took := h.sink.counts(far); took != 0 {
		t.Errorf("mail of a tenant that may not be written for was sent %d times", took)
	}
	for _, line := range changes(before, h.state(t)) {
		if strings.Contains(line, "site1: ") {
			t.Errorf("the queue has written: %s", line)
		}
	}
}

// again: everything works, and nothing is there twice.
func (h *house) again(t *testing.T) {
	h.sink.opened(true)
	h.With(t, func(ctx context.Context, in *app.Installation) {
		_, err := in.RetryQueue(ctx, "", 0)
		must(t, err)
	})
	// What is done beside the server is seen every half a minute; a letter that comes in
	// wakes its queue at once.
	if _, end := h.letter(t, "submission", jan, []string{"nah@elsewhere.example"}, 1000, false); len(end) != 1 || end[0][0] != '2' {
		t.Errorf("submission: %q", end)
	}
	towns.Until(t, "the mail that waited has gone", func() bool { _, took := h.sink.counts(far); return took > 0 })
	for _, listener := range []string{"lmtp", "smtp"} {
		if rcpt, end := h.letter(t, listener, "x@elsewhere.example", []string{anna}, large, false); len(end) != 1 || end[0][0] != '2' {
			t.Errorf("%s: %q %q", listener, rcpt, end)
		}
	}
	towns.Until(t, "both deliveries are there", func() bool {
		return strings.Contains(h.imapAs(t, anna, "STATUS INBOX (MESSAGES)"), "MESSAGES 7)")
	})
	small := "Subject: x\r\n\r\nText\r\n"
	for _, c := range []string{fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(small), small), "COPY 2 Ordner", "EXPUNGE", "CREATE Neu"} {
		if got := h.imapAs(t, anna, "SELECT INBOX", c); !strings.Contains("\n"+got, "\na OK") {
			t.Errorf("%s: %s", c, got)
		}
	}
	if got := h.imapAs(t, anna, "STATUS INBOX (MESSAGES)"); !strings.Contains(got, "MESSAGES 7)") { // one more, one expunged
		t.Errorf("INBOX has %s", got)
	}
	for _, r := range [][]string{{"PUT", "/files/" + anna + "/Neu.txt", secret}, {"COPY", "/files/" + anna + "/Mappe/", "", "Destination", h.URL("http") + "/files/" + anna + "/Kopie/"}} {
		if status, answer, _ := h.dav(t, r[0], r[1], r[2], r[3:]...); status/100 != 2 {
			t.Errorf("%s %s: %d %s", r[0], r[1], status, answer)
		}
	}
	if tried, took := h.sink.counts(far); took != 1 {
		t.Errorf("the mail that waited was sent %d times, in %d attempts", took, tried)
	}
	h.With(t, func(ctx context.Context, in *app.Installation) {
		if found, err := in.Check(ctx, false, nil); err != nil || len(found) > 0 {
			t.Errorf("check finds %v, %v", found, err)
		}
	})
}

// quietLog: what was refused is told without saying whose and what.
func (h *house) quietLog(t *testing.T, from int) {
	t.Helper()
	said := h.Said()[from:]
	for _, name := range []string{anna, jan, office, far, secret, "leitung@", "neu@", "Akte", "Mappe"} {
		if at := strings.Index(said, name); at >= 0 {
			t.Errorf("the log tells %q: %s", name, said[max(0, at-200):min(len(said), at+100)])
		}
	}
	if !strings.Contains(said, "may not lie at this site") && !strings.Contains(said, "not verified to be as declared") {
		t.Error("the log does not tell why writing is refused")
	}
}
