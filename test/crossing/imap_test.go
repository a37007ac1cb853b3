package crossing

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// imapCommands name another account's mailbox, NAME.
var imapCommands = []string{
	"SELECT {m}", "EXAMINE {m}", "STATUS {m} (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ SIZE MAILBOXID)",
	`LIST "" {m}`, `LIST "" "{a}/%"`, `LIST "" "{a}" RETURN (SUBSCRIBED CHILDREN STATUS (MESSAGES))`, `LSUB "" "{a}*"`, `LIST "{a}/" "*"`,
	"SUBSCRIBE {m}", "UNSUBSCRIBE {m}", "CREATE {m}", `CREATE "{a}/Neu"`, `CREATE "{a}"`, "DELETE {m}", `DELETE "{a}"`,
	`RENAME {m} "{a}/Neu"`, `RENAME Entwurf {m}`, `RENAME {m} Entwurf`,
	"APPEND {m} {3+}\r\na\r\n", "GETQUOTAROOT {m}", `GETQUOTA "{a}"`, `SETQUOTA "{a}" (STORAGE 1)`,
	"MYRIGHTS {m}", "GETACL {m}", "LISTRIGHTS {m} {n}", "LISTRIGHTS INBOX {n}", "SETACL {m} {n} lrs", "SETACL INBOX {n} lrs", "DELETEACL INBOX {n}",
	"DELETEACL {m} " + anna, `GETMETADATA {m} (/shared/comment)`, `SETMETADATA {m} (/private/comment "x")`, `ID ("name" "{n}")`, `ESEARCH IN (mailboxes {m}) ALL`,
	// What one manages oneself, for people of theirs.
	`SETACL "Other Users/` + office + `/INBOX" {n} lrs`, `DELETEACL "Other Users/` + office + `/INBOX" {n}`, `LISTRIGHTS "Other Users/` + office + `/INBOX" {n}`,
	`GETQUOTA "{n}"`, `GETQUOTA "Other Users/{n}/INBOX"`, `LIST "" "Other Users/*{n}*"`, `LIST (SPECIAL-USE) "" "{a}/*"`, `STATUS "Other Users/{n}" (MESSAGES)`, `SELECT "{n}"`,
	`NOTIFY SET (mailboxes {m} (MessageNew MessageExpunge))`, `NOTIFY SET STATUS (subtree "{a}" (MessageNew MessageExpunge))`,
}

// Inside INBOX with a message.
var imapSelected = []string{
	"COPY 1 {m}", "UID COPY 1:* {m}", "MOVE 1 {m}", "UID MOVE 1:* {m}", "REPLACE 1 {m} {3+}\r\na\r\n", "SEARCH FROM {n}", "SEARCH HEADER To {n}",
}

func (h *house) walkIMAP(t *testing.T) {
	fill := func(command, name string) string {
		return strings.NewReplacer("{m}", `"Other Users/`+name+`/INBOX"`, "{a}", "Other Users/"+name, "{n}", name).Replace(command)
	}
	// That the harness can fail: a name that she may use answers otherwise.
	t.Run("granted", func(t *testing.T) {
		open := h.imapAs(t, anna, fill("SELECT {m}", office))
		if !strings.Contains(open, "a OK [READ-WRITE]") {
			t.Fatalf("anna cannot select a granted mailbox: %s", open)
		}
		if p := missingLike(office); normal(open, office) == normal(h.imapAs(t, anna, fill("SELECT {m}", p.missing)), p.missing) {
			t.Error("a granted mailbox answers as one that is not there")
		}
	})
	for _, c := range []string{`LIST "" "*"`, `LIST "" "Other Users/%"`, `LSUB "" "*"`, `LIST (SUBSCRIBED RECURSIVEMATCH) "" "*"`, "NAMESPACE"} {
		if got := h.imapAs(t, anna, c); strings.Contains(got, theirDomain) || strings.HasPrefix(c, "LIST \"\"") && !strings.Contains(got, office) {
			t.Errorf("%s answers %s", c, got)
		}
	}
	for _, p := range addresses() {
		for _, c := range imapCommands {
			h.same(t, "IMAP "+c, p, func(t *testing.T, name string) string { return h.imapAs(t, anna, fill(c, name)) })
		}
		for _, c := range imapSelected {
			h.same(t, "IMAP "+c, p, func(t *testing.T, name string) string { return h.imapAs(t, anna, "EXAMINE INBOX", fill(c, name)) })
		}
	}
	for _, c := range []string{"SEARCH EMAILID %s", "UID SEARCH EMAILID %s", "SEARCH THREADID %s", `LIST "" %s`, "SELECT %s"} {
		for _, p := range h.ids(t) {
			h.same(t, "IMAP "+c, p, func(t *testing.T, name string) string {
				return h.imapAs(t, anna, "EXAMINE INBOX", fmt.Sprintf(c, name))
			})
		}
	}
}

// ids are object ids of theirs (RFC 8474), each with one that nothing has.
func (h *house) ids(t *testing.T) (list []pair) {
	t.Helper()
	for range 20 { // ids are an account's own: these are greater than all that anna has
		h.deliver(t, beate)
	}
	text := h.imapAs(t, beate, "CREATE Ablage", "EXAMINE INBOX", "FETCH * (EMAILID THREADID)")
	for _, key := range []string{"MAILBOXID (", "EMAILID (", "THREADID ("} {
		_, rest, ok := strings.Cut(text, key)
		id, _, _ := strings.Cut(rest, ")")
		if !ok || len(id) < 2 {
			t.Fatalf("no %s in %s", key, text)
		}
		list = append(list, pair{id, id[:1] + strings.Repeat("9", len(id)-1)})
	}
	return list
}

// walkLogins tries passwords that open nothing: not theirs, and not as them.
func (h *house) walkLogins(t *testing.T) {
	plain := func(authzid, authcid, password string) string {
		return base64.StdEncoding.EncodeToString([]byte(authzid + "\x00" + authcid + "\x00" + password))
	}
	if got := h.login(t, "AUTHENTICATE PLAIN "+plain("", anna, h.Passwords[anna])); !strings.HasPrefix(got, "a OK") {
		t.Fatalf("anna's own login: %s", got)
	}
	for i, door := range []struct {
		what   string
		hashes int // of a refused password
		ask    func(t *testing.T, name string) string
	}{
		{"embedded provider", 1, func(t *testing.T, name string) string { return h.provider(t, name, fresh()) }},
		{"IMAP LOGIN", 1, func(t *testing.T, name string) string { return h.login(t, fmt.Sprintf("LOGIN %s %q", name, fresh())) }},
		{"IMAP LOGIN with anna's password", 1, func(t *testing.T, name string) string {
			return h.login(t, fmt.Sprintf("LOGIN %s %q", name, h.Passwords[anna]))
		}},
		{"IMAP as another", 0, func(t *testing.T, name string) string { // her password was seen a moment ago
			return h.login(t, "AUTHENTICATE PLAIN "+plain(name, anna, h.Passwords[anna]))
		}},
		{"SMTP", 1, func(t *testing.T, name string) string {
			return h.smtp(t, "submission", "AUTH PLAIN "+plain("", name, fresh()))
		}},
		{"SMTP as another", 0, func(t *testing.T, name string) string {
			return h.smtp(t, "submission", "AUTH PLAIN "+plain(name, anna, h.Passwords[anna]))
		}},
		{"DAV", 1, func(t *testing.T, name string) string {
			return h.dav(t, name, fresh(), "PROPFIND", "/files/"+name+"/", "", "Depth", "0")
		}},
	} {
		// Names of its own for each: those that fail often are throttled.
		for _, address := range visitors(i) {
			if work := h.same(t, "login by "+door.what, missingLike(address), door.ask); work.hashes != door.hashes {
				t.Errorf("login by %s as %s hashed %d times", door.what, address, work.hashes)
			}
		}
	}
}

// doorCount is how many ways to sign in are tried, and one more where failures are counted.
const doorCount = 8

// visitors are theirs whose names are tried at one door: a person, a disabled one, a
// function mailbox.
func visitors(door int) []string {
	n := string(rune('a' + door))
	return []string{"person" + n + "@" + theirDomain, "urlaub" + n + "@" + theirDomain, "stelle" + n + "@" + theirDomain}
}
