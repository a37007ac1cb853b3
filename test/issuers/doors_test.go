package issuers

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A door is a protocol at which a token may open an account.
type door struct {
	name string
	// open says whether the token is taken under that user name.
	open func(t *testing.T, h *house, as, token string) bool
}

// doors are all that take tokens. DAV names no user beside the token; what it opens is
// asked for by the path.
var doors = []door{
	{"IMAP OAUTHBEARER", func(t *testing.T, h *house, as, token string) bool {
		return imapOpens(t, h, sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: as, Token: token}))
	}},
	{"IMAP XOAUTH2", func(t *testing.T, h *house, as, token string) bool {
		return imapOpens(t, h, &xoauth2{as, token})
	}},
	{"SMTP", func(t *testing.T, h *house, as, token string) bool {
		c := smtp.NewClient(dial(t, h, h.Submissions))
		defer c.Close()
		must(t, c.Hello("client.example"))
		return c.Auth(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: as, Token: token})) == nil
	}},
	{"DAV", func(t *testing.T, h *house, as, token string) bool {
		req, err := http.NewRequestWithContext(t.Context(), "PROPFIND", h.HTTP+"/files/"+as+"/", strings.NewReader(""))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Depth", "0")
		client := &http.Client{Transport: &http.Transport{DialContext: elsewhere().DialContext, DisableKeepAlives: true}}
		res, err := client.Do(req)
		must(t, err)
		defer res.Body.Close()
		return res.StatusCode == http.StatusMultiStatus
	}},
}

// places counts where attempts come from.
var places atomic.Uint32

// elsewhere dials from another address of this machine each time: many failures from
// one are answered before they are looked at.
func elsewhere() *net.Dialer {
	n := places.Add(1)
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n))}}
}

func dial(t *testing.T, h *house, address string) *tls.Conn {
	t.Helper()
	c, err := tls.DialWithDialer(elsewhere(), "tcp", address, h.TLS(t))
	must(t, err)
	return c
}

func imapOpens(t *testing.T, h *house, s sasl.Client) bool {
	t.Helper()
	c := imapclient.New(dial(t, h, h.IMAPS), nil)
	defer c.Close()
	return c.Authenticate(s) == nil
}

// xoauth2 is OAUTHBEARER's forerunner.
type xoauth2 struct{ as, token string }

func (x *xoauth2) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=" + x.as + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

func (x *xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }

// opened lists the doors that a token opens under a name.
func opened(t *testing.T, h *house, as, token string) (list []string) {
	t.Helper()
	for _, d := range doors {
		if d.open(t, h, as, token) {
			list = append(list, d.name)
		}
	}
	return list
}
