package smtp

import (
	"fmt"
	"strconv"
	"strings"
)

// reply is an answer with its enhanced status code (RFC 2034, RFC 3463); an
// empty code sends none, as for the greeting, EHLO and 3yz.
type reply struct {
	code     int
	enhanced string
	text     string // lines are separated by "\n"
}

func say(code int, enhanced, text string) reply {
	return reply{code: code, enhanced: enhanced, text: text}
}

func sayf(code int, enhanced, format string, args ...any) reply {
	return reply{code: code, enhanced: enhanced, text: fmt.Sprintf(format, args...)}
}

// ok reports whether the reply is positive.
func (r reply) ok() bool { return r.code < 400 }

// encode writes the reply in wire form (RFC 5321 4.2), every line prefixed.
func (r reply) encode() string {
	var b strings.Builder
	lines := strings.Split(r.text, "\n")
	for i, line := range lines {
		b.WriteString(strconv.Itoa(r.code))
		if i == len(lines)-1 {
			b.WriteByte(' ')
		} else {
			b.WriteByte('-')
		}
		if r.enhanced != "" {
			b.WriteString(r.enhanced)
			b.WriteByte(' ')
		}
		b.WriteString(line)
		b.WriteString("\r\n")
	}
	return b.String()
}

// Replies that more than one command gives.
var (
	replyOK          = say(250, "2.0.0", "OK")
	replyBadSequence = say(503, "5.5.1", "Bad sequence of commands")
	replyTemporary   = say(451, "4.3.0", "Temporarily unavailable, try again later")
	replyNoSpace     = say(452, "4.3.1", "The message could not be kept now, try again later")
	replyTooLarge    = say(552, "5.3.4", "Message is larger than the limit")
	replyBareCRLF    = say(554, "5.6.11", "Message holds a CR or LF that is not part of a CRLF")
	replyLoop        = say(554, "5.4.6", "Routing loop detected")
	replyNoRcpt      = say(554, "5.5.1", "No valid recipients")
	replyShutdown    = say(421, "4.3.2", "Service is shutting down")
	replyTimeout     = say(421, "4.4.2", "Timeout, closing the connection")
	replyTooMany     = say(421, "4.7.0", "Too many errors, closing the connection")
)
