package message

// Limits bound what a [Scanner] keeps in memory. A zero field means its default. Messages beyond a limit are still
// read to their end: what exceeds it is counted, not parsed, and the message is marked [Truncated].
type Limits struct {
	// HeaderBytes is how many bytes of fields this package interprets are kept, over all headers of the message.
	// Fields it does not interpret cost nothing. Default 1 MiB.
	HeaderBytes int
	// Depth is how many multiparts and embedded messages may be nested; deeper ones are leaves. Default 100.
	Depth int
	// Parts is how many parts are told apart; the last one then holds what follows it. Default 10,000.
	Parts int
	// Addresses is how many addresses are kept over all envelopes of the message. Default 10,000.
	Addresses int
}

const (
	defaultHeaderBytes = 1 << 20
	defaultDepth       = 100
	defaultParts       = 10_000
	defaultAddresses   = 10_000

	// maxBoundary is the longest boundary honoured. RFC 2046 5.1.1 allows 70 bytes; 7 KB have been seen.
	maxBoundary = 16 << 10
	// maxParams bounds the parameters kept of one Content-Type or Content-Disposition field.
	maxParams = 256
	// maxLanguages bounds the tags kept of one Content-Language field.
	maxLanguages = 64
	// maxReferences bounds the message identifiers kept of References: the first and the last ones.
	maxReferences = 100
	// maxMessageID is the longest message identifier that ties messages to a thread: one line (RFC 5322 2.1.1).
	maxMessageID = 998
)

func (l Limits) withDefaults() Limits {
	if l.HeaderBytes <= 0 {
		l.HeaderBytes = defaultHeaderBytes
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	if l.Parts <= 0 {
		l.Parts = defaultParts
	}
	if l.Addresses <= 0 {
		l.Addresses = defaultAddresses
	}
	// UnmarshalBinary refuses what lies beyond the defaults, so no message may be read with wider ones.
	l.Depth = min(l.Depth, defaultDepth)
	l.Parts = min(l.Parts, defaultParts)
	l.Addresses = min(l.Addresses, defaultAddresses)
	return l
}
