package contacts

import (
	"mime"
	"strings"

	"fachwerk/internal/resource"
)

// Bits of resource.Index.Components.
const (
	IsCard  int64 = 1 << iota // every card
	IsGroup                   // a list of others
)

// MediaType judges the Content-Type of a card (RFC 6352 section 5.1); *InvalidError. No
// type and the type of no particular content are taken for a card: the content is
// judged anyway.
func MediaType(contentType string) error {
	if contentType == "" {
		return nil
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil { // parameters that cannot be read do no harm
		media, _, _ = strings.Cut(contentType, ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	switch media {
	case "text/vcard", "text/x-vcard", "text/directory", "application/octet-stream", "application/vcard":
		return nil
	}
	return &InvalidError{Condition: SupportedData, Reason: "An address book keeps cards of type text/vcard only."}
}

// Index is how the card is found in its address book.
func (c *Card) Index() *resource.Index {
	x := &resource.Index{UID: c.UID(), Components: IsCard}
	if c.Group() {
		x.Components |= IsGroup
	}
	return x
}
