package importer

import (
	"context"
	"encoding/hex"
	"io"
	"strings"

	"fachwerk/files"
	"fachwerk/internal/importing"
	"fachwerk/internal/resource"
)

// Domain stores files.
type Domain struct{ files *files.Service }

// NewDomain makes one.
func NewDomain(s *files.Service) *Domain { return &Domain{s} }

// Kind is resource.Drive.
func (d *Domain) Kind() resource.Kind { return resource.Drive }

// Reserved has none.
func (d *Domain) Reserved() string { return "" }

// Path is the path in the form in which drives keep it.
func (d *Domain) Path(e *importing.Entry) ([]string, error) { return files.Path(e.Path) }

// Other has none: a file has its name or does not come.
func (d *Domain) Other(*importing.Entry) []string { return nil }

// Load reads a file into the account, where nobody sees it yet.
func (d *Domain) Load(ctx context.Context, l importing.Loading) (importing.Loaded, error) {
	modified := l.Entry.Modified
	if modified.IsZero() {
		modified = l.Content.Modified
	}
	draft, err := d.files.Receive(ctx, l.Account, files.Upload{Body: io.TeeReader(l.Content.Body, l.Hash), Size: l.Content.Size,
		Replaces: l.Replaces, Modified: modified, Digests: digests(l.Content.Checksum)})
	if err != nil {
		return nil, err
	}
	return &loaded{draft}, nil
}

// digests reads the OC-Checksum of a server; what is not known is passed over.
func digests(checksum string) []files.Digest {
	var list []files.Digest
	for one := range strings.FieldsSeq(checksum) {
		name, sum, _ := strings.Cut(one, ":")
		a, ok := files.AlgorithmNamed(name)
		raw, err := hex.DecodeString(sum)
		if ok && err == nil && len(raw) == a.Size() {
			list = append(list, files.Digest{Algorithm: a, Sum: raw})
		}
	}
	return list
}

type loaded struct{ draft resource.Draft }

// Draft is what was received.
func (l *loaded) Draft(context.Context, resource.Place, resource.Item) (resource.Draft, error) {
	return l.draft, nil
}

// Note has nothing to tell.
func (l *loaded) Note() string { return "" }

// Close frees what was not put in place.
func (l *loaded) Close() error { return l.draft.Upload.Close() }
