package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fachwerk/location"
)

func (in *Installation) reporter() (*location.Reporter, error) {
	signer, err := in.signer()
	if err != nil {
		return nil, err
	}
	name := in.cfg.Location.Installation
	if name == "" {
		name = in.cfg.Public.Name
	}
	return &location.Reporter{Issuer: name, Guard: in.guard, Ledger: in.store, Counter: in.store, Signer: signer}, nil
}

// Whereabouts tells where one kind of data lies.
type Whereabouts struct {
	Account  string   `json:"account,omitempty"`
	Kind     string   `json:"kind"`
	Items    int64    `json:"items"`
	Bytes    int64    `json:"bytes"`
	Store    string   `json:"store"`
	Site     string   `json:"site"`
	Operator string   `json:"operator"`
	Country  string   `json:"country"`
	Place    string   `json:"place"`
	Copies   []string `json:"copies"`
	Seen     string   `json:"seen"`
}

// Where tells where the data of an address or of a tenant, by name, lies. Nothing is
// signed or kept.
func (in *Installation) Where(ctx context.Context, name string) ([]Whereabouts, error) {
	of, err := in.of(ctx, name)
	if err != nil {
		return nil, err
	}
	return in.whereabouts(ctx, of)
}

func (in *Installation) whereabouts(ctx context.Context, of location.Of) ([]Whereabouts, error) {
	counted, err := in.store.Count(ctx, of)
	if err != nil {
		return nil, err
	}
	var seen []location.Observation
	for _, s := range in.sites {
		run, err := in.store.LastObservations(ctx, s.Name)
		if err != nil {
			return nil, fmt.Errorf("site %s: %w", s.Name, err)
		}
		seen = append(seen, run...)
	}
	out := []Whereabouts{}
	for _, r := range location.Compose(in.guard.Sites(), counted, seen).Rows {
		w := Whereabouts{
			Account: r.Account, Kind: r.Kind, Items: r.Items, Bytes: r.Bytes, Store: r.Store, Site: r.Site, Operator: r.Operator,
			Country: r.Country, Place: r.Place, Seen: "declared, not observed", Copies: []string{},
		}
		switch r.State {
		case location.Matches:
			w.Seen = "observed " + r.EvidenceAt.Format("2006-01-02 15:04 MST")
		case location.Differs:
			w.Seen = "differs: `fachwerk location verify` says what"
		}
		for _, c := range r.Copies {
			if c.State == location.Differs {
				w.Seen = "differs: `fachwerk location verify` says what"
			}
			w.Copies = append(w.Copies, strings.Join([]string{c.What, c.Name, c.Operator, c.Country, c.Place, string(c.State)}, " "))
		}
		out = append(out, w)
	}
	return out, nil
}

// of finds what a report is about: the person, or shared account, of an address, or
// a tenant by its name.
func (in *Installation) of(ctx context.Context, name string) (location.Of, error) {
	if strings.Contains(name, "@") {
		a, err := in.account(ctx, name)
		return location.Of{Tenant: a.Tenant, Person: a.Key.Account}, err
	}
	t, err := in.tenant(ctx, name)
	return location.Of{Tenant: t.ID}, err
}

// ReportLocation makes the next signed report of a tenant or an address, in a format:
// json, csv, html or jws. language is that of a page.
func (in *Installation) ReportLocation(ctx context.Context, name, format, language string) ([]byte, error) {
	render, err := renderer(format, language)
	if err != nil {
		return nil, err
	}
	of, err := in.of(ctx, name)
	if err != nil {
		return nil, err
	}
	reporter, err := in.reporter()
	if err != nil {
		return nil, err
	}
	r, kept, err := reporter.Make(ctx, of)
	if err != nil {
		return nil, err
	}
	return render(r, kept.JWS)
}

// errFormat names the formats of a report.
var errFormat = errors.New("a report is json, csv, html or jws")

func renderer(format, language string) (func(location.Report, string) ([]byte, error), error) {
	switch format {
	case "json":
		return location.JSON, nil
	case "csv":
		return location.CSV, nil
	case "html":
		return func(r location.Report, jws string) ([]byte, error) { return location.HTML(r, jws, language) }, nil
	case "jws":
		return func(_ location.Report, jws string) ([]byte, error) { return []byte(jws + "\n"), nil }, nil
	}
	return nil, errFormat
}
