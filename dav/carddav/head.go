package carddav

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"fachwerk/auth"
	"fachwerk/contacts"
	"fachwerk/dav"
	"fachwerk/internal/resource"
)

// Config is what a Head stands on.
type Config struct {
	Resources *resource.Service
	// Directory makes the tenant's people an address book; nil: there is none.
	Directory *contacts.Directory
	// Memory bounds the address books kept in memory for searching, bytes; 0:
	// contacts.DefaultMemory.
	Memory int64
}

// Head is the address books of package dav. It is safe for concurrent use.
type Head struct {
	resources *resource.Service
	directory *contacts.Directory
	books     *contacts.Books
}

var (
	_ dav.Head        = (*Head)(nil)
	_ dav.VirtualHead = (*Head)(nil)
	_ dav.Refuser     = (*Head)(nil)
	_ dav.Transferrer = (*Head)(nil)
)

// New makes a Head.
func New(c Config) *Head {
	return &Head{resources: c.Resources, directory: c.Directory, books: contacts.NewBooks(c.Memory)}
}

// segment is the first of every href of an address book.
const segment = "addressbooks"

// First is the segment of the address book that every account has; people know it by
// the name Kontakte.
const First = "contacts"

// Mount says where address books lie.
func (h *Head) Mount() dav.Mount {
	return dav.Mount{
		Segment: segment, Kind: resource.AddressBook, Scope: auth.Contacts,
		HomeSet:  dav.CardDAV("addressbook-home-set"), // RFC 6352 section 7.1.1
		Types:    []xml.Name{dav.CardDAV("addressbook")},
		Features: []string{"addressbook"},
	}
}

// Ensure makes the first address book where there is none: who removed it and kept others
// does not get it back.
func (h *Head) Ensure(ctx context.Context, a resource.Account) error {
	if !a.May(resource.Manage) {
		return nil // of a shared account; someone who manages it comes sooner or later
	}
	have, err := h.resources.Collections(ctx, a, resource.AddressBook)
	if err != nil || len(have) > 0 {
		return err
	}
	called := "Kontakte"
	if !a.Own() && a.DisplayName != "" {
		called = a.DisplayName // people see it among their own
	}
	_, err = h.resources.EnsureCollection(ctx, a, resource.AddressBook, First, []resource.Property{contacts.DisplayName(called)})
	return err
}

// Virtual is the directory, in everyone's own home.
func (h *Head) Virtual(ctx context.Context, a resource.Account) ([]dav.Virtual, error) {
	if h.directory == nil || !a.Own() {
		return nil, nil
	}
	s, err := h.directory.State(ctx, a.Key.Tenant)
	if err != nil {
		return nil, err
	}
	return []dav.Virtual{{Collection: s.Collection(a), Source: s}}, nil
}

// ContentType is that of every card.
func (h *Head) ContentType(*dav.Target) string { return "text/vcard; charset=utf-8" }

// Accept judges a card and takes it in, byte for byte.
func (h *Head) Accept(ctx context.Context, in *dav.Incoming) (resource.Draft, error) {
	if err := contacts.MediaType(in.Header.Get("Content-Type")); err != nil {
		return resource.Draft{}, refusal(err)
	}
	if in.Length > contacts.MaxSize {
		return resource.Draft{}, tooLarge()
	}
	who := in.Target.Collection.Account
	received, err := contacts.Receive(h.resources, who, in.Body)
	if err != nil {
		return resource.Draft{}, err
	}
	defer received.Close()
	card, err := contacts.Judge(ctx, h.resources, who, received)
	if err != nil {
		return resource.Draft{}, refusal(err)
	}
	card.Index.Same = true // RFC 6352 section 6.3.2.1
	u, err := h.resources.Upload(ctx, who, received, in.Target.Item)
	if err != nil {
		return resource.Draft{}, err
	}
	return resource.Draft{Upload: u, Facts: card.Facts, Encoder: contacts.FactsEncoder, Index: card.Index}, nil
}

func tooLarge() error {
	return dav.Refusal(http.StatusForbidden, dav.CardDAV(string(contacts.MaxResource)), "A card may have %d bytes.", contacts.MaxSize)
}

// sameUID refuses a card of another UID in place of one (RFC 6352 section 6.3.2.1) that is
// copied or moved. That no other resource has the UID is decided when it is put in place.
func (h *Head) sameUID(ctx context.Context, t *dav.Target, uid string) error {
	if !t.Exists {
		return nil
	}
	i, err := h.resources.ByUID(ctx, t.Collection, uid)
	switch {
	case err == nil && i.ID == t.Item.ID:
		return nil
	case err != nil && !errors.Is(err, resource.ErrNotFound):
		return err
	}
	if err == nil {
		return conflict(t, i.Name)
	}
	return conflict(t, t.Item.Name)
}

// Transfer refuses to put a card in the place of one with another UID, as sameUID does.
func (h *Head) Transfer(ctx context.Context, _ *dav.Request, from, to *dav.Target) error {
	if !to.Exists {
		return nil
	}
	uid := ""
	err := contacts.Look(ctx, h.resources, from.Collection, from.Item, func(c *contacts.Card) error {
		uid = strings.Clone(c.UID())
		return nil
	})
	switch {
	case err != nil:
		return refusal(err)
	case uid == "":
		return resource.ErrChanged // it was replaced or removed meanwhile
	}
	return h.sameUID(ctx, to, uid)
}

// Refuse gives the errors of writing their elements.
func (h *Head) Refuse(_ *dav.Request, t *dav.Target, err error) error {
	var uid *resource.UIDError
	switch {
	case errors.As(err, &uid):
		return conflict(t, uid.Name)
	case errors.Is(err, resource.ErrTooLarge):
		return tooLarge()
	}
	return err
}

// conflict names the card that has the UID, or whose UID may not change.
func conflict(t *dav.Target, name string) error {
	p := dav.Refusal(http.StatusForbidden, dav.CardDAV(string(contacts.NoUIDConflict)),
		"A card with this UID is in this address book already, or the card here has another one.")
	href := t.Href[:strings.LastIndexByte(strings.TrimSuffix(t.Href, "/"), '/')+1] + url.PathEscape(name)
	p.Inner = func(x *dav.XML) { x.Href(href) }
	return p
}

// refusal is the precondition that a card does not hold.
func refusal(err error) error {
	var bad *contacts.InvalidError
	if !errors.As(err, &bad) {
		return err
	}
	return &dav.Precondition{Status: http.StatusForbidden, Name: dav.CardDAV(string(bad.Condition)), Text: bad.Reason}
}

// MakeCollection lets an extended MKCOL make address books (RFC 6352 section 6.3.1). That
// they lie directly in a home and not in each other (section 5.2) is the core's to see to.
func (h *Head) MakeCollection(_ context.Context, c *dav.Creation) error {
	book := dav.CardDAV("addressbook")
	switch {
	case len(c.Types) != 1 || c.Types[0] != book:
		return dav.Refusal(http.StatusForbidden, dav.D("valid-resourcetype"),
			"Only address books can be made here, by MKCOL with resourcetype DAV:collection and CARDDAV:addressbook (RFC 5689).")
	case c.Target.Name() == contacts.DirectoryName, c.Target.Collection.Name == contacts.DirectoryName:
		return dav.Refusal(http.StatusForbidden, dav.CardDAV("addressbook-collection-location-ok"),
			"This name is that of the directory.")
	}
	return nil
}
