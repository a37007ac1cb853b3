package observe

import (
	"context"
	"net/netip"
	"path/filepath"
	"testing"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/dir"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/sqlite"
	"fachwerk/location"
)

func TestEmbeddedEngines(t *testing.T) {
	folder := t.TempDir()
	metadata, err := sqlite.Open(t.Context(), filepath.Join(folder, "metadata.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer metadata.Close()
	blobs, err := dir.Open(filepath.Join(folder, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	o := Of(metadata.(meta.Witness), blobs)
	d, b := o.Database(t.Context()), o.Objects(t.Context())
	if d.Folder == nil || b.Folder == nil || d.Folder.Path != filepath.Join(folder, "metadata.db") || b.Folder.Path != filepath.Join(folder, "blobs") {
		t.Errorf("%+v\n%+v", d, b)
	}
}

type told struct {
	meta meta.Facts
	blob blob.Facts
}

type database struct{ told }

func (d database) Facts(context.Context) meta.Facts { return d.meta }

type objects struct{ told }

func (o objects) Facts(context.Context) blob.Facts { return o.blob }

// Everything that an engine tells arrives.
func TestAllFactsArrive(t *testing.T) {
	a := netip.MustParseAddr("10.1.2.3")
	var questions []meta.Question
	for _, about := range []string{meta.AboutAddresses, meta.AboutCertificate, meta.AboutSystem, meta.AboutStandbys,
		meta.AboutSynchronous, meta.AboutArchive, meta.AboutFolder} {
		questions = append(questions, meta.Question{About: about, Asked: "asked", Answered: "answered", Failed: "failed"})
	}
	in := told{
		meta: meta.Facts{Store: "PostgreSQL 15", Endpoints: []meta.Endpoint{{Name: "db", Addresses: []netip.Addr{a}}},
			Connections: []meta.Connection{{Name: "new", Remote: a, Reported: a, System: "7", Certificate: &meta.Certificate{Key: "k"}}},
			Name:        "fachwerk", Timeline: "3", Recovering: true, Hidden: true, Synchronous: "a", Commit: "on", Archiving: true,
			Streams: []meta.Stream{{Name: "b", Address: a, State: "streaming", Sync: "sync"}}, Questions: questions},
		blob: blob.Facts{Store: "S3", Endpoints: []blob.Endpoint{{Name: "s3", Addresses: []netip.Addr{a}}},
			Connections: []blob.Connection{{Name: "new", Remote: a, Certificate: &blob.Certificate{Key: "k"}}},
			Bucket:      "b", Location: "eu", Rules: []blob.Rule{{ID: "1", Destination: "c"}}, Versions: "Enabled"},
	}
	for _, about := range []string{blob.AboutAddresses, blob.AboutCertificate, blob.AboutLocation, blob.AboutReplication,
		blob.AboutVersions, blob.AboutFolder} {
		in.blob.Questions = append(in.blob.Questions, blob.Question{About: about, Asked: "asked"})
	}
	o := Of(database{in}, objects{in})
	d, b := o.Database(t.Context()), o.Objects(t.Context())
	if d.Store != "PostgreSQL 15" || d.Endpoints[0].Addresses[0] != a || d.Connections[0].Certificate.Key != "k" || d.Connections[0].System != "7" ||
		d.Connections[0].Reported != a || d.Name != "fachwerk" || d.Timeline != "3" || !d.Recovering || !d.Hidden || d.Synchronous != "a" ||
		d.Commit != "on" || !d.Archiving || d.Streams[0].Sync != "sync" || d.Folder != nil {
		t.Errorf("%+v", d)
	}
	if b.Store != "S3" || b.Endpoints[0].Name != "s3" || b.Connections[0].Certificate.Key != "k" || b.Bucket != "b" || b.Location != "eu" ||
		b.Rules[0].Destination != "c" || b.Versions != "Enabled" {
		t.Errorf("%+v", b)
	}
	checks := map[location.Check]bool{}
	for _, q := range append(d.Questions, b.Questions...) {
		checks[q.About] = true
	}
	for _, c := range []location.Check{location.Addresses, location.Identity, location.System, location.Standbys, location.Synchronous,
		location.Archive, location.Bucket, location.Replication, location.Versions, location.Storage} {
		if !checks[c] {
			t.Errorf("no engine's question is about %s", c)
		}
		delete(checks, c)
	}
	if len(checks) > 0 {
		t.Errorf("questions about what is not checked: %v", checks)
	}
}
