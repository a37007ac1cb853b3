package importer

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"strings"

	"github.com/emersion/go-webdav/carddav"

	"fachwerk/contacts"
	"fachwerk/internal/importing"
	"fachwerk/internal/resource"
)

func named(local string) xml.Name {
	return xml.Name{Space: "urn:ietf:params:xml:ns:carddav", Local: local}
}

var description = named("addressbook-description")

// Server is the address books of a user of a CardDAV server.
func Server(c *importing.Client, user string) importing.Source {
	return &importing.Home{
		Client: c, User: user, Type: named("addressbook"), WellKnown: "/.well-known/carddav", Suffix: suffix,
		Find:  func(ctx context.Context, address string) ([]string, error) { return find(ctx, c, address) },
		Props: []xml.Name{description},
		Describe: func(r *importing.Resource) []resource.Property {
			return describe(r.Text(importing.DisplayName), r.Text(description))
		},
	}
}

// find discovers address books: principal, home, members (RFC 6352 section 7.1.1).
func find(ctx context.Context, c *importing.Client, address string) ([]string, error) {
	client, err := carddav.NewClient(c, address)
	if err != nil {
		return nil, err
	}
	members := func(ctx context.Context, home string) (paths []string, err error) {
		list, err := client.FindAddressBooks(ctx, home)
		for _, found := range list {
			paths = append(paths, found.Path)
		}
		return paths, err
	}
	return importing.Discovery{Principal: client.FindCurrentUserPrincipal, Home: client.FindAddressBookHomeSet, Members: members}.Find(ctx, address)
}

// describe makes the properties of an address book here.
func describe(title, about string) []resource.Property {
	var list []resource.Property
	if title != "" {
		list = append(list, contacts.DisplayName(title))
	}
	if about != "" {
		var b bytes.Buffer
		b.WriteString(`<addressbook-description xmlns="` + description.Space + `">`)
		_ = xml.EscapeText(&b, []byte(about)) // a bytes.Buffer takes everything
		b.WriteString(`</addressbook-description>`)
		list = append(list, resource.Property{Name: description, Value: b.Bytes()})
	}
	return list
}

// Files are the address books of a vCard file, or of a folder of such files.
func Files(at string) importing.Source {
	return &importing.Exports{At: at, Suffix: suffix, Take: take,
		Named: func(title, _ string) []resource.Property { return describe(title, "") }}
}

// take takes one file apart.
func take(data []byte) importing.Export {
	if c, err := contacts.Parse(data); err == nil {
		return importing.Export{Single: true, Objects: []importing.Object{{Key: c.UID(), Data: data}}}
	}
	var x importing.Export
	for one, err := range contacts.Split(bytes.NewReader(data)) {
		var bad *contacts.InvalidError
		switch {
		case errors.As(err, &bad):
			err = refused(bad)
		case err == nil:
			x.Objects = append(x.Objects, importing.Object{Key: uid(one), Data: one})
			continue
		}
		x.Objects = append(x.Objects, importing.Object{Err: err})
	}
	if len(x.Objects) == 0 {
		x.Objects = []importing.Object{{Err: importing.Refuse(importing.Invalid, "there is no card in it")}}
	}
	return x
}

// uid finds out how a card is called, be it a card or not.
func uid(data []byte) string {
	if c, err := contacts.Parse(withUID(upgrade(data))); err == nil {
		return c.UID()
	}
	return made(data)
}

const suffix = ".vcf"

// Domain stores cards.
type Domain struct{ resources *resource.Service }

// NewDomain makes one.
func NewDomain(r *resource.Service) *Domain { return &Domain{r} }

// Kind is resource.AddressBook.
func (d *Domain) Kind() resource.Kind { return resource.AddressBook }

// Reserved is the directory's name.
func (d *Domain) Reserved() string { return contacts.DirectoryName }

// Path is the name that the source gave.
func (d *Domain) Path(e *importing.Entry) ([]string, error) { return e.Path, nil }

// Other is that name with a digest.
func (d *Domain) Other(e *importing.Entry) []string {
	return []string{importing.OtherName(e.Path[0], suffix, e.Name)}
}

// Load reads a card.
func (d *Domain) Load(_ context.Context, l importing.Loading) (importing.Loaded, error) {
	data, err := importing.ReadObject(l.Content, contacts.MaxSize)
	if err != nil {
		return nil, err
	}
	newer := upgrade(data)
	made := &loaded{domain: d, data: withUID(newer)}
	l.Hash.Write(made.data)
	if !bytes.Equal(newer, data) {
		made.notes = append(made.notes, "it was of version 2.1 and is kept as version 3.0")
	}
	if len(made.data) != len(newer) {
		made.notes = append(made.notes, "it had no UID and was given one")
	}
	return made, nil
}

type loaded struct {
	domain *Domain
	data   []byte
	notes  []string
}

// Draft judges the card as a PUT would.
func (l *loaded) Draft(ctx context.Context, at resource.Place, old resource.Item) (resource.Draft, error) {
	who, in := at.Collection.Account, resource.Held(l.data)
	c, err := contacts.Judge(ctx, l.domain.resources, who, in)
	if err != nil {
		return resource.Draft{}, refused(err)
	}
	c.Index.Same = true // RFC 6352 section 6.3.2.1
	u, err := l.domain.resources.Upload(ctx, who, in, old)
	if err != nil {
		return resource.Draft{}, err
	}
	return resource.Draft{Upload: u, Facts: c.Facts, Encoder: contacts.FactsEncoder, Index: c.Index}, nil
}

// Note tells what was changed so that the card can be kept.
func (l *loaded) Note() string { return strings.Join(l.notes, "; ") }

// Close has nothing to free.
func (l *loaded) Close() error { return nil }

func refused(err error) error {
	var bad *contacts.InvalidError
	if !errors.As(err, &bad) {
		return err
	}
	code := importing.Invalid
	if bad.Condition == contacts.MaxResource {
		code = importing.TooLarge
	}
	return importing.Refuse(code, "%s", bad.Error())
}
