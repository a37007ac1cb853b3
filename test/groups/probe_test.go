package groups

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"fachwerk/internal/testenv/samples"
	"fachwerk/test/system/harness"
)

// asked numbers what probes make, so that nothing is made twice.
var asked atomic.Int64

// A probe asks one protocol what somebody may do with a shared account, and answers
// the letters of what was allowed: r to read, w to write, m to manage, s to send as it.
type probe struct {
	name string
	of   string // the letters that it can ask about
	ask  func(t *testing.T, w *town, who person, office string) string
}

var probes = []probe{
	{"IMAP", "rwm", askIMAP},
	{"SMTP", "s", askSMTP},
	{"CalDAV", "rwm", func(t *testing.T, w *town, who person, office string) string {
		return askCollections(t, w, who, "/calendars/", office, ".ics", "MKCALENDAR", "", func(uid, title string) string { return samples.Event(uid, title) })
	}},
	{"CardDAV", "rwm", func(t *testing.T, w *town, who person, office string) string {
		return askCollections(t, w, who, "/addressbooks/", office, ".vcf", "MKCOL", newBook, samples.Card)
	}},
	{"WebDAV", "rwm", askFiles},
}

// one joins answers to the same question: letters where all agree, else all of them.
func one(letter string, answers ...bool) string {
	var yes int
	for _, a := range answers {
		if a {
			yes++
		}
	}
	switch yes {
	case 0:
		return ""
	case len(answers):
		return letter
	}
	return fmt.Sprintf("(%s: %v)", letter, answers)
}

func inbox(office string) string { return "Other Users/" + office + "/INBOX" }

// imap signs in.
func (p person) imap(t *testing.T, w *town) *imapclient.Client {
	t.Helper()
	conn, err := tls.Dial("tcp", w.IMAPS, w.TLS(t))
	must(t, err)
	c := imapclient.New(conn, nil)
	t.Cleanup(func() { c.Close() })
	if p.token != "" {
		err = c.Authenticate(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: p.address, Token: p.token}))
	} else {
		err = c.Login(p.address, p.password).Wait()
	}
	if err != nil {
		t.Fatalf("IMAP login of %s by %s: %v", p.address, p.by(), err)
	}
	return c
}

// add appends a message.
func add(c *imapclient.Client, mailbox string) error {
	text := harness.Message("Antrag", 300)
	cmd := c.Append(mailbox, int64(len(text)), nil)
	_, _ = cmd.Write(text) // its failure is Close's and Wait's too
	_ = cmd.Close()
	_, err := cmd.Wait()
	return err
}

func askIMAP(t *testing.T, w *town, who person, office string) string {
	t.Helper()
	c := who.imap(t, w)
	defer c.Close()
	list, err := c.List("", "Other Users/*", nil).Collect()
	must(t, err)
	var listed bool
	for _, m := range list {
		listed = listed || m.Mailbox == inbox(office)
	}
	_, statusErr := c.Status(inbox(office), &imap.StatusOptions{NumMessages: true}).Wait()
	appendErr := add(c, inbox(office))
	createErr := c.Create(fmt.Sprintf("Other Users/%s/Neu %d", office, asked.Add(1)), nil).Wait()
	_, selectErr := c.Select(inbox(office), nil).Wait()
	var fetched, stored bool
	if selectErr == nil {
		got, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{Envelope: true}).Collect()
		fetched = err == nil && len(got) == 1
		stored = c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close() == nil
	}
	return one("r", listed, statusErr == nil, selectErr == nil, fetched) + one("w", appendErr == nil, stored) + one("m", createErr == nil)
}

// smtp signs in for submission.
func (p person) smtp(t *testing.T, w *town) *smtp.Client {
	t.Helper()
	conn, err := tls.Dial("tcp", w.Submissions, w.TLS(t))
	must(t, err)
	c := smtp.NewClient(conn)
	t.Cleanup(func() { c.Close() })
	must(t, c.Hello("client.example"))
	s := sasl.NewPlainClient("", p.address, p.password)
	if p.token != "" {
		s = sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: p.address, Token: p.token})
	}
	if err := c.Auth(s); err != nil {
		t.Fatalf("SMTP login of %s by %s: %v", p.address, p.by(), err)
	}
	return c
}

// send submits a message to the keeper.
func send(c *smtp.Client, envelope, head, to string) error {
	defer func() { _ = c.Reset() }()
	if err := c.Mail(envelope, nil); err != nil {
		return err
	}
	if err := c.Rcpt(to, nil); err != nil {
		return err
	}
	data, err := c.Data()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(data, "%s\r\nTo: <%s>\r\nSubject: Bescheid\r\nDate: %s\r\nMessage-ID: <%d@client.example>\r\n\r\nGuten Tag.\r\n",
		head, to, time.Now().Format(time.RFC1123Z), asked.Add(1))
	return data.Close()
}

func askSMTP(t *testing.T, w *town, who person, office string) string {
	t.Helper()
	c := who.smtp(t, w)
	defer c.Close()
	own := "From: <" + who.address + ">"
	if err := send(c, who.address, own, w.keeper.address); err != nil {
		t.Errorf("%s cannot send at all: %v", who.address, err)
	}
	as := send(c, office, "From: <"+office+">", w.keeper.address)
	onBehalf := send(c, who.address, "From: <"+office+">\r\nSender: <"+who.address+">", w.keeper.address)
	envelope := send(c, office, own, w.keeper.address)
	return one("s", as == nil, onBehalf == nil, envelope == nil)
}

// clients keep their connections: what ends must end on them too.
var transport = &http.Transport{DialContext: (&net.Dialer{Timeout: patience}).DialContext}

// dav asks and gives the status.
func (p person) dav(t *testing.T, w *town, method, path, body string, fields ...string) int {
	t.Helper()
	status, _ := p.answer(t, w, method, path, body, fields...)
	return status
}

// answer asks and gives the status and the text.
func (p person) answer(t *testing.T, w *town, method, path, body string, fields ...string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.HTTP+path, strings.NewReader(body))
	must(t, err)
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	} else {
		req.SetBasicAuth(p.address, p.password)
	}
	if method == "PROPFIND" {
		req.Header.Set("Depth", "0")
	}
	if strings.HasPrefix(body, "<") {
		req.Header.Set("Content-Type", "application/xml")
	}
	switch {
	case strings.HasSuffix(path, ".ics"):
		req.Header.Set("Content-Type", "text/calendar")
	case strings.HasSuffix(path, ".vcf"):
		req.Header.Set("Content-Type", "text/vcard")
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := (&http.Client{Transport: transport, Timeout: patience}).Do(req)
	must(t, err)
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(all)
}

// shows tells whether a collection lists something of an office.
func (p person) shows(t *testing.T, w *town, path, office string) bool {
	t.Helper()
	status, text := p.answer(t, w, "PROPFIND", path, "", "Depth", "1")
	if status != http.StatusMultiStatus {
		t.Errorf("PROPFIND %s by %s: %d", path, p.by(), status)
	}
	text = strings.NewReplacer("%40", "@", "%3A", ":").Replace(text)
	return strings.Contains(text, "<D:href>"+path+office)
}

// yes tells whether a status is a success; a refusal has to be one of those that say
// that something is not allowed or not there.
func yes(t *testing.T, what string, status int) bool {
	t.Helper()
	switch status {
	case 200, 201, 204, 207:
		return true
	case 403, 404, 409:
	default:
		t.Errorf("%s: %d", what, status)
	}
	return false
}

// askCollections asks about a home in which collections are made.
func askCollections(t *testing.T, w *town, who person, root, office, ending, make, body string, item func(uid, title string) string) string {
	t.Helper()
	home, own := root+office+"/", root+who.address+"/"
	do := func(method, path, body string) bool {
		t.Helper()
		return yes(t, method+" "+path, who.dav(t, w, method, path, body))
	}
	n := asked.Add(1)
	fresh := fmt.Sprintf("akten/neu%d%s", n, ending)
	read := one("r", do("PROPFIND", home, ""), do("PROPFIND", home+"akten/", ""), do("GET", home+"akten/da"+ending, ""),
		who.shows(t, w, own, office+":akten/"), do("GET", own+office+":akten/da"+ending, ""))
	write := one("w", do("PUT", home+fresh, item(fmt.Sprint("neu", n), "Sprechstunde")), do("DELETE", own+office+":"+fresh, ""))
	return read + write + one("m", do(make, fmt.Sprintf("%sneu%d/", home, n), body), do("PROPPATCH", home+"akten/", rename), do("DELETE", fmt.Sprintf("%sneu%d/", home, n), ""))
}

const rename = `<propertyupdate xmlns="DAV:"><set><prop><displayname>Akten</displayname></prop></set></propertyupdate>`

func askFiles(t *testing.T, w *town, who person, office string) string {
	t.Helper()
	drive := "/files/" + office + "/"
	do := func(method, path, body string, fields ...string) bool {
		t.Helper()
		return yes(t, method+" "+path, who.dav(t, w, method, path, body, fields...))
	}
	n := asked.Add(1)
	file, folder := fmt.Sprintf("%sneu%d.txt", drive, n), fmt.Sprintf("%sOrdner%d/", drive, n)
	read := one("r", do("PROPFIND", drive, ""), do("GET", drive+"da.txt", ""), who.shows(t, w, "/files/", office+"/"),
		do("COPY", drive+"da.txt", "", "Destination", fmt.Sprintf("/files/%s/kopie%d.txt", who.address, n)))
	write := one("w", do("PUT", file, "neu"), do("MKCOL", folder, ""), do("MOVE", file, "", "Destination", folder+"neu.txt"), do("DELETE", folder, ""))
	return read + write + one("m", do("PROPPATCH", drive, rename))
}
