package app

import (
	"context"
	"errors"

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
