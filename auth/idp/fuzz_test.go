package idp

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzStored feeds what is read from rows and tokens: hashes within bounds,
// subjects that come back as they were.
func FuzzStored(f *testing.F) {
	f.Add(annaPHC())
	f.Add(nobody)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("1-2")
	f.Fuzz(func(t *testing.T, s string) {
		if p, salt, sum, err := parsePHC(s); err == nil {
			if p.memory > 256<<10 || p.time > 10 || p.threads > 16 || len(salt) > 64 || len(sum) > 64 || len(sum) < 16 {
				t.Errorf("%+v, %d, %d", p, len(salt), len(sum))
			}
		}
		if ref, ok := refOf(s); ok && Subject(ref) != s {
			t.Errorf("%q became %q", s, Subject(ref))
		}
		_ = checkURI(s, true)
	})
}

// FuzzRedirect: whatever passes as a native client's redirect URI leads to this machine
// and nowhere else, however it is read.
func FuzzRedirect(f *testing.F) {
	for _, good := range goodRedirects {
		f.Add(good)
	}
	for _, bad := range badRedirects {
		f.Add(bad)
	}
	c := mailProgram()
	f.Fuzz(func(t *testing.T, s string) {
		to, ok := c.redirectTarget(s)
		if !ok {
			return
		}
		// As it was judged, as it was sent, and as the browser gets it.
		for _, text := range []string{to.String(), s, to.with(url.Values{"code": {"x&y#@"}})} {
			u, err := url.Parse(text)
			if err != nil || u.User != nil || u.Scheme != "http" || u.Fragment != "" || u.Opaque != "" ||
				(u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" && u.Hostname() != "::1") {
				t.Errorf("%q passed and leads by %q to %q: %v", s, text, u, err)
			}
		}
		if policy := to.form(); strings.ContainsAny(policy[1:], " ;,'\"@") {
			t.Errorf("%q writes into the policy: %q", s, policy)
		}
	})
}
