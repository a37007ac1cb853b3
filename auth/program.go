package auth

import "time"

// Program is one that a person has let in at the embedded provider: it keeps a chain of
// refresh tokens, each of which counts once, until it is ended.
type Program struct {
	ID       string // names it among the person's
	Client   string // the provider's name of what it says it is
	Scopes   Scope
	Since    time.Time
	From     string // the network of its first token, as [Network] writes it
	Used     time.Time
	UsedFrom string // the network of its last one
}
