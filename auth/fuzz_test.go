package auth

import (
	"testing"
)

// FuzzSASL feeds the message parsers; whatever they accept is within bounds.
func FuzzSASL(f *testing.F) {
	for _, s := range []string{
		"\x00anna@musterstadt.example\x00secret", "a\x00b\x00c",
		"n,a=anna@musterstadt.example,\x01host=x\x01port=143\x01auth=Bearer a.b.c\x01\x01",
		"n,a=x=2Cy=3D,\x01auth=Bearer t\x01\x01", "y,,\x01auth=bearer t\x01\x01",
		"user=anna@musterstadt.example\x01auth=Bearer a.b.c\x01\x01", "\x01\x01", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		if authzid, authcid, password, err := parsePlain(message); err == nil {
			if authcid == "" || password == "" || len(authzid) > usernameMax || len(authcid) > usernameMax || len(password) > passwordMax {
				t.Errorf("PLAIN gave %q, %q, %q", authzid, authcid, password)
			}
		}
		for _, parse := range []func([]byte) (string, string, error){parseOAuthBearer, parseXOAuth2} {
			if username, token, err := parse(message); err == nil && (token == "" || len(username) > usernameMax || len(token) > oauthMax) {
				t.Errorf("gave %q, %q", username, token)
			}
		}
		if s, ok := canonical(string(message)); ok && len(s) != secretLength {
			t.Errorf("canonical gave %q", s)
		}
		_, _ = issuerNamed(string(message))
		_, _ = parseToken(string(message))
	})
}
