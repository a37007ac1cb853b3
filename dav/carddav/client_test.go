package carddav_test

import (
	"net/http"
	"testing"

	govcard "github.com/emersion/go-vcard"
	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/carddav"

	"fachwerk/dav/davtest"
)

// TestGoWebDAV finds, fills, asks and syncs an address book with another project's client.
func TestGoWebDAV(t *testing.T) {
	h := open(t, nil)
	p := h.Client(t, "anna")
	ctx := t.Context()
	c, err := carddav.NewClient(webdav.HTTPClientWithBasicAuth(&http.Client{}, p.Address, p.Password), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.HasSupport(ctx); err != nil {
		t.Error(err)
	}
	principal, err := c.FindCurrentUserPrincipal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	set, err := c.FindAddressBookHomeSet(ctx, principal)
	if err != nil {
		t.Fatal(err)
	}
	books, err := c.FindAddressBooks(ctx, set)
	if err != nil || len(books) != 2 {
		t.Fatalf("%d address books, %v", len(books), err)
	}
	var own carddav.AddressBook
	for _, b := range books {
		if b.Path == book(p) {
			own = b
		}
	}
	if own.Name != "Kontakte" || own.MaxResourceSize == 0 || !own.SupportsAddressData("text/vcard", "4.0") {
		t.Errorf("the book: %+v", own)
	}
	card := vcard4("urn:uuid:1", "Erika Mustermann", "erika@musterstadt.example")
	put, err := c.PutAddressObject(ctx, own.Path+"erika.vcf", card)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetAddressObject(ctx, own.Path+"erika.vcf")
	if err != nil || got.Card.Value(govcard.FieldFormattedName) != "Erika Mustermann" || got.ETag != put.ETag {
		t.Errorf("%+v, %v; put %+v", got, err, put)
	}
	found, err := c.QueryAddressBook(ctx, own.Path, &carddav.AddressBookQuery{
		DataRequest: carddav.AddressDataRequest{Props: []string{"FN"}},
		PropFilters: []carddav.PropFilter{{Name: "EMAIL", TextMatches: []carddav.TextMatch{{Text: "ERIKA@", MatchType: carddav.MatchStartsWith}}}},
	})
	if err != nil || len(found) != 1 || found[0].Card.Value("EMAIL") != "" || found[0].Card.Value("FN") == "" {
		t.Errorf("query: %+v, %v", found, err)
	}
	many, err := c.MultiGetAddressBook(ctx, own.Path, &carddav.AddressBookMultiGet{
		Paths: []string{own.Path + "erika.vcf"}, DataRequest: carddav.AddressDataRequest{AllProp: true}})
	if err != nil || len(many) != 1 || many[0].Card.Value("EMAIL") == "" {
		t.Errorf("multiget: %+v, %v", many, err)
	}
	followed(t, p, c, own.Path)
}

// followed syncs before and after a card goes.
func followed(t *testing.T, p *davtest.Client, c *carddav.Client, path string) {
	ctx := t.Context()
	first, err := c.SyncCollection(ctx, path, &carddav.SyncQuery{})
	if err != nil || len(first.Updated) != 1 || first.SyncToken == "" {
		t.Fatalf("sync: %+v, %v", first, err)
	}
	if err := c.RemoveAll(ctx, path+"erika.vcf"); err != nil {
		t.Fatal(err)
	}
	second, err := c.SyncCollection(ctx, path, &carddav.SyncQuery{SyncToken: first.SyncToken})
	if err != nil || len(second.Updated) != 0 || len(second.Deleted) != 1 || second.Deleted[0] != path+"erika.vcf" {
		t.Errorf("sync after: %+v, %v", second, err)
	}
	p.Want(t, http.StatusNotFound, http.MethodGet, path+"erika.vcf", "")
}

func vcard4(uid, name, address string) govcard.Card {
	card := govcard.Card{}
	card.SetValue(govcard.FieldVersion, "4.0")
	card.SetValue(govcard.FieldUID, uid)
	card.SetValue(govcard.FieldFormattedName, name)
	card.SetValue(govcard.FieldEmail, address)
	return card
}
