package meta

import (
	"context"
	"net/netip"
	"time"
)

// Witness is an engine that can tell where it is and who copies it, so that what
// was declared of a site can be compared with what is seen.
type Witness interface {
	// Facts asks now and ends with ctx. What cannot be seen is a failed
	// Question; there are no other errors.
	Facts(ctx context.Context) Facts
}

// Facts are what a database shows of itself. Nothing of them is secret: neither
// users nor passwords.
type Facts struct {
	Store       string // engine and version
	Path        string // of the file; empty: it is reached as Endpoints says
	Endpoints   []Endpoint
	Connections []Connection

	Name       string // of the database
	Timeline   string
	Recovering bool // it is a standby itself
	// Streams are the copies that it sends its changes to. Where Hidden is
	// set there is one for each, but what it is may not be seen.
	Streams             []Stream
	Hidden              bool
	Synchronous, Commit string // synchronous_standby_names, synchronous_commit
	Archiving           bool   // the write-ahead log is copied elsewhere

	Questions []Question
}

// Endpoint is a host that a DSN names.
type Endpoint struct {
	Name      string
	Local     bool // the path of a socket of this machine
	Addresses []netip.Addr
	Problem   string // why there are no addresses
}

// Connection is one that reaches the server: from the pool, or made to look.
type Connection struct {
	Name        string       // "in use", "new", "direct"
	Remote      netip.Addr   // the other end; invalid: a socket of this machine
	Reported    netip.Addr   // where the server says it is; invalid: not by a network
	Certificate *Certificate // nil: not encrypted
	System      string       // the system identifier of the server; empty: not seen
}

// Certificate is what the server showed on a connection.
type Certificate struct {
	Key      string // base64 SHA-256 of the SubjectPublicKeyInfo
	Subject  string
	Names    []string
	Issuer   string
	NotAfter time.Time
}

// Stream is a copy that a primary sends its changes to.
type Stream struct {
	Name    string // application_name
	Address netip.Addr
	State   string // "streaming", "catchup", "backup" …
	Sync    string // "sync", "async", "quorum" …
}

// Question is one thing that was asked.
type Question struct {
	About    string // one of the constants below
	Asked    string
	Answered string
	Failed   string // why there is no answer
}

// What questions are about.
const (
	AboutAddresses   = "addresses"
	AboutCertificate = "certificate"
	AboutSystem      = "system"
	AboutStandbys    = "standbys"
	AboutSynchronous = "synchronous"
	AboutArchive     = "archive"
	AboutFolder      = "folder"
)
