package control

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"fachwerk/internal/testenv/child"
	"fachwerk/test/system/harness"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const configuration = `listen: {imap: "IMAP", imaps: "", lmtp: "LMTP", smtp: "", submission: "", submissions: "", http: "", portal: "", issuer: "", ops: "OPS", admin: "ADMIN"}
tls: {web: false, plain_login: loopback, cert: cert.pem, key: key.pem}
public: {name: mail.kommunale-it.example, portal: "https://portal.kommunale-it.example"}
keys: {dir: keys}
spool: {dir: spool}
blobs: {retention: 0s}
oidc: {embedded: false, issuer: "ISSUER", client_id: portal, operator_group: operators}
log: {format: text}
directory: nord
sites:
  - {name: nord, operator: Kommunale IT Nord, country: DE, place: Hafen, networks: [127.0.0.0/8],
     metadata: {dsn: "sqlite:nord.db"}, blobs: {url: "dir:nord"}}
  - {name: sued, operator: Landesrechenzentrum, country: DE, place: Tal, networks: [127.0.0.0/8],
     metadata: {dsn: "sqlite:sued.db"}, blobs: {url: "dir:sued"}}
`

// A house is a running server of two sites, and the issuer of its people.
type house struct {
	*harness.Demo // its folder, for the command line
	*issuer
	admin string // the control API
	ops   string
}

// start runs a server on an empty installation until the test ends.
func start(t *testing.T) *house {
	t.Helper()
	return startOn(t, configuration)
}

func startOn(t *testing.T, configuration string) *house {
	t.Helper()
	h := &house{Demo: &harness.Demo{Data: t.TempDir()}, issuer: newIssuer(t)}
	text := strings.ReplaceAll(configuration, "ISSUER", h.URL)
	for key, at := range map[string]*string{"IMAP": &h.State.IMAP, "LMTP": &h.LMTP, "OPS": &h.ops, "ADMIN": &h.admin} {
		*at = freeAddress(t)
		text = strings.Replace(text, `"`+key+`"`, `"`+*at+`"`, 1)
	}
	must(t, os.WriteFile(filepath.Join(h.Data, "fachwerk.yaml"), []byte(text), 0o600))
	certificate(t, h.Data)
	h.serve(t)
	return h
}

// second runs another server on the same installation, on addresses of its own.
func (h *house) second(t *testing.T) *house {
	t.Helper()
	two := &house{Demo: &harness.Demo{Data: h.Data}, issuer: h.issuer}
	var env []string
	for key, at := range map[string]*string{"IMAP": &two.State.IMAP, "LMTP": &two.LMTP, "OPS": &two.ops, "ADMIN": &two.admin} {
		*at = freeAddress(t)
		env = append(env, "FACHWERK_LISTEN_"+key+"="+*at)
	}
	two.serve(t, env...)
	return two
}

// serve runs the server's process until the test ends.
func (h *house) serve(t *testing.T, env ...string) {
	t.Helper()
	cmd := exec.Command(harness.Binary(t), "serve", "--data", h.Data)
	cmd.Env = append(os.Environ(), env...)
	p := child.Start(t, "the server", cmd, &child.Said{})
	harness.Eventually(t, 2*time.Minute, "the server is ready", func() bool {
		if !p.Running() {
			t.Fatalf("the server ended at once: exit status %d", p.ExitCode(t))
		}
		resp, err := http.Get("http://" + h.ops + "/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// certificate puts one into a folder: mail listeners want it, though this machine's
// clients do without.
func certificate(t testing.TB, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(24 * time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private},
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// try hands a message to LMTP, and says what the server thinks of the recipient.
func (h *house) try(ctx context.Context, to, subject string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", h.LMTP)
	if err != nil {
		return err
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	if err := c.Mail("sender@elsewhere.example", nil); err != nil {
		return err
	}
	if err := c.Rcpt(to, nil); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(harness.Message(subject, 2000)); err != nil {
		return err
	}
	_, err = w.CloseWithLMTPResponse()
	return err
}

// login signs a person in by an access token.
func (h *house) login(t testing.TB, address, sub string) (*imapclient.Client, error) {
	t.Helper()
	return h.loginGroups(t, address, sub)
}

// opens waits until a login does: who may sign in where is asked again every few
// seconds. Attempts that fail are counted, so there are few.
func (h *house) opens(t testing.TB, address, sub string) {
	t.Helper()
	var err error
	for wait := time.Second; wait < time.Minute; wait *= 2 {
		if _, err = h.login(t, address, sub); err == nil {
			return
		}
		time.Sleep(wait)
	}
	t.Fatalf("%s cannot sign in: %v", address, err)
}

// loginGroups does so with a token that says in which groups the person is.
func (h *house) loginGroups(t testing.TB, address, sub string, groups ...string) (*imapclient.Client, error) {
	t.Helper()
	c, err := imapclient.DialInsecure(h.State.IMAP, nil)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c, c.Authenticate(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: address, Token: h.token(t, sub, map[string]any{"groups": groups})}))
}

// subjects are those of the messages of a mailbox.
func subjects(t testing.TB, c *imapclient.Client, mailbox string) (list []string) {
	t.Helper()
	if harness.Select(t, c, mailbox) == 0 {
		return nil
	}
	all, err := c.Fetch(imap.SeqSet{imap.SeqRange{Start: 1}}, &imap.FetchOptions{Envelope: true}).Collect()
	must(t, err)
	for _, m := range all {
		list = append(list, m.Envelope.Subject)
	}
	return list
}

// others finds the INBOX of a shared account among the "Other Users".
func others(t testing.TB, c *imapclient.Client, name string) string {
	t.Helper()
	list, err := c.List("", "*", nil).Collect()
	must(t, err)
	for _, m := range list {
		if strings.HasPrefix(m.Mailbox, "Other Users/"+name) && strings.HasSuffix(m.Mailbox, "/INBOX") {
			return m.Mailbox
		}
	}
	return ""
}
