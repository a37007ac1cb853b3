package groups

import (
	"testing"
	"time"

	"fachwerk/internal/testenv/pen"
)

// An issuer is an OpenID provider that says of people what it is told to.
type issuer struct {
	*pen.Pen
	last time.Time
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	return &issuer{Pen: pen.New(t)}
}

// token makes an access token for an hour that is newer than all before by a second at
// least: tokens count by whole seconds.
func (i *issuer) token(sub string, groups ...string) string {
	at := time.Now().Truncate(time.Second)
	for !at.After(i.last) {
		time.Sleep(100 * time.Millisecond)
		at = time.Now().Truncate(time.Second)
	}
	i.last = at
	return i.Access(sub, map[string]any{"iat": at.Unix(), "exp": at.Add(time.Hour).Unix(), "groups": groups})
}
