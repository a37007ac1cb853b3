package imap_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestSearch(t *testing.T) {
	s := start(t)
	c := s.login(t, "alice@musterstadt.example")
	c.append("INBOX", `(\Seen) "1-Feb-2020 12:00:00 +0000"`, note("Straße gesperrt"))
	c.append("INBOX", `(\Flagged $Work) "1-Mar-2021 12:00:00 +0000"`, note("two"))
	c.append("INBOX", `"1-Apr-2022 12:00:00 +0000"`, note("three")+strings.Repeat("x", 5000))
	c.ok("SELECT INBOX")
	for keys, want := range map[string]string{
		"ALL": "1 2 3", "1:2": "1 2", "UID 2:*": "2 3", "*": "3", "NOT 2": "1 3", "SEEN": "1", "UNSEEN": "2 3", "FLAGGED": "2",
		"KEYWORD $work": "2", "UNKEYWORD $Work": "1 3", "OR SEEN FLAGGED": "1 2", "(OR SEEN (FLAGGED KEYWORD $Work)) 2": "2",
		"BEFORE 1-Mar-2021": "1", "ON 1-Mar-2021": "2", "SINCE 1-Mar-2021": "2 3", "SENTON 2-Nov-2026": "1 2 3",
		"SENTBEFORE 1-Jan-2020": "", "LARGER 4000": "3", "SMALLER 4000": "1 2", "SUBJECT two": "2", "SUBJECT \"TWO\"": "2",
		"FROM alice": "1 2 3", "TO bob@": "1 2 3", "CC x": "", "BODY three": "3", "TEXT \"message-id\"": "1 2 3",
		"HEADER Message-ID \"<two@\"": "2", "HEADER X-None \"\"": "", "OLDER 3600": "1 2 3", "YOUNGER 3600": "",
		"SAVEDSINCE 1-Jan-2023": "1 2 3", "SAVEDBEFORE 1-Jan-2023": "", "SAVEDATESUPPORTED": "1 2 3", "NEW": "", "RECENT": "", "OLD": "1 2 3",
		"CHARSET UTF-8 SUBJECT {7}\r\nstraße": "?",
	} {
		if want == "?" {
			continue
		}
		if want != "" {
			want = " " + want
		}
		c.is("SEARCH "+keys, "OK", "* SEARCH"+want)
	}
	c.send("x SEARCH CHARSET UTF-8 SUBJECT {7+}\r\nstra\xc3\x9fe\r\n")
	if got, tagged := c.until("x"); strings.Join(got, "") != "* SEARCH 1" || !strings.HasPrefix(tagged, "OK") {
		t.Error(got, tagged)
	}
	c.is("SEARCH CHARSET KOI8-R ALL", "NO [BADCHARSET (US-ASCII UTF-8)]")
	c.is("SEARCH", "BAD")
	c.is("SEARCH FROB", "BAD")
	c.is("SEARCH 9", "OK", "* SEARCH")
	c.is("SEARCH 2:9", "OK", "* SEARCH 2 3")
	c.is("SEARCH (ALL", "BAD")
	c.is("SEARCH "+strings.Repeat("NOT ", 100)+"ALL", "BAD")
	c.is("SEARCH "+strings.Repeat("(", 1000), "BAD")
	c.is("SEARCH ALL"+strings.Repeat(" ALL", 2000), "BAD")
	esearch := func(command, want string) {
		t.Helper()
		tag := fmt.Sprintf("t%d", c.tag+1)
		c.is(command, "OK", `* ESEARCH (TAG "`+tag+`")`+want)
	}
	esearch("SEARCH RETURN () UNSEEN", " ALL 2:3")
	esearch("UID SEARCH RETURN (MIN MAX COUNT ALL) ALL", " UID MIN 1 MAX 3 ALL 1:3 COUNT 3")
	esearch("SEARCH RETURN (COUNT) CC x", " COUNT 0")
	esearch("SEARCH RETURN (ALL) CC x", "")
	c.is("SEARCH RETURN (SAVE) UNSEEN", "OK") // RFC 5182 2.1: no response
	c.is("FETCH $ UID", "OK", "* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)")
	c.is("UID FETCH $ UID", "OK", "* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)")
	esearch("SEARCH RETURN (SAVE MIN) $", " MIN 2")
	esearch("SEARCH RETURN (COUNT) $", " COUNT 1")
	c.ok("STORE $ +FLAGS.SILENT (\\Deleted)")
	c.ok("EXPUNGE")
	c.is("FETCH $ UID", "OK")
	c.ok("ENABLE IMAP4rev2")
	esearch("SEARCH ALL", " ALL 1:2")
	c.ok("SELECT INBOX")
	c.is("FETCH $ UID", "OK")
}
