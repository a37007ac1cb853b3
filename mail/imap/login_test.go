package imap_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"net"
	"strings"
	"testing"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
	"fachwerk/internal/store"
	"fachwerk/mail/imap"
	"fachwerk/mail/mailtest"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestPasswordMechanisms(t *testing.T) {
	s := start(t)
	secret := s.password[alice]
	fresh := func() *client {
		c := s.dial(t)
		c.line()
		return c
	}
	c := fresh()
	c.is("AUTHENTICATE PLAIN "+b64("\x00"+alice+"\x00"+secret), "OK [CAPABILITY ")
	c.is("AUTHENTICATE PLAIN", "BAD Already logged in")
	c = fresh()
	c.send("a authenticate plain\r\n")
	if l := c.line(); l != "+ " {
		t.Errorf("%q", l)
	}
	c.send("*\r\n")
	if _, tagged := c.until("a"); !strings.HasPrefix(tagged, "BAD") {
		t.Error(tagged)
	}
	c.send("a AUTHENTICATE PLAIN\r\n")
	c.line()
	c.send(b64("\x00"+alice+"\x00wrong") + "\r\n")
	if _, tagged := c.until("a"); !strings.HasPrefix(tagged, "NO [AUTHENTICATIONFAILED]") {
		t.Error(tagged)
	}
	c.send("a AUTHENTICATE LOGIN\r\n")
	c.line()
	c.send(b64(alice) + "\r\n")
	c.line()
	c.send(b64(secret) + "\r\n")
	if _, tagged := c.until("a"); !strings.HasPrefix(tagged, "OK") {
		t.Error(tagged)
	}
	c = fresh()
	c.is("AUTHENTICATE PLAIN !", "BAD")
	c.is("AUTHENTICATE PLAIN =", "BAD")
	c.is("AUTHENTICATE KERBEROS_V4", "NO [CANNOT]")
	c.send("a AUTHENTICATE PLAIN\r\n")
	c.line()
	c.send(strings.Repeat("A", 100_000) + "\r\n")
	if _, tagged := c.until("a"); !strings.HasPrefix(tagged, "BAD") {
		t.Error(tagged)
	}
	// LOGIN with both as literals, one asked for and one pushed.
	c = fresh()
	c.send("a LOGIN {" + num(len(alice)) + "}\r\n")
	if l := c.line(); !strings.HasPrefix(l, "+") {
		t.Error(l)
	}
	c.send(alice + " {" + num(len(secret)) + "+}\r\n" + secret + "\r\n")
	if _, tagged := c.until("a"); !strings.HasPrefix(tagged, "OK") {
		t.Error(tagged)
	}
	// A password for sending does not read.
	_, sending, err := s.auth.NewAppPasswordByOperator(t.Context(), auth.AccountRef{Tenant: s.Alice.Tenant, Account: s.Alice.Account}, "scanner", auth.MailSend, never)
	if err != nil {
		t.Fatal(err)
	}
	fresh().is("LOGIN "+alice+" "+sending, "NO [AUTHORIZATIONFAILED]")
}

func TestTokenMechanisms(t *testing.T) {
	const resource = "https://mail.musterstadt.example"
	issuer := authtest.NewIssuer(t)
	house := mailtest.New(t)
	if err := house.Store.BindIssuer(t.Context(), store.Issuer{Tenant: house.Tenant.ID, URL: issuer.URL}); err != nil {
		t.Fatal(err)
	}
	if _, err := house.Store.CreateAccount(t.Context(), store.NewAccount{
		Tenant: house.Tenant.ID, Kind: store.Person, Address: "carla@musterstadt.example", DisplayName: "Carla",
		Issuer: issuer.URL, Subject: "sub-1",
	}); err != nil {
		t.Fatal(err)
	}
	authenticator, err := auth.New(auth.Config{
		People: house.Store, AppPasswords: house.Store, Changes: house.Store,
		HashKeys: auth.HashKeys{Current: 1, Keys: map[int16][]byte{1: make([]byte, 32)}},
		Issuers:  []auth.BearerIssuer{{URL: issuer.URL, Audience: resource}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(authenticator.Close)
	s := startIn(t, house, func(c *imap.Config) { c.Auth = authenticator })
	fresh := func() *client {
		conn, err := tls.Dial("tcp", s.addrTLS, s.clients)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		c := &client{t: t, conn: net.Conn(conn), r: bufio.NewReader(conn)}
		if l := c.line(); !strings.Contains(l, "AUTH=OAUTHBEARER") || !strings.Contains(l, "AUTH=XOAUTH2") {
			t.Error(l)
		}
		return c
	}
	long := issuer.AccessToken("sub-1", resource, "mail.read", map[string]any{"groups": strings.Repeat("g", 20_000)})
	bearer := b64("n,a=carla@musterstadt.example,\x01auth=Bearer " + long + "\x01\x01")
	fresh().is("AUTHENTICATE OAUTHBEARER "+bearer, "OK")
	fresh().is("AUTHENTICATE XOAUTH2 "+b64("user=carla@musterstadt.example\x01auth=Bearer "+long+"\x01\x01"), "OK")
	c := fresh()
	c.send("a AUTHENTICATE OAUTHBEARER\r\n")
	c.line()
	c.send(bearer + "\r\n")
	if _, tagged := c.until("a"); !strings.HasPrefix(tagged, "OK") {
		t.Error(tagged)
	}
	// A refusal is told in JSON, acknowledged, and then in the tagged response (RFC 7628 3.2.3).
	c = fresh()
	c.send("a AUTHENTICATE OAUTHBEARER " + b64("n,,\x01auth=Bearer x.y.z\x01\x01") + "\r\n")
	challenge, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.line(), "+ "))
	if !strings.Contains(string(challenge), `"status"`) {
		t.Errorf("%q", challenge)
	}
	c.send("AQ==\r\n")
	if _, tagged := c.until("a"); !strings.HasPrefix(tagged, "NO [AUTHENTICATIONFAILED]") {
		t.Error(tagged)
	}
}
