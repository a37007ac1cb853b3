package auth_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"

	"github.com/emersion/go-sasl"
)

// run plays an exchange: the responses in turn, the first being the initial
// response or nil for none. It gives the challenges joined by '|'.
func run(t *testing.T, a *auth.Authenticator, mech string, scope auth.Scope, responses ...[]byte) (challenges string, p *auth.Principal, err error) {
	t.Helper()
	e, err := a.SASL(mech, at("ignored@musterstadt.example", scope))
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range responses {
		challenge, done, err := e.Next(t.Context(), r)
		if done != (err != nil || e.Principal() != nil) {
			t.Errorf("%s: done %v, error %v, principal %v", mech, done, err, e.Principal())
		}
		if done {
			if n != len(responses)-1 {
				t.Errorf("%s ended after %d of %d responses", mech, n+1, len(responses))
			}
			if err == nil {
				if _, _, again := e.Next(t.Context(), r); !errors.Is(again, auth.ErrMalformed) {
					t.Errorf("%s goes on after its end: %v", mech, again)
				}
			}
			return challenges, e.Principal(), err
		}
		if challenge == nil {
			t.Errorf("%s gives no challenge", mech)
		}
		challenges += string(challenge) + "|"
	}
	t.Fatalf("%s did not end", mech)
	return "", nil, nil
}

func TestSASLPlain(t *testing.T) {
	h := open(t)
	h.AddPerson(bert)
	h.Grant(office, h.anna)
	_, secret := h.make(t, auth.MailRead, time.Time{})
	ok := []byte("\x00" + anna + "\x00" + secret)
	if c, p, err := run(t, h.Authenticator, "PLAIN", auth.MailRead, ok); err != nil || p.Address != anna || c != "" {
		t.Errorf("%q, %+v, %v", c, p, err)
	}
	if c, p, err := run(t, h.Authenticator, "plain", auth.MailRead, nil, ok); err != nil || p == nil || c != "|" {
		t.Errorf("without initial response: %q, %+v, %v", c, p, err)
	}
	for authzid, want := range map[string]error{
		"": nil, anna: nil, "ANNA@musterstadt.example": nil, "a.muster@musterstadt.example": nil, office: nil,
		bert: auth.ErrDenied, "nobody@musterstadt.example": auth.ErrDenied, "admin": auth.ErrDenied,
	} {
		_, p, err := run(t, h.Authenticator, "PLAIN", auth.MailRead, []byte(authzid+"\x00"+anna+"\x00"+secret))
		if !errors.Is(err, want) || (err == nil && p.Address != anna) {
			t.Errorf("authzid %q: %+v, %v", authzid, p, err)
		}
	}
	_, _, err := run(t, h.Authenticator, "PLAIN", auth.MailSend, ok)
	wantErr(t, err, auth.ErrScope)
	_, _, err = run(t, h.Authenticator, "PLAIN", auth.MailRead, []byte("\x00"+anna+"\x00wrong"))
	wantErr(t, err, auth.ErrDenied)
	for _, bad := range []string{"", "\x00", "\x00\x00", anna + "\x00" + secret, "\x00" + anna + "\x00", "\x00\x00" + secret,
		"\x00" + anna + "\x00" + secret + "\x00", "\x00\xff\x00" + secret, strings.Repeat("\x00", 100),
		"\x00" + anna + "\x00" + strings.Repeat("x", 2000), "\x00" + strings.Repeat("x", 2000) + "\x00x", strings.Repeat("x", 70000)} {
		_, _, err := run(t, h.Authenticator, "PLAIN", auth.MailRead, []byte(bad))
		if !errors.Is(err, auth.ErrMalformed) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
}

func TestSASLLogin(t *testing.T) {
	h := open(t)
	_, secret := h.make(t, auth.MailRead, time.Time{})
	for _, responses := range [][][]byte{
		{nil, []byte(anna), []byte(secret)},
		{[]byte(anna), []byte(secret)},
	} {
		c, p, err := run(t, h.Authenticator, "LOGIN", auth.MailRead, responses...)
		if err != nil || p.Address != anna || !strings.HasSuffix(c, "Password:|") {
			t.Errorf("%q, %+v, %v", c, p, err)
		}
	}
	c, _, err := run(t, h.Authenticator, "LOGIN", auth.MailRead, nil, []byte(anna), []byte("wrong"))
	if !errors.Is(err, auth.ErrDenied) || c != "Username:|Password:|" {
		t.Errorf("%q, %v", c, err)
	}
	for _, responses := range [][][]byte{
		{{}}, {[]byte("a\x00b")}, {[]byte("\xff")}, {[]byte(strings.Repeat("a", 321))},
		{[]byte(anna), {}}, {[]byte(anna), nil}, {[]byte(anna), []byte(strings.Repeat("a", 1025))},
	} {
		_, _, err := run(t, h.Authenticator, "LOGIN", auth.MailRead, responses...)
		wantErr(t, err, auth.ErrMalformed)
	}
}

func TestSASLWithTokens(t *testing.T) {
	h, i := openBearer(t)
	long := i.AccessToken("sub-1", resource, "mail.read", map[string]any{"groups": strings.Repeat("g", 6000)})
	if len(long) < 8000 {
		t.Fatalf("the long token has %d bytes", len(long))
	}
	xoauth2 := func(user, token string) []byte {
		return []byte("user=" + user + "\x01auth=Bearer " + token + "\x01\x01")
	}
	// As go-sasl's client says it.
	client := sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: anna, Token: long, Host: "mail.musterstadt.example", Port: 143})
	_, initial, err := client.Start()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mech      string
		responses [][]byte
	}{
		{"OAUTHBEARER", [][]byte{initial}},
		{"OAUTHBEARER", [][]byte{nil, initial}},
		{"OAUTHBEARER", [][]byte{[]byte("n,,\x01auth=Bearer " + long + "\x01\x01")}},
		{"OAUTHBEARER", [][]byte{[]byte("y,a=" + anna + ",\x01auth=bearer " + long + "\x01x=y\x01\x01")}},
		{"XOAUTH2", [][]byte{xoauth2(anna, long)}},
		{"XOAUTH2", [][]byte{nil, xoauth2(anna, long)}},
	} {
		if _, p, err := run(t, h.Authenticator, c.mech, auth.MailRead, c.responses...); err != nil || p.Address != anna {
			t.Errorf("%s %.30q: %+v, %v", c.mech, c.responses[0], p, err)
		}
	}
	// A refused token is explained in JSON; the exchange fails when the client
	// has acknowledged that.
	for _, c := range []struct {
		mech   string
		first  []byte
		ack    []byte
		scope  auth.Scope
		status string
		want   error
	}{
		{"OAUTHBEARER", []byte("n,a=" + anna + ",\x01auth=Bearer x.y.z\x01\x01"), []byte{1}, auth.MailRead, "invalid_token", auth.ErrDenied},
		{"OAUTHBEARER", initial, []byte{1}, auth.MailSend, "insufficient_scope", auth.ErrScope},
		{"XOAUTH2", xoauth2(anna, "x"), []byte{}, auth.MailRead, "401", auth.ErrDenied},
		{"XOAUTH2", xoauth2(bert, long), []byte{}, auth.MailRead, "401", auth.ErrDenied},
	} {
		challenge, _, err := run(t, h.Authenticator, c.mech, c.scope, c.first, c.ack)
		var answer map[string]string
		if jsonErr := json.Unmarshal([]byte(strings.TrimSuffix(challenge, "|")), &answer); jsonErr != nil || answer["status"] != c.status {
			t.Errorf("%s: the challenge is %q", c.mech, challenge)
		}
		if c.mech == "OAUTHBEARER" && answer["openid-configuration"] != i.URL+"/.well-known/openid-configuration" {
			t.Errorf("the challenge names %q", answer["openid-configuration"])
		}
		wantErr(t, err, c.want)
	}
	for _, bad := range []string{"", "n", "n,", "n,,", "p=tls-unique,,\x01auth=Bearer x\x01\x01", "n,,\x01\x01", "n,,\x01auth=Bearer x\x01",
		"n,,\x01auth=Basic x\x01\x01", "n,,\x01auth=Bearer \x01\x01", "n,,\x01auth=Bearer x\x01auth=Bearer x\x01\x01", "n,a=,\x01auth=Bearer x\x01\x01junk",
		"n,b=x,\x01auth=Bearer x\x01\x01", "n,a=x=y,\x01auth=Bearer x\x01\x01", "n,,\x01auth\x01\x01", "n,a=" + strings.Repeat("x", 400) + ",\x01auth=Bearer x\x01\x01",
		"n,,\x01auth=Bearer \xff\x01\x01", "n,,\x01auth=Bearer " + strings.Repeat("x", 70000) + "\x01\x01"} {
		if _, _, err := run(t, h.Authenticator, "OAUTHBEARER", auth.MailRead, []byte(bad)); !errors.Is(err, auth.ErrMalformed) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "\x01", "user=" + anna + "\x01\x01", "auth=Bearer x\x01\x01", "user=a\x01user=b\x01auth=Bearer x\x01\x01", "user=\x01auth=Bearer x\x01\x01"} {
		if _, _, err := run(t, h.Authenticator, "XOAUTH2", auth.MailRead, []byte(bad)); !errors.Is(err, auth.ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestMechanisms(t *testing.T) {
	without := open(t)
	if got := strings.Join(without.Mechanisms(), " "); got != "PLAIN LOGIN" {
		t.Errorf("without issuers: %s", got)
	}
	for _, m := range []string{"OAUTHBEARER", "XOAUTH2", "CRAM-MD5", "EXTERNAL", "ANONYMOUS", ""} {
		_, err := without.SASL(m, auth.Attempt{})
		wantErr(t, err, auth.ErrMechanism)
	}
	with, _ := openBearer(t)
	if got := strings.Join(with.Mechanisms(), " "); got != "OAUTHBEARER XOAUTH2 PLAIN LOGIN" {
		t.Errorf("with issuers: %s", got)
	}
}
