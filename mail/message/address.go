package message

import "strings"

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

// Addr returns local-part@domain without the name: the local part quoted where RFC 5321 4.1.2 asks it, no "@" when
// there is no domain. It is empty for the start or end of a group.
func (a Address) Addr() string {
	if a.Kind != Mailbox {
		return ""
	}
	local := a.Mailbox
	if !isDotString(local) {
		local = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
	}
	if a.Host == "" {
		return local
	}
	return local + "@" + a.Host
}

// isDotString tells whether s is a Dot-string of RFC 5321 4.1.2, non-ASCII letters (RFC 6531) included.
func isDotString(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f || strings.IndexByte(`()<>[]:;@\,"`, s[i]) >= 0 {
			return false
		}
	}
	return true
}

// ParseAddressList reads an address list (RFC 5322 3.4 and 4.4) from a field body, folded or not, leniently, in
// linear time; it returns at most limit elements and tells whether that was all. The start and the end of a group are
// elements too, and an end comes for each start, even where it exceeds limit by one.
func ParseAddressList(body string, limit int) (list []Address, complete bool) {
	if strings.IndexByte(body, '\n') >= 0 {
		body = Unfold([]byte(body))
	}
	r := addressReader{s: body, limit: limit, complete: true}
	r.read()
	return r.list, r.complete
}

// addressReader reads an address list in one pass. Between two commas it gathers what it sees twice: as a phrase,
// should it prove to be a display name, and as an address, should it prove to be one without angle brackets.
type addressReader struct {
	s        string
	pos      int
	limit    int
	list     []Address
	complete bool
	inGroup  bool

	phrase                 []byte // every word so far, single spaces between
	local                  []byte // the latest word, with what is joined to it by dots
	host                   []byte
	nameLen                int    // how much of phrase stands before local
	at                     bool   // an @ was seen: local is complete
	spaced                 bool   // white space or a comment since the last word
	quoted                 bool   // a quoted string was seen: even an empty one is a word
	comment                string // the latest comment
	openQuote, openComment bool   // one without an end was met

	afterAngle bool // an address in angle brackets ended and no comma came since: loose words are junk
}

func (r *addressReader) read() {
	for r.pos < len(r.s) && r.complete {
		switch c := r.s[r.pos]; c {
		case ' ', '\t', '\r', '\n':
			r.pos++
			r.spaced = true
		case '(':
			r.readComment()
		case '"':
			if word, ok := r.readQuoted(); ok {
				r.quoted = true
				r.word(word)
			}
		case '<':
			r.readAngle()
		case ',':
			r.pos++
			r.endItem()
			r.afterAngle = false
		case ';':
			r.pos++
			r.endItem()
			r.endGroup()
			r.afterAngle = false
		case ':':
			r.pos++
			if r.at || r.inGroup {
				r.word(":")
			} else {
				r.startGroup()
			}
		case '@':
			r.pos++
			r.readAt()
		default:
			start := r.pos
			for r.pos < len(r.s) && strings.IndexByte(" \t\r\n(\"<,;:@", r.s[r.pos]) < 0 {
				r.pos++
			}
			r.word(r.s[start:r.pos])
		}
	}
	r.endItem()
	r.endGroup()
}

// word adds a word to the phrase and to the local part or the domain. Space may stand round a dot (obs-local-part,
// obs-domain); any other space begins a new word.
func (r *addressReader) word(w string) {
	before := len(r.phrase)
	if r.spaced && before > 0 {
		r.phrase = append(r.phrase, ' ')
	}
	r.phrase = append(r.phrase, w...)

	part := &r.local
	if r.at {
		part = &r.host
	}
	joined := !r.spaced || len(*part) == 0 || (*part)[len(*part)-1] == '.' || strings.HasPrefix(w, ".")
	switch {
	case !r.at && !joined || before == 0:
		r.local = append(r.local[:0], w...)
		r.nameLen = before
	case joined:
		*part = append(*part, w...)
	}
	r.spaced = false
}

// readAt takes the @ between local part and domain. Of several the last one counts.
func (r *addressReader) readAt() {
	if r.at {
		r.local = append(append(r.local, '@'), r.host...)
		r.host = r.host[:0]
	}
	r.at = true
	r.phrase = append(r.phrase, '@')
	r.spaced = false
}

// readQuoted reads a quoted string. One that never ends would swallow the addresses behind it, so its quote alone is
// passed over, and looked for no more.
func (r *addressReader) readQuoted() (word string, ok bool) {
	if !r.openQuote {
		word, end, closed := unquote(r.s, r.pos)
		if closed {
			r.pos = end
			return word, true
		}
		r.openQuote = true
	}
	r.pos++
	return "", false
}

// readComment passes over a comment and keeps its text: it is the name of an address without angle brackets. One that
// never ends is treated like such a quoted string.
func (r *addressReader) readComment() {
	r.spaced = true
	if !r.openComment {
		end, closed := skipComment(r.s, r.pos)
		if closed {
			if text := strings.TrimSpace(unescape(r.s[r.pos+1 : end-1])); text != "" {
				r.comment = text
			}
			r.pos = end
			return
		}
		r.openComment = true
	}
	r.pos++
}

// readAngle reads an angle-addr, with or without its end, and gives the address.
func (r *addressReader) readAngle() {
	a := Address{Name: string(r.phrase)}
	r.reset()
	r.pos++
	a.Route = r.readRoute()
	r.readAngleAddr()
	if r.pos < len(r.s) && r.s[r.pos] == '>' {
		r.pos++
	}
	a.Mailbox, a.Host = string(r.local), string(r.host)
	if a.Name != "" || a.Mailbox != "" || a.Host != "" {
		r.emit(a)
	}
	r.reset()
	r.afterAngle = true
}

// readAngleAddr gathers local part and domain up to what ends the angle brackets.
func (r *addressReader) readAngleAddr() {
	for r.pos < len(r.s) {
		c := r.s[r.pos]
		switch {
		case c == '>' || c == '<' || c == ',' && r.at:
			return
		case isSpace(c):
			r.pos++
		case c == '(':
			r.readComment()
		case c == '"' && !r.at:
			word, _ := r.readQuoted()
			r.local = append(r.local, word...)
		case c == '@':
			r.pos++
			r.readAt()
		default:
			r.pos++
			if r.at {
				r.host = append(r.host, c)
			} else {
				r.local = append(r.local, c)
			}
		}
	}
}

// readRoute takes a source route and its colon, if one begins here.
func (r *addressReader) readRoute() string {
	for r.pos < len(r.s) && isSpace(r.s[r.pos]) {
		r.pos++
	}
	if r.pos == len(r.s) || r.s[r.pos] != '@' {
		return ""
	}
	// Looking ahead ends at the next angle bracket, so no byte is looked at often.
	n := strings.IndexAny(r.s[r.pos:], ":<>\"")
	if n < 0 || r.s[r.pos+n] != ':' {
		return ""
	}
	route := strings.Join(strings.Fields(r.s[r.pos:r.pos+n]), "")
	r.pos += n + 1
	return route
}

// endItem gives what was gathered since the last comma, if it is an address.
func (r *addressReader) endItem() {
	switch {
	case r.at:
		name := strings.TrimSpace(string(r.phrase[:r.nameLen]))
		if name == "" {
			name = r.comment
		}
		if len(r.local) > 0 || len(r.host) > 0 {
			r.emit(Address{Name: name, Mailbox: string(r.local), Host: string(r.host)})
		}
	case len(r.phrase) > 0 && !r.afterAngle && r.nameLen > 0:
		r.emit(Address{Name: string(r.phrase)}) // several words are a name whose address is missing
	case len(r.phrase) > 0 && !r.afterAngle:
		r.emit(Address{Name: r.comment, Mailbox: string(r.local)})
	}
	r.reset()
}

func (r *addressReader) startGroup() {
	if len(r.phrase) == 0 && !r.quoted {
		r.reset()
		return
	}
	r.emit(Address{Kind: GroupStart, Mailbox: string(r.phrase)})
	r.inGroup = r.complete
	r.reset()
	r.afterAngle = false
}

func (r *addressReader) endGroup() {
	if r.inGroup {
		r.list = append(r.list, Address{Kind: GroupEnd})
		r.inGroup = false
	}
}

func (r *addressReader) emit(a Address) {
	if len(r.list) >= r.limit {
		r.complete = false
		return
	}
	r.list = append(r.list, a)
}

func (r *addressReader) reset() {
	r.phrase, r.local, r.host = r.phrase[:0], r.local[:0], r.host[:0]
	r.nameLen, r.at, r.spaced, r.quoted, r.comment = 0, false, false, false, ""
}
