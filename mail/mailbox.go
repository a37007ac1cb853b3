package mail

import "strconv"

// Inbox is the name of the mailbox that every account has.
const Inbox = "INBOX"

// Separator stands between the levels of a mailbox name.
const Separator = "/"

// OtherUsers is the first level under which heads show granted accounts
// (RFC 2342); no account may have a mailbox of that name.
const OtherUsers = "Other Users"

// Special uses (RFC 6154) as kept in Mailbox.SpecialUse.
const (
	Sent    = "sent"
	Drafts  = "drafts"
	Trash   = "trash"
	Junk    = "junk"
	Archive = "archive"
)

// Mailbox is a mailbox with its counters, all read in one snapshot.
type Mailbox struct {
	ID          int64
	Name        string // UTF-8 (NFC), levels joined by "/", or "INBOX"
	SpecialUse  string // one of the special uses above, or empty
	Subscribed  bool   // by the person of the Access
	UIDValidity uint32
	UIDNext     uint32
	// HighestModSeq of the messages and of what was expunged (RFC 7162); at least 1.
	HighestModSeq uint64
	Messages      uint32
	Unseen        uint32 // messages without \Seen
	Deleted       uint32 // messages with \Deleted (RFC 9051 6.3.11, STATUS DELETED)
	Size          int64  // bytes of all messages (RFC 8438)
}

// MailboxID is the identifier of RFC 8474: it survives RENAME.
func (m Mailbox) MailboxID() string { return ObjectIDString('F', m.ID) }

// ObjectIDString is an identifier in the sense of RFC 8474: prefix 'F' for a
// mailbox, 'M' for a message's EMAILID, 'T' for its THREADID.
func ObjectIDString(prefix byte, id int64) string {
	return string(prefix) + strconv.FormatInt(id, 36)
}

// ParseObjectID reads what ObjectIDString wrote with that prefix.
func ParseObjectID(prefix byte, s string) (int64, bool) {
	if len(s) < 2 || s[0] != prefix {
		return 0, false
	}
	id, err := strconv.ParseInt(s[1:], 36, 64)
	if err != nil || ObjectIDString(prefix, id) != s {
		return 0, false
	}
	return id, true
}

// Quota is what an account uses and may use. A limit of 0 is none.
type Quota struct {
	UsedBytes, LimitBytes       int64
	UsedMessages, LimitMessages int64
}
