package location

import (
	"context"
	"net/netip"
	"time"
)

// Observer shows what the engines of one site can see of it. What cannot be seen
// is a failed [Question]; an observer has no other errors. Both methods end with
// their context.
type Observer interface {
	Database(ctx context.Context) DatabaseFacts
	Objects(ctx context.Context) ObjectsFacts
}

// Facts are what a database and an object store have in common.
type Facts struct {
	Store       string       // "PostgreSQL 15.18", "SQLite 3.51", "S3", "directory"
	Endpoints   []Endpoint   // every configured name, and what it resolves to now
	Connections []Connection // those in use and those made to look
	Folder      *Folder      // where the data is a folder of this machine; nil: it is reached by a network
	Questions   []Question   // what was asked to find all this
}

// Endpoint is a configured name of a server.
type Endpoint struct {
	Name      string       // a host name, an address or the path of a local socket
	Local     bool         // a socket of this machine: it has no address
	Addresses []netip.Addr // what the name resolves to; none: see the questions
	Problem   string       // why it does not resolve
}

// Connection is one that reaches the server.
type Connection struct {
	Name        string       // "in use", "new", "direct"
	Remote      netip.Addr   // the other end; invalid for a local socket
	Reported    netip.Addr   // where the server says it is; invalid: it did not say
	Certificate *Certificate // nil: the connection is not encrypted
	System      string       // the database's system identifier over this connection
}

// Certificate is what a server showed to prove its identity.
type Certificate struct {
	Key      string // base64 SHA-256 of the SubjectPublicKeyInfo
	Subject  string
	Names    []string
	Issuer   string
	NotAfter time.Time
}

// Folder is where an embedded engine keeps its data.
type Folder struct {
	Path       string
	Host       string // this machine
	Filesystem string // "ext4", "nfs4" …; "": unknown
	Source     string // what is mounted
	Network    bool   // the filesystem is another machine's
}

// Question is one thing that was asked, and the answer.
type Question struct {
	About    Check
	Asked    string // a statement, a request or a look-up
	Answered string
	Failed   string // why there is no answer; "" where there is one
}

// DatabaseFacts are what a database tells of itself.
type DatabaseFacts struct {
	Facts
	Name       string // of the database
	Timeline   string
	Recovering bool // it is a standby itself
	Streams    []Stream
	Hidden     bool // what the streams are may not be seen; there is one for each
	// Synchronous is synchronous_standby_names, Commit synchronous_commit.
	Synchronous, Commit string
	Archiving           bool // the write-ahead log is copied elsewhere
}

// Stream is a copy that a primary sends its changes to.
type Stream struct {
	Name    string     // application_name; "": may not be seen
	Address netip.Addr // invalid: a local socket, or may not be seen
	State   string     // "streaming", "catchup", "backup" …
	Sync    string     // "sync", "async", "quorum" …
}

// ObjectsFacts are what an object store tells of itself.
type ObjectsFacts struct {
	Facts
	Bucket   string
	Location string // of the bucket
	Rules    []Rule // of the bucket's replication, those in force
	Versions string // "Enabled", "Suspended", "": it keeps none
}

// Rule is a bucket's order to copy its objects.
type Rule struct{ ID, Destination string }
