package location_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/dir"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/store/meta/sqlite"
	"fachwerk/internal/store/observe"
	"fachwerk/internal/testenv/parts"
	"fachwerk/location"
	"fachwerk/location/locationtest"
)

// site is a declared site with its engines.
type site struct {
	location.Site
	metadata meta.Witness
	blobs    blob.Witness
	ledger   location.Ledger
}

// newSite is a site in the networks, whose parts are embedded until a test brings
// others.
func newSite(t *testing.T, networks ...string) *site {
	t.Helper()
	metadata, err := sqlite.Open(t.Context(), t.TempDir()+"/metadata.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { metadata.Close() })
	blobs, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	return &site{
		Site:     location.Site{Name: "nord", Operator: "Kommunale IT Musterland", Country: "DE", Place: "Musterstadt", Networks: prefixes(networks...)},
		metadata: metadata.(meta.Witness), blobs: blobs, ledger: locationtest.NewMemory(),
	}
}

func prefixes(words ...string) (list []netip.Prefix) {
	for _, w := range words {
		list = append(list, netip.MustParsePrefix(w))
	}
	return list
}

// database gives the site the engine of a PostgreSQL, with connections that stay.
func (s *site) database(t *testing.T, p *parts.Postgres) {
	t.Helper()
	e, err := postgres.Open(t.Context(), p.DSN(), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	s.metadata = e.(meta.Witness)
}

// objects gives the site the engine of an S3 service.
func (s *site) objects(t *testing.T, endpoint string, roots *x509.CertPool) {
	t.Helper()
	e, err := s3.Open(s3.Config{Endpoint: endpoint, TLS: roots != nil, Roots: roots, Region: parts.GatewayRegion,
		Bucket: parts.GatewayBucket, Access: parts.GatewayAccess, Secret: parts.GatewaySecret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	s.blobs = e
}

// verification is one of a site, as declared now, and the guard that heard of it.
type verification struct {
	t     *testing.T
	guard *location.Guard
	run   []location.Observation
}

func (s *site) verifier(t *testing.T) (*location.Verifier, *location.Guard) {
	t.Helper()
	g, err := location.New([]location.Site{s.Site})
	if err != nil {
		t.Fatal(err)
	}
	v, err := location.NewVerifier(location.VerifierOptions{Guard: g, Ledger: s.ledger,
		Observers: map[string]location.Observer{"nord": observe.Of(s.metadata, s.blobs)}})
	if err != nil {
		t.Fatal(err)
	}
	return v, g
}

// verify verifies the site once, in a new process so to say: what is remembered is
// remembered by the ledger.
func (s *site) verify(t *testing.T) *verification {
	t.Helper()
	v, g := s.verifier(t)
	run, err := v.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &verification{t, g, run}
}

// accept accepts what was seen last.
func (s *site) accept(t *testing.T, part location.Part, check location.Check) *verification {
	t.Helper()
	v, g := s.verifier(t)
	run, err := v.Accept(context.Background(), "nord", part, check, "Olga Operatorin")
	if err != nil {
		t.Fatal(err)
	}
	return &verification{t, g, run}
}

// found looks for a finding of a part and returns its sentence.
func (v *verification) found(part location.Part, check location.Check, subject string, finding location.Finding) location.Observation {
	v.t.Helper()
	for _, o := range v.run {
		if o.Part == part && o.Check == check && o.Subject == subject {
			if o.Finding != finding {
				v.t.Fatalf("%s %s %q: %s, want %s: %s\n%s", part, check, subject, o.Finding, finding, o.Sentence("en"), o.Evidence)
			}
			if o.Evidence == "" || o.At.IsZero() {
				v.t.Errorf("%s %s %q: no evidence", part, check, subject)
			}
			return o
		}
	}
	v.t.Fatalf("nothing was observed of %s %s %q in %+v", part, check, subject, v.run)
	return location.Observation{}
}

// refuses tells whether writes of a tenant whose policy says so are refused, and that
// those of others are not.
func (v *verification) refuses(want bool) {
	v.t.Helper()
	if err := v.guard.Allow("nord", location.Subject{Home: "nord"}, location.Content); err != nil {
		v.t.Errorf("refused against the policy: %v", err)
	}
	err := v.guard.Allow("nord", location.Subject{Home: "nord", RefuseOnMismatch: true}, location.Content)
	if errors.Is(err, location.ErrMismatch) != want || err != nil && !want {
		v.t.Errorf("refused: %v, want %v", err, want)
	}
}

// says tells that a sentence names what a person must know.
func says(t *testing.T, o location.Observation, words ...string) {
	t.Helper()
	for _, language := range []string{"en", "de"} {
		for _, w := range words {
			if !strings.Contains(o.Sentence(language), w) {
				t.Errorf("%q does not name %q", o.Sentence(language), w)
			}
		}
	}
}
