package observe

import (
	"context"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// Engines observes one site by its engines.
type Engines struct {
	metadata meta.Witness
	blobs    blob.Witness
}

var _ location.Observer = Engines{}

// Of is the observer of a site's engines: those that speak to the database and the
// object store themselves, not what wraps them.
func Of(metadata meta.Witness, blobs blob.Witness) Engines { return Engines{metadata, blobs} }

// Database implements location.Observer.
func (e Engines) Database(ctx context.Context) location.DatabaseFacts {
	f := e.metadata.Facts(ctx)
	d := location.DatabaseFacts{
		Facts: location.Facts{Store: f.Store},
		Name:  f.Name, Timeline: f.Timeline, Recovering: f.Recovering, Hidden: f.Hidden,
		Synchronous: f.Synchronous, Commit: f.Commit, Archiving: f.Archiving,
	}
	for _, e := range f.Endpoints {
		d.Endpoints = append(d.Endpoints, location.Endpoint(e))
	}
	for _, c := range f.Connections {
		d.Connections = append(d.Connections, location.Connection{
			Name: c.Name, Remote: c.Remote, Reported: c.Reported, System: c.System,
			Certificate: (*location.Certificate)(c.Certificate),
		})
	}
	for _, s := range f.Streams {
		d.Streams = append(d.Streams, location.Stream(s))
	}
	for _, q := range f.Questions {
		d.Questions = append(d.Questions, question(q.About, q.Asked, q.Answered, q.Failed))
	}
	if f.Path != "" {
		placeFolder(ctx, f.Path, &d.Facts)
	}
	return d
}

// Objects implements location.Observer.
func (e Engines) Objects(ctx context.Context) location.ObjectsFacts {
	f := e.blobs.Facts(ctx)
	o := location.ObjectsFacts{Facts: location.Facts{Store: f.Store}, Bucket: f.Bucket, Location: f.Location, Versions: f.Versions}
	for _, e := range f.Endpoints {
		o.Endpoints = append(o.Endpoints, location.Endpoint{Name: e.Name, Addresses: e.Addresses, Problem: e.Problem})
	}
	for _, c := range f.Connections {
		o.Connections = append(o.Connections, location.Connection{
			Name: c.Name, Remote: c.Remote, Certificate: (*location.Certificate)(c.Certificate),
		})
	}
	for _, r := range f.Rules {
		o.Rules = append(o.Rules, location.Rule(r))
	}
	for _, q := range f.Questions {
		o.Questions = append(o.Questions, question(q.About, q.Asked, q.Answered, q.Failed))
	}
	if f.Path != "" {
		placeFolder(ctx, f.Path, &o.Facts)
	}
	return o
}

// question relies on the engines' packages naming their questions as location
// names its checks; a test holds them together.
func question(about, asked, answered, failed string) location.Question {
	return location.Question{About: location.Check(about), Asked: asked, Answered: answered, Failed: failed}
}
