package imap_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/mail"
	"fachwerk/mail/imap"
	"fachwerk/mail/mailtest"
)

const alice = mailtest.AliceAddress

// rest reads until the server closes the connection.
func (c *client) rest() string {
	b, _ := io.ReadAll(c.r)
	return string(b)
}

func TestBeforeLogin(t *testing.T) {
	s := start(t, func(c *imap.Config) { c.Limits.PreLogin = 2 * time.Second; c.Limits.FailedLogins = 2 })
	t.Run("long line", func(t *testing.T) {
		c := s.dial(t)
		c.line()
		c.is("NOOP "+strings.Repeat("x", 9000), "BAD [TOOBIG]")
		c.is("NOOP", "OK")
	})
	t.Run("long literal", func(t *testing.T) {
		c := s.dial(t)
		c.line()
		c.is("LOGIN {9000}", "BAD [TOOBIG]")
		c.is("NOOP", "OK")
	})
	t.Run("pushed literal beyond LITERAL-", func(t *testing.T) {
		c := s.dial(t)
		c.line()
		c.is("LOGIN {5000+}\r\n"+strings.Repeat("a LOGOUT\r\n", 500), "BAD [TOOBIG]")
		c.is("NOOP", "OK")
	})
	t.Run("huge pushed literal", func(t *testing.T) {
		c := s.dial(t)
		c.line()
		c.send("a LOGIN {900000+}\r\n" + strings.Repeat("b LOGOUT\r\n", 100))
		if got := c.rest(); !strings.HasPrefix(got, "a BAD [TOOBIG]") || !strings.Contains(got, "* BYE") || strings.Contains(got, "b OK") {
			t.Error(got)
		}
	})
	t.Run("endless line", func(t *testing.T) {
		c := s.dial(t)
		c.line()
		go io.Copy(c.conn, io.LimitReader(neverEnding{}, 10<<20))
		if got := c.rest(); strings.Contains(got, "OK") {
			t.Error(got)
		}
	})
	t.Run("nonsense", func(t *testing.T) {
		c := s.dial(t)
		c.line()
		c.send(strings.Repeat("GET / HTTP/1.1\r\n", 50))
		if got := c.rest(); strings.Count(got, "BAD") != 10 || !strings.HasSuffix(got, "* BYE Too many bad commands\r\n") {
			t.Error(got)
		}
	})
	t.Run("slow", func(t *testing.T) {
		c := s.dial(t)
		c.line()
		begin := time.Now()
		c.send("a NO")
		if got := c.rest(); !strings.HasPrefix(got, "* BYE") || time.Since(begin) > 60*time.Second {
			t.Error(got, time.Since(begin))
		}
	})
	t.Run("failed logins", func(t *testing.T) {
		c := s.dial(t)
		c.line()
		c.is("LOGIN nobody x", "NO [AUTHENTICATIONFAILED]")
		c.is("LOGIN nobody y", "NO [AUTHENTICATIONFAILED]")
		if got := c.rest(); !strings.HasPrefix(got, "* BYE Too many failed logins") {
			t.Error(got)
		}
	})
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// What a message that is refused says must never be run as commands.
func TestOversizedAppend(t *testing.T) {
	s := startIn(t, mailtest.New(t, mailtest.WithMail(mail.Options{Limits: mail.Limits{MaxMessage: 10_000}})))
	c := s.login(t, alice)
	evil := strings.Repeat("x CREATE Owned\r\n", 1000)
	if got := c.append("INBOX", "", evil); !strings.HasPrefix(got, "NO [TOOBIG]") {
		t.Error(got)
	}
	if got := c.append("Nowhere", "", evil); !strings.HasPrefix(got, "NO [TRYCREATE]") {
		t.Error(got)
	}
	if got := c.append("INBOX", "(\\Frob)", evil); !strings.HasPrefix(got, "BAD") {
		t.Error(got)
	}
	if got := c.append("INBOX", "(((", evil); !strings.HasPrefix(got, "BAD") {
		t.Error(got)
	}
	c.is("APPEND INBOX {20000}", "NO [TOOBIG]")
	c.is("APPEND INBOX", "BAD")
	// The second message of two is refused: none is stored.
	c.send("m APPEND INBOX {5+}\r\nA: b\n {16000+}\r\n" + evil + " {3+}\r\nx\r\n\r\n")
	if _, tagged := c.until("m"); !strings.HasPrefix(tagged, "NO [TOOBIG]") {
		t.Error(tagged)
	}
	// Nor may many small ones fill memory and disk before the first of them is stored.
	part := " {3000+}\r\n" + strings.Repeat("A: bcde\r\n", 334)[:3000]
	c.send("n APPEND INBOX" + strings.Repeat(part, 3) + "\r\no APPEND Drafts" + strings.Repeat(part, 4) + "\r\n")
	if _, tagged := c.until("n"); !strings.HasPrefix(tagged, "OK") {
		t.Error(tagged)
	}
	if _, tagged := c.until("o"); !strings.HasPrefix(tagged, "NO [LIMIT]") {
		t.Error(tagged)
	}
	c.is("STATUS Drafts (MESSAGES)", "OK", "* STATUS Drafts (MESSAGES 0)")
	c.ok("SELECT INBOX")
	c.ok("STORE 1:3 +FLAGS.SILENT (\\Deleted)")
	c.ok("CLOSE")
	c.is("SEARCH {999999+}\r\n"+strings.Repeat("x CREATE Owned\r\n", 62500)[:999999], "BAD [TOOBIG]")
	c.is("NOOP "+strings.Repeat("y", 200_000), "BAD [TOOBIG]")
	c.is(`LIST "" Owned`, "OK")
	c.is("STATUS INBOX (MESSAGES)", "OK", "* STATUS INBOX (MESSAGES 0)")
	c.send("z SEARCH {99999999999+}\r\nq CREATE Owned\r\n")
	if got := c.rest(); strings.Contains(got, "q ") || !strings.Contains(got, "* BYE") {
		t.Error(got)
	}
}

func TestStartTLS(t *testing.T) {
	s := start(t, func(c *imap.Config) { c.AllowPlainOnLoopback = false })
	c := s.dial(t)
	if l := c.line(); !strings.Contains(l, "LOGINDISABLED") || strings.Contains(l, "AUTH=") {
		t.Error(l)
	}
	c.is("LOGIN "+alice+" "+s.password[alice], "NO [PRIVACYREQUIRED]")
	c.is("AUTHENTICATE PLAIN", "NO [PRIVACYREQUIRED]")
	// A command slipped in behind STARTTLS must not be run inside TLS.
	c.send("s STARTTLS\r\ni CREATE Injected\r\n")
	if l := c.line(); !strings.HasPrefix(l, "s OK") {
		t.Fatal(l)
	}
	inside := tls.Client(c.conn, s.clients)
	if err := inside.Handshake(); err != nil {
		t.Fatal(err)
	}
	c.conn, c.r = inside, bufio.NewReader(inside)
	got := c.ok("CAPABILITY")
	if len(got) != 1 || strings.Contains(got[0], "STARTTLS") || !strings.Contains(got[0], "AUTH=PLAIN") {
		t.Error(got)
	}
	c.is("STARTTLS", "BAD")
	c.ok("LOGIN " + alice + " " + s.password[alice])
	c.is(`LIST "" Injected`, "OK")
	implicit, err := tls.Dial("tcp", s.addrTLS, s.clients)
	if err != nil {
		t.Fatal(err)
	}
	defer implicit.Close()
	d := &client{t: t, conn: implicit, r: bufio.NewReader(implicit)}
	if l := d.line(); strings.Contains(l, "STARTTLS") || strings.Contains(l, "LOGINDISABLED") {
		t.Error(l)
	}
}

func TestConnectionLimits(t *testing.T) {
	s := start(t, func(c *imap.Config) { c.Limits.ConnectionsPerAddress = 4; c.Limits.ConnectionsPerAccount = 2 })
	s.login(t, alice)
	second := s.login(t, alice)
	third := s.dial(t)
	third.line()
	third.is("LOGIN "+alice+" "+s.password[alice], "NO [LIMIT]")
	fourth := s.dial(t)
	fourth.line()
	if l := s.dial(t).line(); !strings.HasPrefix(l, "* BYE") {
		t.Error(l)
	}
	second.ok("LOGOUT")
	second.rest()
	deadline := time.Now().Add(time.Minute)
	for {
		if _, tagged := third.do("LOGIN " + alice + " " + s.password[alice]); strings.HasPrefix(tagged, "OK") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the place of a session that ended was not freed")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestLoginEnds(t *testing.T) {
	s := start(t)
	idle, quiet := s.selectInbox(t, alice), s.login(t, alice)
	idle.send("i IDLE\r\n")
	idle.line()
	begin := time.Now()
	if err := s.auth.RevokeAppPassword(t.Context(), auth.AccountRef{Tenant: s.Alice.Tenant, Account: s.Alice.Account}, s.appID[alice]); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{idle, quiet} {
		if got := c.rest(); !strings.HasPrefix(got, "* BYE [EXPIRED]") {
			t.Errorf("%q", got)
		}
	}
	if d := time.Since(begin); d > 60*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestShutdown(t *testing.T) {
	s := start(t)
	c := s.selectInbox(t, alice)
	c.send("i IDLE\r\n")
	c.line()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.imap.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if got := c.rest(); !strings.HasPrefix(got, "* BYE") {
		t.Errorf("%q", got)
	}
	if conn, err := net.Dial("tcp", s.addr); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}

// A client that does not read what it asked for loses its connection and holds up nobody.
func TestSlowReader(t *testing.T) {
	s := start(t, func(c *imap.Config) { c.Limits.Write = 500 * time.Millisecond })
	c := s.login(t, alice)
	c.append("INBOX", "", note("big")+strings.Repeat(strings.Repeat("x", 98)+"\r\n", 100_000))
	c.ok("SELECT INBOX")
	for range 20 {
		c.send("f FETCH 1 BODY.PEEK[]\r\n")
	}
	time.Sleep(1500 * time.Millisecond)
	d := s.selectInbox(t, alice)
	d.is("NOOP", "OK")
	if _, err := io.Copy(io.Discard, c.r); err == nil {
		c.conn.SetDeadline(time.Now().Add(time.Second))
		if _, err := c.conn.Write([]byte("x NOOP\r\n")); err == nil {
			if _, err := c.r.ReadByte(); err == nil {
				t.Error("the connection is still open")
			}
		}
	}
}

func TestSharedAccounts(t *testing.T) {
	s := start(t)
	desk := "Other Users/" + mailtest.DeskAddress
	s.Deliver(t, mailtest.DeskAddress, note("Anfrage"))
	c := s.login(t, mailtest.BobAddress)
	c.is(`LIST "" "Other Users*"`, "OK",
		`* LIST (\Noselect \HasChildren) "/" "Other Users"`,
		`* LIST (\Noselect \HasChildren) "/" "`+desk+`"`,
		`* LIST (\HasNoChildren) "/" "`+desk+`/Archive"`,
		`* LIST (\HasNoChildren) "/" "`+desk+`/Drafts"`,
		`* LIST (\HasNoChildren) "/" "`+desk+`/INBOX"`,
		`* LIST (\HasNoChildren) "/" "`+desk+`/Junk"`,
		`* LIST (\HasNoChildren) "/" "`+desk+`/Sent"`,
		`* LIST (\HasNoChildren) "/" "`+desk+`/Trash"`)
	c.is(`STATUS "`+desk+`/inbox" (MESSAGES)`, "OK", `* STATUS "`+desk+`/inbox" (MESSAGES 1)`)
	c.ok(`SELECT "` + desk + `/INBOX"`)
	c.is(`STORE 1 +FLAGS (\Flagged)`, "OK", `* 1 FETCH (UID 1 FLAGS (\Flagged))`)
	c.is(`CREATE "`+desk+`/Neu"`, "NO [NOPERM]")
	c.is(`CREATE "Other Users/`+alice+`/Neu"`, "NO [NOPERM]")
	c.is(`SELECT "Other Users/`+alice+`/INBOX"`, "NO [NONEXISTENT]", "* OK [CLOSED] The mailbox selected before is closed")
	c.is(`RENAME Archive "`+desk+`/Alt"`, "NO [CANNOT]")
	c.ok(`SELECT "` + desk + `/INBOX"`)
	if _, tagged := c.do("COPY 1 INBOX"); !strings.HasPrefix(tagged, "OK [COPYUID ") {
		t.Error(tagged)
	}
	if got, tagged := c.do("MOVE 1 Archive"); len(got) != 2 || !strings.HasPrefix(tagged, "OK") {
		t.Error(got, tagged)
	}
	d := s.login(t, alice)
	d.is(`LIST "" "Other*"`, "OK")
	// Alice may only read.
	key := store.Key{Tenant: s.Alice.Tenant, Account: s.Alice.Account}
	if err := s.Store.AddGrant(t.Context(), s.Desk.Key, key, store.RightRead); err != nil {
		t.Fatal(err)
	}
	s.Deliver(t, mailtest.DeskAddress, note("Noch eine"))
	d = s.login(t, alice)
	if _, tagged := d.do(`SELECT "` + desk + `/INBOX"`); !strings.HasPrefix(tagged, "OK [READ-ONLY]") {
		t.Error(tagged)
	}
	d.is(`STORE 1 +FLAGS (\Seen)`, "NO [NOPERM]")
	d.is("EXPUNGE", "NO [NOPERM]")
	d.is("MOVE 1 INBOX", "NO [NOPERM]")
	d.is("FETCH 1 BODY[HEADER.FIELDS (SUBJECT)]", "OK", "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] "+lit("Subject: Noch eine\r\n\r\n")+")")
	if got := d.append(`"`+desk+`/INBOX"`, "", note("x")); !strings.HasPrefix(got, "NO [NOPERM]") {
		t.Error(got)
	}
	if err := s.Store.RemoveGrant(t.Context(), s.Desk.Key, key); err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		d.send("f FETCH 1 FLAGS\r\n")
		if l := d.line(); strings.HasPrefix(l, "* BYE [NOPERM]") {
			break
		}
		d.line()
		if time.Since(begin) > 60*time.Second {
			t.Fatalf("a right that was taken away still holds")
		}
	}
}

func TestQuota(t *testing.T) {
	s := start(t)
	c := s.login(t, alice)
	c.is(`GETQUOTAROOT INBOX`, "OK", `* QUOTAROOT INBOX ""`, `* QUOTA "" ()`)
	c.is(`GETQUOTA x`, "NO [NONEXISTENT]")
	c.is("STATUS INBOX (DELETED DELETED-STORAGE SIZE APPENDLIMIT RECENT)", "OK", "* STATUS INBOX (DELETED 0 DELETED-STORAGE 0 SIZE 0 APPENDLIMIT 157286400 RECENT 0)")
	c.append("INBOX", `(\Deleted)`, note("big")+strings.Repeat("x", 2000))
	c.is("STATUS INBOX (DELETED DELETED-STORAGE)", "OK", "* STATUS INBOX (DELETED 1 DELETED-STORAGE 3)")
}

// RFC 9208: the limits are told, and a message beyond them is refused whole.
func TestOverQuota(t *testing.T) {
	s := start(t)
	key := store.Key{Tenant: s.Alice.Tenant, Account: s.Alice.Account}
	if err := s.Store.SetQuota(t.Context(), key, 8<<10, 3); err != nil {
		t.Fatal(err)
	}
	c := s.login(t, alice)
	c.append("INBOX", "", note("eins")+strings.Repeat("x", 3000))
	c.is(`GETQUOTAROOT INBOX`, "OK", `* QUOTAROOT INBOX ""`, `* QUOTA "" (STORAGE 4 8 MESSAGE 1 3)`)
	if got := c.append("INBOX", "", note("zu groß")+strings.Repeat("x", 6000)); !strings.HasPrefix(got, "NO [OVERQUOTA]") {
		t.Errorf("too many bytes: %s", got)
	}
	c.append("INBOX", "", note("zwei"))
	c.append("INBOX", "", note("drei"))
	if got := c.append("INBOX", "", note("vier")); !strings.HasPrefix(got, "NO [OVERQUOTA]") {
		t.Errorf("too many messages: %s", got)
	}
	c.ok("SELECT INBOX")
	if _, got := c.do("COPY 1:3 Archive"); !strings.HasPrefix(got, "NO [OVERQUOTA]") {
		t.Errorf("too many copies: %s", got)
	}
	c.is("STATUS INBOX (MESSAGES)", "OK", "* STATUS INBOX (MESSAGES 3)")
	c.is("STATUS Archive (MESSAGES)", "OK", "* STATUS Archive (MESSAGES 0)")
}
