package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fachwerk/internal/app/config"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/observe"
	"fachwerk/location"
)

// declared is a site as the configuration declares it; b is its object store.
func declared(s config.Site, b config.SiteBlobs) location.Site {
	at := location.Site{
		Name: s.Name, Operator: s.Operator, Country: s.Country, Place: s.Place, Networks: s.Networks,
		Database: location.DatabaseClaim{
			SystemIdentifier: s.Metadata.SystemIdentifier, CertificateKeys: s.Metadata.CertificateKeys,
			Local: s.Durability == "local",
		},
		Objects: location.ObjectsClaim{
			Bucket: bucketOf(b.URL), Location: s.Blobs.Location, ReplicatesTo: s.Blobs.ReplicatesTo,
			CertificateKeys: s.Blobs.CertificateKeys,
		},
	}
	for _, c := range s.Standbys {
		at.Standbys = append(at.Standbys, location.Standby{
			Name: c.Name, Operator: c.Operator, Country: c.Country, Place: c.Place, Networks: c.Networks,
		})
	}
	return at
}

// bucketOf is the bucket's name in the URL of an object store; "" of a directory.
func bucketOf(address string) string {
	if !strings.HasPrefix(address, config.SchemeS3) {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.Trim(u.Path, "/")
}

// newVerifier makes what compares all sites with their declarations.
func (in *Installation) newVerifier() (*location.Verifier, error) {
	observers := make(map[string]location.Observer, len(in.sites))
	for _, s := range in.sites {
		database, ok := s.metadata.use.(meta.Witness)
		objects, ok2 := s.blobs.use.(blob.Witness)
		if !ok || !ok2 {
			return nil, fmt.Errorf("site %s: its engines cannot tell where they are", s.Name)
		}
		observers[s.Name] = observe.Of(database, objects)
	}
	return location.NewVerifier(location.VerifierOptions{
		Guard: in.guard, Observers: observers, Ledger: in.store, Interval: in.cfg.Location.Every,
		Observed: func(site string, run []location.Observation) {
			in.metrics.verified(site, run)
			in.metrics.missing.WithLabelValues(site).Set(float64(len(in.guard.Missing(site))))
		},
		Log: in.log,
	})
}

// recall tells the guard what the last verification saw, by whichever process, so that
// a command line need not look for itself before it writes.
func (in *Installation) recall(ctx context.Context) {
	for _, s := range in.sites {
		run, err := in.store.LastObservations(ctx, s.Name)
		if err != nil {
			in.log.Warn("what was seen of a site last is not known; writes of tenants that demand it are refused", "site", s.Name, "error", err)
			continue
		}
		if len(run) > 0 {
			in.guard.Learn(s.Name, run)
		}
	}
}

// signer signs reports, by a key that depends on the operator's.
func (in *Installation) signer() (*location.Signer, error) {
	return location.NewSigner(ed25519.NewKeyFromSeed(in.keys.Derive("location-report/1")))
}

// ReportKey is the public key that verifies this installation's reports, as PEM.
func (in *Installation) ReportKey() ([]byte, error) {
	s, err := in.signer()
	if err != nil {
		return nil, err
	}
	return location.PublicPEM(s.Public())
}

// Observed is one thing that was seen of a site, as the command line shows it.
type Observed struct {
	Site     string    `json:"site"`
	Part     string    `json:"part"`
	Check    string    `json:"check"`
	Subject  string    `json:"subject,omitempty"`
	State    string    `json:"state"`
	What     string    `json:"what"` // one sentence
	Declared string    `json:"declared,omitempty"`
	Seen     string    `json:"seen,omitempty"`
	Evidence string    `json:"evidence"`
	Since    time.Time `json:"since"`
	At       time.Time `json:"at"`
}

// Differs tells whether it is not as declared.
func (o Observed) Differs() bool { return o.State == string(location.Differs) }

func observed(run []location.Observation, err error) ([]Observed, error) {
	list := []Observed{}
	for _, o := range run {
		list = append(list, Observed{
			Site: o.Site, Part: string(o.Part), Check: string(o.Check), Subject: o.Subject, State: string(o.State), What: o.Sentence("en"),
			Declared: o.Declared, Seen: o.Seen, Evidence: o.Evidence, Since: o.Since, At: o.At,
		})
	}
	return list, err
}

// VerifyLocation looks at all sites now. What must be seen before a site is verified, and
// was not, is in the list once more, as not_verified.
func (in *Installation) VerifyLocation(ctx context.Context) ([]Observed, error) {
	v, err := in.newVerifier()
	if err != nil {
		return nil, err
	}
	list, err := observed(v.Once(ctx))
	for _, s := range in.guard.Sites() {
		for _, m := range in.guard.Missing(s.Name) {
			list = append(list, Observed{Site: m.Site, Part: string(m.Part), Check: string(m.Check), State: "not_verified", What: m.Sentence("en"), At: m.Last})
		}
	}
	return list, err
}

// AcceptLocation makes what was seen last of a part (database or objects) the thing to
// expect. who is kept with it.
func (in *Installation) AcceptLocation(ctx context.Context, site, part, check, who string) ([]Observed, error) {
	v, err := in.newVerifier()
	if err != nil {
		return nil, err
	}
	list, err := observed(v.Accept(ctx, site, location.Part(part), location.Check(check), who))
	if errors.Is(err, location.ErrNoObservation) {
		err = fmt.Errorf("%w; `fachwerk location verify` looks, and names site, part and check of what it sees", err)
	}
	return list, err
}

// verified counts what a verification of a site has found.
func (m *metrics) verified(site string, run []location.Observation) {
	m.differences.DeletePartialMatch(prometheus.Labels{"site": site})
	for _, o := range run {
		gauge := m.differences.WithLabelValues(site, string(o.Part), string(o.Check))
		if o.State == location.Differs {
			gauge.Inc()
		}
	}
	m.looked.WithLabelValues(site).SetToCurrentTime()
}

// durable looks at all sites before anything is served. It refuses a database with
// standbys whose commits wait for none of them, unless the site says durability: local:
// after a failover, mail that was acknowledged would be lost. Of several sites only the
// directory's ends the start so; at another one nothing is written until commits wait.
func (in *Installation) durable(ctx context.Context) (*location.Verifier, error) {
	v, err := in.newVerifier()
	if err != nil {
		return nil, err
	}
	run, err := v.OnceWithin(ctx, startTimeout)
	if err != nil {
		in.log.Warn("what was seen of the sites could not be kept", "error", err)
	}
	for _, o := range run {
		switch {
		case o.Check != location.Synchronous || o.State != location.Differs:
		case o.Site == in.cfg.DirectorySite() || len(in.sites) == 1:
			return nil, errors.New(o.Sentence("en"))
		default:
			in.guard.Forbid(o)
			in.log.Error("nothing is written at this site until commits wait for a standby: "+o.Sentence("en"), "site", o.Site)
		}
	}
	return v, nil
}

// VerifyReports verifies signed reports, in any of their forms, by a public key (PEM or
// JWK), and of several that they follow each other. It says a line for each.
func VerifyReports(files [][]byte, key []byte) ([]string, error) {
	public, err := location.ParsePublic(key)
	if err != nil {
		return nil, err
	}
	chain, err := location.VerifyChain(files, public)
	if err != nil {
		return nil, err
	}
	var said []string
	for _, r := range chain {
		who := r.Tenant
		if r.Person != "" {
			who = r.Person
		}
		number := fmt.Sprint(r.Number)
		if r.Number == 0 {
			number = "that was not kept and follows no other,"
		}
		said = append(said, fmt.Sprintf("report %s of %s, issued by %s on %s: the signature is right",
			number, who, r.Issuer, r.Issued.Format("2006-01-02 15:04:05 MST")))
	}
	if len(chain) > 0 && chain[0].Number > 1 {
		said = append(said, fmt.Sprintf("report %d, which came before, was not shown", chain[0].Number-1))
	}
	return said, nil
}
