package message

// Message is what one pass over a message found. Nothing in this package changes it afterwards, so it may be read by
// many at once.
type Message struct {
	Size        int64 // bytes of the whole message
	Lines       int64 // line feeds in the whole message
	LongestLine int64 // bytes of the longest line, its line end not counted
	Flags       Flags
	Received    int // Received fields of the message's own header, for loop detection (RFC 5321 6.3)

	Envelope   *Envelope // of the message itself, never nil
	References []string  // message identifiers with their angle brackets: the first and the last ones, at most 100
	Root       *Part     // the message as a part: its header is the message header; never nil
}

// Flags tell what a message's bytes are like, as a set of bits.
type Flags uint16

const (
	HasNUL        Flags = 1 << iota // a NUL byte: only BINARY[] and BINARYMIME carry it
	Has8bit                         // a byte above 127 anywhere
	HasBareCR                       // a carriage return that no line feed follows
	HasBareLF                       // a line feed that follows no carriage return
	Header8bit                      // a byte above 127 in a header: needs SMTPUTF8 (RFC 6531) or is not valid
	UnclosedParts                   // a multipart lacks its closing delimiter
	Truncated                       // a limit was reached: some structure is not shown
)

// Has tells whether every bit of f is set.
func (s Flags) Has(f Flags) bool { return s&f == f }

// Part is one entity of a message (RFC 2045 2.4): a leaf, a multipart with Children, or an embedded message with
// Envelope and Embedded. Offsets count bytes from the start of the whole message.
type Part struct {
	Type, Subtype string // lower case; "text", "plain" when absent or broken
	Params        []Param
	ID            string // Content-ID as received
	Description   string // Content-Description as received, unfolded
	Encoding      string // Content-Transfer-Encoding in lower case; empty when absent, which means 7bit
	MD5           string

	Disposition       string // lower case; empty when absent
	DispositionParams []Param
	Language          []string
	Location          string

	Offset     int64 // where the part's header begins
	BodyOffset int64 // where the body begins, past the blank line
	End        int64 // where the body ends; the line end before a delimiter belongs to the delimiter
	Lines      int64 // line feeds in the body

	Children []*Part   // of a multipart; empty when none was found
	Envelope *Envelope // of the message embedded in a message/rfc822 or message/global part, else nil
	Embedded *Part     // the embedded message as a part, nil exactly when Envelope is
}

// Param is a parameter of a Content-Type or Content-Disposition field, as received (RFC 2231 forms are not joined;
// see [DecodeParam]), quotes and comments taken away.
type Param struct{ Name, Value string }

// Size returns the bytes of the part's body as transferred.
func (p *Part) Size() int64 { return p.End - p.BodyOffset }

// Header returns the range of the part's own header, blank line included.
func (p *Part) Header() Span { return Span{p.Offset, p.BodyOffset} }

// Body returns the range of the part's body.
func (p *Part) Body() Span { return Span{p.BodyOffset, p.End} }

// IsMultipart tells whether the part has type multipart and parts were found in it.
func (p *Part) IsMultipart() bool { return len(p.Children) > 0 }

// Span is a range of bytes of the message: Start inclusive, End exclusive.
type Span struct{ Start, End int64 }

// Len returns the number of bytes in the range.
func (s Span) Len() int64 { return s.End - s.Start }
