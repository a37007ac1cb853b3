package dav

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"

	"fachwerk/auth"
	"fachwerk/internal/resource"
)

// Mount is where a head's collections lie and what they are.
type Mount struct {
	// Segment is the first segment of the path: "calendars", "files".
	Segment string
	Kind    resource.Kind
	// Scope is what a login must allow.
	Scope auth.Scope
	// Tree is a drive: /segment/address/folder/folder/file. Otherwise it is
	// /segment/address/collection/member.
	Tree bool
	// Drive is the name of a Tree's collection, which its hrefs do not show.
	Drive string
	// Root is where a Tree begins: resource.Root or resource.TrashRoot.
	Root int64
	// HomeSet is the principal property that names the home, such as
	// CALDAV:calendar-home-set; zero: none does.
	HomeSet xml.Name
	// Types are the resourcetype of a collection beside DAV:collection.
	Types []xml.Name
	// Features are tokens of the DAV header: "calendar-access", "addressbook".
	Features []string
	// MaxBody bounds a PUT, bytes; 0: by the quota alone.
	MaxBody int64
	// ReadOnly refuses PUT, MKCOL, LOCK and being a destination, with this
	// sentence; "" does not. What lies there may be removed and moved away.
	ReadOnly string
}

// Head is one kind of collection: what package dav cannot know of it. Errors that
// are a *[Precondition] are answered as they say; those of package resource by the
// core; all others are faults (500) of which the client learns nothing.
//
// More power comes by the small interfaces below, which a head may have as well.
type Head interface {
	Mount() Mount
	// Ensure makes what every account has from the beginning: a first calendar,
	// a drive. It is called before the first look into a home and remembered for
	// some time.
	Ensure(ctx context.Context, a resource.Account) error
	// Accept takes the body of a PUT: it judges and indexes it and answers what
	// to store. The core has judged the conditions once before, and judges them
	// again when it writes.
	Accept(ctx context.Context, in *Incoming) (resource.Draft, error)
	// MakeCollection judges a collection, or a folder, that is about to be made
	// and may add properties. Not called for the folders above it.
	MakeCollection(ctx context.Context, c *Creation) error
	// Properties are the live properties beside those of RFC 4918, 3744, 6578,
	// 4331 and 5397, which the core has. Asked once.
	Properties() []LiveProperty
	// Reports are those beside sync-collection, expand-property and the
	// principal reports. Asked once.
	Reports() []Report
	// ContentType is the media type of what is stored, with its parameters.
	ContentType(t *Target) string
}

// VirtualHead has collections that are not in the store.
type VirtualHead interface {
	// Virtual lists those of an account's home; usually none but in the own one.
	Virtual(ctx context.Context, a resource.Account) ([]Virtual, error)
}

// Virtual is a read-only collection that a head makes up. Its Collection needs
// Name, CTag and Token; its items ID, Name, ETag, Size and Modified.
type Virtual struct {
	Collection resource.Collection
	Source     Source
}

// Source is the reading side of resource.Service, method by method; a virtual
// collection answers the same.
type Source interface {
	Walk(ctx context.Context, c resource.Collection, root int64, names []string) ([]resource.Item, error)
	Members(ctx context.Context, c resource.Collection, parent int64, after string, limit int) ([]resource.Item, error)
	Named(ctx context.Context, c resource.Collection, parent int64, names []string) ([]resource.Item, error)
	Bodies(ctx context.Context, c resource.Collection, items []resource.Item, f func(i int, body []byte) error) error
	Facts(ctx context.Context, c resource.Collection, items []resource.Item, f func(i int, encoder int16, facts []byte) error) error
	Properties(ctx context.Context, c resource.Collection, ids []int64) (map[int64][]resource.Property, error)
	Changes(ctx context.Context, c resource.Collection, token string, limit int) (resource.Changes, error)
}

// Namer has rules for names. Without it a name is any valid UTF-8 of 1 to 255 bytes
// without control characters, slash, "." and "..", as the core checks first.
type Namer interface {
	// Name judges one decoded segment of a path and answers it as it is stored
	// and looked up (such as in NFC). creating: something is to be made there.
	Name(segment string, creating bool) (string, error)
}

// Remover takes members away in its own manner: into the trash. For collections and
// mounts without it the core removes for good.
type Remover interface {
	Remove(ctx context.Context, t *Target, g resource.Guard) error
}

// Transferrer judges a COPY or MOVE into this head's mount before it is done;
// from is in the same or another mount of the same Kind.
type Transferrer interface {
	Transfer(ctx context.Context, r *Request, from, to *Target) error
}

// Describer adds headers to answers to GET, HEAD and PUT, also to a PUT that was refused,
// which answers what is there ([Request.Wrote]). t.Facts are loaded.
type Describer interface {
	Describe(r *Request, t *Target, h http.Header)
}

// Negotiator answers a GET in another form than the stored one where the Accept header asks
// for it. The ETag stays that of the resource, as in reports that convert.
type Negotiator interface {
	// Negotiate answers the whole content in that form, or nil: as it is stored.
	Negotiate(ctx context.Context, r *Request, t *Target) ([]byte, error)
}

// Refuser turns an error of a write, such as *resource.UIDError, into a
// *[Precondition]. It answers err itself where it has nothing to say.
type Refuser interface {
	Refuse(r *Request, t *Target, err error) error
}

// Browser answers GET on a collection; without it that is 405 with a sentence.
type Browser interface {
	Browse(ctx context.Context, r *Request, t *Target) error
}

// Level says what a Target is; the values are bits, so that a property or report may
// be On several.
type Level uint8

// The levels.
const (
	AtRoot       Level = 1 << iota // "/", "/principals/", "/calendars/"
	AtPrincipal                    // /principals/address/
	AtHome                         // /calendars/address/; a drive's home is its AtCollection
	AtCollection                   // a calendar, an address book, a drive's root
	AtFolder                       // below a drive's root
	AtMember                       // an object, a card, a file
)

// Target is what an href names.
type Target struct {
	Head    Head   // nil AtRoot and AtPrincipal
	Mount   *Mount // nil likewise; "/calendars/" has one
	Level   Level
	Account resource.Account
	// Collection is set from AtCollection on.
	Collection resource.Collection
	// Virtual is not nil where Collection is one of a VirtualHead.
	Virtual *Virtual
	// Exists is false where nothing is: the target of a PUT, MKCOL, COPY.
	// Level is then what it would be, as far as that is known.
	Exists bool
	// Item is the resource itself, AtFolder and AtMember.
	Item resource.Item
	// Folders lead from the root of a drive to where it lies; empty else.
	Folders []resource.Item
	// Names lead from the collection to it, Folders' names and its own; as
	// stored, not encoded.
	Names []string
	// Href is the path as it is to be answered: encoded, with the slash of a
	// collection, by the address that was asked.
	Href string

	// Loaded where a Need, a Describer or the head itself asked for it.
	Body         []byte
	Facts        []byte
	FactsEncoder int16
	Stored       []resource.Property // those kept for it; of a collection too

	source Source
	loaded Need
	mount  *mount
	slash  bool    // the path was asked for with a slash at its end
	orphan bool    // the folder or collection that it would lie in is not there
	base   string  // href of the collection, as it was asked for
	large  *reader // a content that is not loaded into Body
	asked  string  // name of a collection that is not there, in its own account
	person *Person // AtPrincipal
}

// Source reads the collection, be it of the store or virtual.
func (t *Target) Source() Source { return t.source }

// Parent is the ID of the folder that it lies in: Root, TrashRoot or an Item's.
func (t *Target) Parent() int64 {
	if n := len(t.Folders); n > 0 {
		return t.Folders[n-1].ID
	}
	if t.Mount != nil && t.Mount.Tree {
		return t.Mount.Root
	}
	return resource.Root
}

// Large reports whether the content is to be had by Open and not in Body.
func (t *Target) Large() bool { return t.large != nil }

// Open reads a large content from its first byte on, and says how many bytes it has.
func (t *Target) Open() (r io.ReadCloser, size int64, err error) {
	r, err = t.large.open(0, t.large.size)
	return r, t.large.size, err
}

// Name is the last of Names, "" for a collection and above.
func (t *Target) Name() string {
	if n := len(t.Names); n > 0 {
		return t.Names[n-1]
	}
	return ""
}

// Property finds one in Stored.
func (t *Target) Property(name xml.Name) (value []byte, ok bool) {
	for i := range t.Stored {
		if t.Stored[i].Name == name {
			return t.Stored[i].Value, true
		}
	}
	return nil, false
}

// Incoming is the body of a PUT on its way in.
type Incoming struct {
	*Request
	Target *Target
	// Body ends with an error where more than Mount.MaxBody comes, where the
	// client stalls, and where fewer bytes than announced come.
	Body   io.Reader
	Length int64 // announced, bytes; -1: not
}

// Creation is a collection or folder that is about to be made.
type Creation struct {
	*Request
	Target *Target
	// Method is MKCOL or MKCALENDAR.
	Method string
	// Types is the resourcetype of an extended MKCOL without DAV:collection
	// (RFC 5689); nil of a plain one and of MKCALENDAR.
	Types []xml.Name
	// Properties are to be stored with it, each has passed its Set.
	Properties []resource.Property
}

// Need says what of a resource a property wants loaded into its Target; the core
// loads for many resources at once.
type Need uint8

// What may be needed.
const (
	NeedBody Need = 1 << iota
	NeedFacts
	NeedStored
)

// LiveProperty is a property that the server knows the meaning of.
type LiveProperty struct {
	Name xml.Name
	On   Level
	// All puts it into the answer to allprop (RFC 4918 section 14.2 and the
	// head's own specification).
	All  bool
	Need Need
	// Streams says that Value copes with a large content, which is not loaded into
	// Target.Body but read by Target.Open.
	Streams bool
	// Value writes the whole element, and answers false where the resource has
	// no such property. A *Precondition makes it the status of this property.
	// Nil: it is kept among Stored, as Set left it, and not there by default.
	Value func(ctx context.Context, v *Value) (ok bool, err error)
	// Set judges a new value (PROPPATCH, MKCOL, MKCALENDAR) and answers what to
	// store. Nil with a Value: protected (cannot-modify-protected-property).
	// Nil without one: any value is stored as sent.
	Set func(ctx context.Context, c *Change) ([]resource.PropertyChange, error)
}

// Value is one property of one resource on its way out.
type Value struct {
	*Request
	Target *Target
	// Element is the request's, with what it asks for; nil with allprop and
	// propname.
	Element *Element
	XML     *XML
}

// Change is one property on its way in.
type Change struct {
	*Request
	Target *Target
	// Element is the new value; nil with Remove.
	Element  *Element
	Name     xml.Name
	Remove   bool
	Creating bool // by MKCOL or MKCALENDAR
	// Last is for Set to fill in where it changes more than properties: it is called
	// once no change of the PROPPATCH was refused, before what Set answered is stored.
	// MKCOL does not call it. Its errors are as those of Set.
	Last func(ctx context.Context) error
}

// Report is a REPORT by the name of its root element.
type Report struct {
	Name xml.Name
	On   Level
	// Run answers through r: a Multistatus, or Answer.
	Run func(ctx context.Context, r *Request, t *Target, body *Element) error
}

// People finds the principals of the asking person's tenant.
type People interface {
	// Principal finds one by any of its addresses; resource.ErrNotFound.
	Principal(ctx context.Context, p *auth.Principal, address string) (Person, error)
	// Search answers up to limit principals that match, by address, without
	// regard to case; an empty query finds all. more: there are others.
	Search(ctx context.Context, p *auth.Principal, q PeopleQuery, limit int) (found []Person, more bool, err error)
}

// PeopleQuery is what to look for. All of it must hold.
type PeopleQuery struct {
	Names     []string // each is part of the display name
	Addresses []string // each is part of an address
	Types     []UserType
}

// Match tells whether all of it holds for a principal, without regard to case.
func (q PeopleQuery) Match(p *Person) bool {
	for _, part := range q.Names {
		if !within(p.DisplayName, part) {
			return false
		}
	}
	for _, part := range q.Addresses {
		if !within(p.Address, part) && !slices.ContainsFunc(p.Aliases, func(a string) bool { return within(a, part) }) {
			return false
		}
	}
	return !slices.ContainsFunc(q.Types, func(t UserType) bool { return t != p.Type })
}

func within(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// Person is a principal: a person or a shared account.
type Person struct {
	Account     int64
	Address     string // primary
	DisplayName string
	Aliases     []string
	Type        UserType
}

// UserType is what a principal is (RFC 5545 section 3.2.3, CUTYPE).
type UserType string

// The types. A function mailbox is a Group: several people are behind it.
const (
	Individual UserType = "INDIVIDUAL"
	Group      UserType = "GROUP"
	Resource   UserType = "RESOURCE"
	Room       UserType = "ROOM"
)
