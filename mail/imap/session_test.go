package imap_test

import (
	"strings"
	"testing"
)

func TestGreetingAndCapabilities(t *testing.T) {
	s := start(t)
	c := s.dial(t)
	if l := c.line(); !strings.HasPrefix(l, "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 ") || !strings.Contains(l, " STARTTLS") ||
		!strings.Contains(l, " AUTH=PLAIN") || strings.Contains(l, "LOGINDISABLED") || strings.Contains(l, "LITERAL+") {
		t.Error(l)
	}
	c.is("SELECT INBOX", "BAD Log in first")
	c.is("FROB", "BAD Unknown command")
	c.is("LOGIN alice@musterstadt.example wrong", "NO [AUTHENTICATIONFAILED]")
	_, tagged := c.do("LOGIN alice@musterstadt.example " + s.password["alice@musterstadt.example"])
	if !strings.HasPrefix(tagged, "OK [CAPABILITY ") || !strings.Contains(tagged, " LITERAL+ ") || strings.Contains(tagged, "LITERAL-") ||
		strings.Contains(tagged, "STARTTLS") || !strings.Contains(tagged, " APPENDLIMIT=157286400") {
		t.Error(tagged)
	}
	c.is("LOGIN a b", "BAD Already logged in")
	c.is("FETCH 1 FLAGS", "BAD No mailbox is selected")
	c.is("NAMESPACE", "OK", `* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL`)
	c.is(`ID ("name" "x" "version" NIL)`, "OK", `* ID ("name" "Fachwerk")`)
	c.is("ID NIL", "OK", `* ID ("name" "Fachwerk")`)
	c.is("LOGOUT", "OK", "* BYE Goodbye")
	if _, err := c.tryLine(); err == nil {
		t.Error("the connection is still open")
	}
}

func TestMailboxes(t *testing.T) {
	s := start(t)
	c := s.login(t, "alice@musterstadt.example")
	c.is(`LIST "" ""`, "OK", `* LIST (\Noselect) "/" ""`)
	c.is(`LIST "" *`, "OK",
		`* LIST (\HasNoChildren) "/" INBOX`,
		`* LIST (\HasNoChildren \Archive) "/" Archive`,
		`* LIST (\HasNoChildren \Drafts) "/" Drafts`,
		`* LIST (\HasNoChildren \Junk) "/" Junk`,
		`* LIST (\HasNoChildren \Sent) "/" Sent`,
		`* LIST (\HasNoChildren \Trash) "/" Trash`)
	c.ok(`CREATE "Bauamt/Entw&APw-rfe"`)
	c.is("CREATE Bauamt", "NO [ALREADYEXISTS]")
	c.is("CREATE inbox", "NO [CANNOT]")
	c.is(`LIST "" Bau*`, "OK", `* LIST (\HasChildren) "/" Bauamt`, `* LIST (\HasNoChildren) "/" Bauamt/Entw&APw-rfe`)
	c.is(`LIST Bauamt/ %`, "OK", `* LIST (\HasNoChildren) "/" Bauamt/Entw&APw-rfe`)
	c.is("DELETE Bauamt", "NO [HASCHILDREN]")
	c.is("DELETE INBOX", "NO [CANNOT]")
	c.is("DELETE Nix", "NO [NONEXISTENT]")
	c.is("SUBSCRIBE Nix", "NO [NONEXISTENT]")
	c.ok("SUBSCRIBE Bauamt/Entw&APw-rfe")
	c.is(`LSUB "" B%`, "OK", `* LSUB (\Noselect \HasChildren) "/" Bauamt`)
	c.is(`LSUB "" B*`, "OK", `* LSUB (\HasNoChildren) "/" Bauamt/Entw&APw-rfe`)
	c.ok("RENAME Bauamt Hochbau")
	c.is(`LIST (SUBSCRIBED RECURSIVEMATCH) "" Hoch% RETURN (CHILDREN)`, "OK")
	c.ok("ENABLE IMAP4rev2")
	c.is(`LIST (SUBSCRIBED) "" B*`, "OK", `* LIST (\NonExistent \Subscribed) "/" "Bauamt/Entwürfe"`)
	c.is(`LIST "" ("Hoch%" "Hoch*e") RETURN (SUBSCRIBED STATUS (MESSAGES))`, "OK",
		`* LIST (\HasChildren) "/" Hochbau`, `* STATUS Hochbau (MESSAGES 0)`,
		`* LIST (\HasNoChildren) "/" "Hochbau/Entwürfe"`, `* STATUS "Hochbau/Entwürfe" (MESSAGES 0)`)
	c.is(`CREATE Rechnungen (USE (\Archive))`, "NO [USEATTR]")
	c.is(`CREATE X (USE (\Nonsense))`, "NO [USEATTR]")
	if _, tagged := c.do("CREATE Rechnungen"); !strings.HasPrefix(tagged, "OK [MAILBOXID (F") {
		t.Error(tagged)
	}
	c.is(`LIST (SPECIAL-USE) "" S*`, "OK", `* LIST (\HasNoChildren \Sent) "/" Sent`)
	c.is(`LIST (RECURSIVEMATCH) "" *`, "BAD")
	c.is(`LIST (RECURSIVEMATCH SUBSCRIBED) "" Bauamt`, "OK", `* LIST (\NonExistent) "/" Bauamt ("CHILDINFO" ("SUBSCRIBED"))`)
	c.ok(`UNSUBSCRIBE "Bauamt/Entwürfe"`)
	c.is("STATUS Nix (MESSAGES)", "NO [NONEXISTENT]")
	c.is("STATUS INBOX (FROB)", "BAD")
	c.is("STATUS INBOX ()", "BAD")
}

// Names are kept in NFC; a client that calls a mailbox otherwise is told (RFC 9051 6.3.9.7).
func TestOldName(t *testing.T) {
	s := start(t)
	c := s.login(t, "alice@musterstadt.example")
	c.ok("ENABLE IMAP4rev2")
	c.is("CREATE \"Bu\u0308ro\"", "OK [MAILBOXID", "* LIST () \"/\" \"B\u00fcro\" (\"OLDNAME\" (\"Bu\u0308ro\"))")
	got := c.ok("SELECT \"Bu\u0308ro\"")
	if last := got[len(got)-1]; last != "* LIST () \"/\" \"B\u00fcro\" (\"OLDNAME\" (\"Bu\u0308ro\"))" {
		t.Error(last)
	}
	got = c.ok("SELECT Sent")
	if last := got[len(got)-1]; last != `* LIST (\Sent) "/" Sent` {
		t.Error(last)
	}
}

func TestAppendAndFetch(t *testing.T) {
	s := start(t)
	c := s.login(t, "alice@musterstadt.example")
	if got := c.append("INBOX", `(\Seen $Eilt) "17-Jul-1996 02:44:25 -0700"`, note("one")); !strings.HasPrefix(got, "OK [APPENDUID ") {
		t.Fatal(got)
	}
	if got := c.append("Nix", "", note("two")); !strings.HasPrefix(got, "NO [TRYCREATE]") {
		t.Fatal(got)
	}
	c.send("m APPEND INBOX {5+}\r\nA: b\n (\\Flagged) {6}\r\n")
	if l := c.line(); !strings.HasPrefix(l, "+ ") {
		t.Fatal(l)
	}
	c.send("C: d\r\n\r\n")
	if _, tagged := c.until("m"); !strings.HasPrefix(tagged, "OK [APPENDUID ") || !strings.HasSuffix(strings.Fields(tagged)[3], "2:3]") {
		t.Fatal(tagged)
	}
	untagged := c.ok("SELECT INBOX")
	if got := strings.Join(untagged, "\n"); !strings.Contains(got, "* 3 EXISTS") || !strings.Contains(got, `$Eilt`) || !strings.Contains(got, "[UNSEEN 2]") {
		t.Error(got)
	}
	c.is("FETCH 1:* (UID FLAGS RFC822.SIZE)", "OK",
		`* 1 FETCH (UID 1 FLAGS (\Seen $Eilt) RFC822.SIZE `+num(len(note("one")))+`)`,
		`* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 5)`,
		`* 3 FETCH (UID 3 FLAGS (\Flagged) RFC822.SIZE 6)`)
	c.is("FETCH 1 INTERNALDATE", "OK", `* 1 FETCH (INTERNALDATE "17-Jul-1996 09:44:25 +0000")`)
	body := note("one")
	header, text, _ := strings.Cut(body, "\r\n\r\n")
	header += "\r\n\r\n"
	c.is("UID FETCH 1 BODY[]", "OK", "* 1 FETCH (UID 1 BODY[] "+lit(body)+")")
	c.is("FETCH 1 BODY[HEADER]", "OK", "* 1 FETCH (BODY[HEADER] "+lit(header)+")")
	c.is("FETCH 1 (BODY[TEXT] RFC822.TEXT)", "OK", "* 1 FETCH (BODY[TEXT] "+lit(text)+" RFC822.TEXT "+lit(text)+")")
	c.is("FETCH 1 BODY.PEEK[HEADER.FIELDS (subject x-y)]<2.6>", "OK", `* 1 FETCH (BODY[HEADER.FIELDS (subject x-y)]<2> `+lit("bject:")+")")
	c.is("FETCH 1 (BODY[1] BODY[1]<3.2> BODY[2] BODY[1.MIME])", "OK",
		"* 1 FETCH (BODY[1] "+lit(text)+" BODY[1]<3> "+lit(text[3:5])+" BODY[2] NIL BODY[1.MIME] "+lit(header)+")")
	c.is("FETCH 1 (BINARY.SIZE[1] BINARY[]<0.4> BODY[]<10000.5>)", "OK",
		"* 1 FETCH (BINARY.SIZE[1] "+num(len(text))+" BINARY[]<0> ~"+lit(body[:4])+` BODY[]<10000> "")`)
	c.is("FETCH 2 RFC822.HEADER", "OK", "* 2 FETCH (RFC822.HEADER "+lit("A: b\n")+")")
	c.is("FETCH 2 BODY[]", "OK", "* 2 FETCH (FLAGS (\\Seen) BODY[] "+lit("A: b\n")+")")
	c.is("FETCH 4 FLAGS", "BAD")
	c.is("FETCH 3:5 FLAGS", "BAD")
	c.is("UID FETCH 4:* FLAGS", "OK", `* 3 FETCH (UID 3 FLAGS (\Flagged))`)
	c.is("UID FETCH 1:4294967295 UID", "OK", `* 1 FETCH (UID 1)`, `* 2 FETCH (UID 2)`, `* 3 FETCH (UID 3)`)
	c.is("FETCH 1 (PREVIEW (LAZY))", "OK", `* 1 FETCH (PREVIEW "Hello one.")`)
	got := strings.Join(c.ok("FETCH 1 (EMAILID THREADID SAVEDATE MODSEQ ENVELOPE BODYSTRUCTURE)"), "\n")
	for _, want := range []string{"EMAILID (M", "THREADID (T", "SAVEDATE \"", "MODSEQ (", `ENVELOPE ("Mon, 2 Nov 2026 10:00:00 +0100" "one" `, `BODYSTRUCTURE ("text" "plain" `} {
		if !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	c.is("FETCH 1 BODY[HEADER.FIELDS ()]", "BAD")
	c.is("FETCH 1 (FROB)", "BAD")
}

func TestStoreExpungeMove(t *testing.T) {
	s := start(t)
	for _, subject := range []string{"1", "2", "3", "4", "5"} {
		s.Deliver(t, "alice@musterstadt.example", note(subject))
	}
	c := s.selectInbox(t, "alice@musterstadt.example")
	d := s.selectInbox(t, "alice@musterstadt.example")
	c.is(`STORE 1 +FLAGS (\Flagged $A)`, "OK",
		`* FLAGS (\Seen \Answered \Flagged \Deleted \Draft $A)`,
		`* OK [PERMANENTFLAGS (\Seen \Answered \Flagged \Deleted \Draft $A \*)] Kept`,
		`* 1 FETCH (UID 1 FLAGS (\Flagged $A))`)
	c.is(`STORE 1 -FLAGS.SILENT ($a)`, "OK")
	c.is(`STORE 2 FLAGS \Deleted`, "OK", `* 2 FETCH (UID 2 FLAGS (\Deleted))`)
	c.is(`STORE 2 FLAGS (\Frob)`, "BAD")
	c.is("UID EXPUNGE 3:5", "OK")
	c.is("EXPUNGE", "OK", "* 2 EXPUNGE")
	// The other session still counts five.
	c.ok(`STORE 4 +FLAGS.SILENT (\Seen)`)
	c.append("INBOX", "", note("6"))
	c.is("NOOP", "OK")
	d.ok("FETCH 1 FLAGS")
	got, _ := d.do("FETCH 1:5 UID")
	if text := strings.Join(got, " "); !strings.Contains(text, "* 1 FETCH (UID 1)") || !strings.Contains(text, "* 5 FETCH (UID 5)") {
		t.Error(text)
	}
	d.ok("NOOP")
	d.is("FETCH 1:* UID", "OK", "* 1 FETCH (UID 1)", "* 2 FETCH (UID 3)", "* 3 FETCH (UID 4)", "* 4 FETCH (UID 5)", "* 5 FETCH (UID 6)")
	c.is("COPY 1 Nix", "NO [TRYCREATE]")
	if _, tagged := c.do("UID COPY 1,4 Archive"); !strings.HasPrefix(tagged, "OK [COPYUID ") || !strings.Contains(tagged, " 1,4 1:2]") {
		t.Error(tagged)
	}
	got, tagged := c.do("MOVE 1:2 Trash")
	if len(got) != 3 || !strings.HasPrefix(got[0], "* OK [COPYUID ") || got[1] != "* 2 EXPUNGE" || got[2] != "* 1 EXPUNGE" || !strings.HasPrefix(tagged, "OK") {
		t.Error(got, tagged)
	}
	// What others expunged is answered with EXPUNGEISSUED, and told only where it may be.
	d.is("FETCH 1:2 UID", "OK", "* 1 FETCH (UID 1)", "* 2 FETCH (UID 3)")
	d.is("SEARCH ALL", "OK", "* SEARCH 3 4 5")
	d.is("FETCH 1:3 UID", "NO [EXPUNGEISSUED]", "* 3 FETCH (UID 4)")
	d.is("STORE 1 +FLAGS (\\Seen)", "NO [EXPUNGEISSUED]")
	d.is("NOOP", "OK", "* 2 EXPUNGE", "* 1 EXPUNGE")
	d.is("SEARCH ALL", "OK", "* SEARCH 1 2 3")
	c.ok(`STORE 1 +FLAGS (\Deleted)`)
	c.is("CLOSE", "OK")
	d.is("NOOP", "OK", "* 1 EXPUNGE")
	d.is("UNSELECT", "OK")
}
