package blob

import (
	"context"
	"net/netip"
	"time"
)

// Witness is a store that can tell where it is and what copies it, so that what
// was declared of a site can be compared with what is seen.
type Witness interface {
	// Facts asks now and ends with ctx. What cannot be seen is a failed
	// Question; there are no other errors.
	Facts(ctx context.Context) Facts
}

// Facts are what a store shows of itself. Nothing of them is secret.
type Facts struct {
	Store       string // what it is, with the name the service gives itself
	Path        string // of the folder; empty: it is reached as Endpoints says
	Endpoints   []Endpoint
	Connections []Connection

	Bucket   string
	Location string // of the bucket
	Rules    []Rule // of its replication, those in force
	Versions string // "Enabled", "Suspended"; empty: it keeps none

	Questions []Question
}

// Endpoint is the host of the service.
type Endpoint struct {
	Name      string
	Addresses []netip.Addr
	Problem   string // why there are none
}

// Connection is one that reaches the service: one that serves requests, or one made
// to look.
type Connection struct {
	Name        string // "in use", "new"
	Remote      netip.Addr
	Certificate *Certificate // nil: not encrypted
}

// Certificate is what the service showed on a connection.
type Certificate struct {
	Key      string // base64 SHA-256 of the SubjectPublicKeyInfo
	Subject  string
	Names    []string
	Issuer   string
	NotAfter time.Time
}

// Rule is an order of the bucket to copy its objects.
type Rule struct{ ID, Destination string }

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
	AboutLocation    = "location"
	AboutReplication = "replication"
	AboutVersions    = "versions"
	AboutFolder      = "folder"
)
