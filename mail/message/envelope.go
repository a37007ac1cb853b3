package message

// Envelope holds a message's header fields in the sense of IMAP's ENVELOPE (RFC 9051 7.5.2): texts as received but
// unfolded, encoded words not decoded, the first field where a name occurs twice.
type Envelope struct {
	Present   EnvelopeFields // which of the four texts below had a field, for NIL and "" differ
	Date      string
	Subject   string
	InReplyTo string
	MessageID string

	From []Address
	// Sender and ReplyTo are From's where their own field is absent or empty.
	Sender, ReplyTo []Address
	To, Cc, Bcc     []Address
}

// EnvelopeFields is a set of text fields that a header had, be they empty.
type EnvelopeFields uint8

const (
	HasDate EnvelopeFields = 1 << iota
	HasSubject
	HasInReplyTo
	HasMessageID
)
