package thunderbird

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"fachwerk/test/system/harness"
)

func TestThunderbird(t *testing.T) {
	demo := harness.Start(t, harness.Options{})
	p := startThunderbird(t, demo.Portal)
	p.do("start", waitForWindow, nil)
	p.do("trust the authority", trust, nil, authority(t, demo))
	setUpAccount(p, demo)
	readInbox(p)
	moveToArchive(p, demo)
	sendToJan(p, demo)
	seeNewMail(p, demo)
	readOffice(p)
	demo.Check(t)
}

// setUpAccount lets the account assistant find everything by the address alone.
func setUpAccount(p *program, demo *harness.Demo) {
	var got struct {
		Source, Name, IMAP, User, SMTP string
		Alternatives                   int
	}
	anna := demo.Anna()
	p.do("set up the account", setUp, &got, "Anna Schmidt", anna.Address, anna.AppPassword)
	_, imaps, _ := strings.Cut(demo.IMAPS, ":")
	_, submissions, _ := strings.Cut(demo.Submissions, ":")
	if got.Source != "xml-from-isp-http" || got.IMAP != "localhost:"+imaps || got.SMTP != "localhost:"+submissions ||
		got.User != anna.Address || got.Alternatives != 2 {
		p.t.Fatalf("Thunderbird set up %+v", got)
	}
}

func readInbox(p *program) {
	const subject = "Öffnungszeiten über die Feiertage"
	var subjects []string
	p.do("list the inbox", listInbox, &subjects, subject)
	if !strings.Contains(strings.Join(subjects, "\n"), "Willkommen bei Fachwerk") {
		p.t.Fatalf("the inbox shows %q", subjects)
	}
	var got struct{ Text, Shown string }
	p.do("read a message", read, &got, "", subject, "Der Aushang")
	if !strings.Contains(got.Text, "Der Aushang") || !strings.Contains(got.Shown, subject) {
		p.t.Fatalf("the message shows as %+v", got)
	}
}

func moveToArchive(p *program, demo *harness.Demo) {
	const subject = "Öffnungszeiten über die Feiertage"
	var folder string
	p.do("move a message", move, &folder, subject, "Archive")
	c := demo.IMAP(p.t, demo.Anna())
	if n := found(p.t, demo, demo.Anna(), "INBOX", subject); n != 0 {
		p.t.Errorf("%d messages are still in the inbox", n)
	}
	archive := specialUse(p, demo, imap.MailboxAttrArchive)
	harness.Select(p.t, c, archive)
	if n := found(p.t, demo, demo.Anna(), archive, subject); n != 1 {
		p.t.Errorf("%d messages are in %s", n, archive)
	}
}

func sendToJan(p *program, demo *harness.Demo) {
	const subject = "Rückfrage zum Weihnachtsmarkt"
	p.do("send", send, nil, demo.Jan().Address, subject, "Hallo Jan,\n\nist die Genehmigung für den Weihnachtsmarkt schon da?\n\nGruß\nAnna\n")
	harness.Eventually(p.t, 10*time.Second, "what was sent is in Jan's inbox", func() bool {
		return found(p.t, demo, demo.Jan(), "INBOX", subject) == 1
	})
	sent := specialUse(p, demo, imap.MailboxAttrSent)
	harness.Eventually(p.t, 10*time.Second, "a copy is in "+sent, func() bool {
		return found(p.t, demo, demo.Anna(), sent, subject) == 1
	})
}

// seeNewMail delivers while Thunderbird idles. It looks by itself only every
// hour, so what it shows within seconds it was told. A message that comes while
// it is not idling yet (it marks another one read just then) it notices with the
// next one only, so several come.
func seeNewMail(p *program, demo *harness.Demo) {
	const subject = "Sofort zu sehen"
	p.do("watch", watch, nil, subject)
	var mu sync.Mutex
	delivered := map[string]time.Time{}
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for n := 1; ; n++ {
			name := fmt.Sprintf("%s %d", subject, n)
			mu.Lock()
			delivered[name] = time.Now()
			mu.Unlock()
			demo.Deliver(p.t, harness.Message(name, 2000), demo.Anna().Address)
			select {
			case <-stop:
				return
			case <-time.After(4 * time.Second):
			}
		}
	})
	var seen string
	err := p.run(awaitWatched, &seen)
	at := time.Now()
	close(stop)
	work.Wait()
	if err != nil {
		p.t.Fatalf("see new mail: %v", err)
	}
	// The first of several that are told at once may be an older one.
	if n := len(delivered); n > 2 || at.Sub(delivered[fmt.Sprintf("%s %d", subject, n)]) > 20*time.Second {
		p.t.Errorf("Thunderbird saw %q only after %d were delivered", seen, n)
	}
	var got struct{ Text string }
	p.do("read the new mail", read, &got, "", seen, "Weihnachtsmarktes")
	if !strings.Contains(got.Text, "Weihnachtsmarktes") {
		p.t.Errorf("the new message shows as %q", got.Text)
	}
}

func readOffice(p *program) {
	name, _, _ := strings.Cut(harness.Office, "@")
	var path string
	p.do("find the function mailbox", office, &path, name)
	if !strings.HasPrefix(path, "Other Users/") {
		p.t.Errorf("the function mailbox is shown as %q", path)
	}
	var got struct{ Text string }
	p.do("read in the function mailbox", read, &got, path, "Neuer Personalausweis", "Welche Unterlagen")
	if !strings.Contains(got.Text, "Welche Unterlagen") {
		p.t.Errorf("the message shows as %q", got.Text)
	}
}

// found counts messages by their subject.
func found(t *testing.T, demo *harness.Demo, who harness.Account, mailbox, subject string) int {
	t.Helper()
	c := demo.IMAP(t, who)
	defer c.Close()
	harness.Select(t, c, mailbox)
	list, err := c.Search(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: subject}}}, nil).Wait()
	if err != nil {
		t.Fatalf("SEARCH in %s: %v", mailbox, err)
	}
	return len(list.AllSeqNums())
}

// specialUse is the name of Anna's mailbox of a kind.
func specialUse(p *program, demo *harness.Demo, kind imap.MailboxAttr) string {
	p.t.Helper()
	c := demo.IMAP(p.t, demo.Anna())
	defer c.Close()
	list, err := c.List("", "*", &imap.ListOptions{SelectSpecialUse: true}).Collect()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, m := range list {
		for _, a := range m.Attrs {
			if a == kind && !strings.HasPrefix(m.Mailbox, "Other Users") {
				return m.Mailbox
			}
		}
	}
	p.t.Fatalf("no mailbox is %s", kind)
	return ""
}
