package thunderbird

import (
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"fachwerk/internal/testenv/thunderbird"
	"fachwerk/test/system/harness"
)

func TestThunderbird(t *testing.T) {
	demo := harness.Start(t, harness.Options{})
	p := thunderbird.Start(t, thunderbird.Options{Web: strings.TrimPrefix(demo.Portal, "http://"), Authority: authority(t, demo)})
	setUpAccount(t, p, demo)
	readInbox(t, p)
	moveToArchive(t, p, demo)
	sendToJan(t, p, demo)
	seeNewMail(t, p, demo)
	readOffice(t, p)
	demo.Check(t)
}

// setUpAccount lets the account assistant find everything by the address alone.
func setUpAccount(t *testing.T, p *thunderbird.Program, demo *harness.Demo) {
	anna := demo.Anna()
	got := p.SetUp("Anna Schmidt", anna.Address, anna.AppPassword)
	_, imaps, _ := strings.Cut(demo.IMAPS, ":")
	_, submissions, _ := strings.Cut(demo.Submissions, ":")
	if got.Source != "xml-from-isp-http" || got.IMAP != "localhost:"+imaps || got.SMTP != "localhost:"+submissions ||
		got.User != anna.Address || got.Alternatives != 2 {
		t.Fatalf("Thunderbird set up %+v", got)
	}
}

func readInbox(t *testing.T, p *thunderbird.Program) {
	const subject = "Öffnungszeiten über die Feiertage"
	subjects := p.Inbox(subject)
	if !strings.Contains(strings.Join(subjects, "\n"), "Willkommen bei Fachwerk") {
		t.Fatalf("the inbox shows %q", subjects)
	}
	got := p.Read("", subject, "Der Aushang")
	if !strings.Contains(got.Text, "Der Aushang") || !strings.Contains(got.Subject, subject) {
		t.Fatalf("the message shows as %+v", got)
	}
}

func moveToArchive(t *testing.T, p *thunderbird.Program, demo *harness.Demo) {
	const subject = "Öffnungszeiten über die Feiertage"
	p.Move(subject, "Archive")
	c := demo.IMAP(t, demo.Anna())
	if n := found(t, demo, demo.Anna(), "INBOX", subject); n != 0 {
		t.Errorf("%d messages are still in the inbox", n)
	}
	archive := specialUse(t, demo, imap.MailboxAttrArchive)
	harness.Select(t, c, archive)
	if n := found(t, demo, demo.Anna(), archive, subject); n != 1 {
		t.Errorf("%d messages are in %s", n, archive)
	}
}

func sendToJan(t *testing.T, p *thunderbird.Program, demo *harness.Demo) {
	const subject = "Rückfrage zum Weihnachtsmarkt"
	p.Send(demo.Jan().Address, subject, "Hallo Jan,\n\nist die Genehmigung für den Weihnachtsmarkt schon da?\n\nGruß\nAnna\n")
	harness.Eventually(t, time.Minute, "what was sent is in Jan's inbox", func() bool {
		return found(t, demo, demo.Jan(), "INBOX", subject) == 1
	})
	sent := specialUse(t, demo, imap.MailboxAttrSent)
	harness.Eventually(t, time.Minute, "a copy is in "+sent, func() bool {
		return found(t, demo, demo.Anna(), sent, subject) == 1
	})
}

// seeNewMail delivers while Thunderbird idles. It looks by itself only every
// hour, so what it shows within seconds it was told. A message that comes while
// it is not idling yet (it marks another one read just then) it notices with the
// next one only, so several come.
func seeNewMail(t *testing.T, p *thunderbird.Program, demo *harness.Demo) {
	const subject = "Sofort zu sehen"
	p.Watch(subject)
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
			demo.Deliver(t, harness.Message(name, 2000), demo.Anna().Address)
			select {
			case <-stop:
				return
			case <-time.After(4 * time.Second):
			}
		}
	})
	seen, err := p.Seen()
	at := time.Now()
	close(stop)
	work.Wait()
	if err != nil {
		t.Fatalf("see new mail: %v", err)
	}
	// The first of several that are told at once may be an older one.
	if n := len(delivered); n > 2 || at.Sub(delivered[fmt.Sprintf("%s %d", subject, n)]) > 20*time.Second {
		t.Errorf("Thunderbird saw %q only after %d were delivered", seen, n)
	}
	if got := p.Read("", seen, "Weihnachtsmarktes"); !strings.Contains(got.Text, "Weihnachtsmarktes") {
		t.Errorf("the new message shows as %q", got.Text)
	}
}

func readOffice(t *testing.T, p *thunderbird.Program) {
	name, _, _ := strings.Cut(harness.Office, "@")
	path := p.SharedFolder(name)
	if !strings.HasPrefix(path, "Other Users/") {
		t.Errorf("the function mailbox is shown as %q", path)
	}
	if got := p.Read(path, "Neuer Personalausweis", "Welche Unterlagen"); !strings.Contains(got.Text, "Welche Unterlagen") {
		t.Errorf("the message shows as %q", got.Text)
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
func specialUse(t *testing.T, demo *harness.Demo, kind imap.MailboxAttr) string {
	t.Helper()
	c := demo.IMAP(t, demo.Anna())
	defer c.Close()
	list, err := c.List("", "*", &imap.ListOptions{SelectSpecialUse: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		for _, a := range m.Attrs {
			if a == kind && !strings.HasPrefix(m.Mailbox, "Other Users") {
				return m.Mailbox
			}
		}
	}
	t.Fatalf("no mailbox is %s", kind)
	return ""
}

// authority is who issued the demo's certificate, in DER.
func authority(t *testing.T, demo *harness.Demo) []byte {
	t.Helper()
	text, err := os.ReadFile(demo.CA)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s holds no certificate", demo.CA)
	}
	return block.Bytes
}
