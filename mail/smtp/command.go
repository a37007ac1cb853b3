package smtp

import "strings"

// command is a line split into its verb, in upper case, and the rest.
type command struct{ verb, rest string }

// parseCommand never fails: an unknown verb is answered by the session.
func parseCommand(line string) command {
	verb, rest, _ := strings.Cut(line, " ")
	if len(verb) > 16 {
		verb = "" // no command is as long; keep it out of comparisons
	}
	return command{strings.ToUpper(verb), strings.Trim(rest, " \t")}
}

// pathArgument reads "FROM:<path> params" or "TO:<path> params". A blank after
// the colon is let pass: clients send it.
func pathArgument(rest, keyword string) (p path, params string, ok bool) {
	if len(rest) <= len(keyword) || !strings.EqualFold(rest[:len(keyword)], keyword) || rest[len(keyword)] != ':' {
		return path{}, "", false
	}
	p, params, err := parsePath(strings.TrimLeft(rest[len(keyword)+1:], " "))
	if err != nil || params != "" && params[0] != ' ' {
		return path{}, "", false
	}
	return p, params, true
}

// validHello checks the argument of HELO, EHLO and LHLO. Clients send all
// kinds of names; what would break a header field is refused.
func validHello(s string) bool {
	if s == "" || len(s) > maxDomain {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>\",;`, c) >= 0 {
			return false
		}
	}
	return true
}
