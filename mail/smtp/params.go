package smtp

import (
	"strconv"
	"strings"
)

// bodyType is the BODY parameter (RFC 6152, RFC 3030).
type bodyType uint8

const (
	body7bit bodyType = iota
	body8bit
	bodyBinary
)

// mailParams are the parameters of MAIL.
type mailParams struct {
	size  int64 // SIZE, 0 if not given (RFC 1870)
	body  bodyType
	utf8  bool
	ret   string // "", "FULL", "HDRS" (RFC 3461 4.3)
	envid string // decoded (RFC 3461 4.4)
}

// rcptParams are the parameters of RCPT.
type rcptParams struct {
	notify string // "", "NEVER" or a list in a fixed order (RFC 3461 4.1)
	orcpt  string // addr-type ";" xtext as sent (RFC 3461 4.2)
}

const (
	maxParams     = 16
	maxENVID      = 100 // RFC 3461 4.4
	maxORCPT      = 500 // RFC 3461 4.2
	maxSizeDigits = 20  // RFC 1870 3
)

var (
	replyBadParam     = say(501, "5.5.4", "Malformed parameter")
	replyUnknownParam = say(555, "5.5.4", "Parameter is not recognised")
)

// param is an esmtp-param (RFC 5321 4.1.2), its keyword in upper case.
type param struct {
	keyword, value string
	hasValue       bool
}

// splitParams reads the parameters that follow a path. Each may stand once.
func splitParams(s string) ([]param, bool) {
	var list []param
	for word := range strings.SplitSeq(strings.Trim(s, " \t"), " ") {
		if word == "" {
			continue
		}
		keyword, value, has := strings.Cut(word, "=")
		p := param{strings.ToUpper(keyword), value, has}
		if len(list) == maxParams || !validKeyword(keyword) || has && !validValue(value) {
			return nil, false
		}
		for _, other := range list {
			if other.keyword == p.keyword {
				return nil, false
			}
		}
		list = append(list, p)
	}
	return list, true
}

func validKeyword(s string) bool {
	if s == "" || s[0] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '-' && !isAlnum(s[i]) {
			return false
		}
	}
	return true
}

// validValue checks an esmtp-value. "=" is no part of it, but clients send
// AUTH=<...> and xtext with it; it does no harm.
func validValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}

// parseMailParams reads MAIL's parameters; binary says whether BODY=BINARYMIME
// is offered, auth whether AUTH= is.
func parseMailParams(s string, binary, auth bool) (mailParams, reply) {
	var m mailParams
	list, good := splitParams(s)
	if !good {
		return m, replyBadParam
	}
	for _, p := range list {
		switch p.keyword {
		case "SIZE":
			n, err := strconv.ParseUint(p.value, 10, 63)
			if err != nil || len(p.value) > maxSizeDigits || p.value[0] == '+' {
				return m, replyBadParam
			}
			m.size = int64(n)
		case "BODY":
			switch v := strings.ToUpper(p.value); {
			case v == "7BIT":
			case v == "8BITMIME":
				m.body = body8bit
			case v == "BINARYMIME" && binary:
				m.body = bodyBinary
			default:
				return m, replyBadParam
			}
		case "SMTPUTF8":
			if p.hasValue {
				return m, replyBadParam
			}
			m.utf8 = true
		case "RET":
			m.ret = strings.ToUpper(p.value)
			if m.ret != "FULL" && m.ret != "HDRS" {
				return m, replyBadParam
			}
		case "ENVID":
			v, valid := decodeXtext(p.value)
			if !valid || v == "" || len(p.value) > maxENVID {
				return m, replyBadParam
			}
			m.envid = v
		case "AUTH": // RFC 4954 5: read and not relied upon
			if !auth || !p.hasValue {
				return m, replyUnknownParam
			}
		default:
			return m, replyUnknownParam
		}
	}
	return m, replyOK
}

// parseRcptParams reads RCPT's parameters.
func parseRcptParams(s string) (rcptParams, reply) {
	var r rcptParams
	list, good := splitParams(s)
	if !good {
		return r, replyBadParam
	}
	for _, p := range list {
		switch p.keyword {
		case "NOTIFY":
			if r.notify, good = parseNotify(p.value); !good {
				return r, replyBadParam
			}
		case "ORCPT":
			kind, address, found := strings.Cut(p.value, ";")
			if !found || !validKeyword(kind) || len(p.value) > maxORCPT {
				return r, replyBadParam
			}
			// Type utf-8 has an encoding of its own (RFC 6533 3), a superset of xtext.
			if _, valid := decodeXtext(address); !valid && !strings.EqualFold(kind, "utf-8") || address == "" {
				return r, replyBadParam
			}
			r.orcpt = p.value
		default:
			return r, replyUnknownParam
		}
	}
	return r, replyOK
}

func parseNotify(v string) (string, bool) {
	v = strings.ToUpper(v)
	if v == "NEVER" {
		return v, true
	}
	var success, failure, delay bool
	for word := range strings.SplitSeq(v, ",") {
		var flag *bool
		switch word {
		case "SUCCESS":
			flag = &success
		case "FAILURE":
			flag = &failure
		case "DELAY":
			flag = &delay
		default:
			return "", false
		}
		if *flag {
			return "", false
		}
		*flag = true
	}
	return notifyOf(success, failure, delay), true
}

// notifyOf writes a NOTIFY list in its fixed order.
func notifyOf(success, failure, delay bool) string {
	var words []string
	if success {
		words = append(words, "SUCCESS")
	}
	if failure {
		words = append(words, "FAILURE")
	}
	if delay {
		words = append(words, "DELAY")
	}
	return strings.Join(words, ",")
}

// widerNotify is what tells of everything that either of two tells of. Without the
// parameter failure and delay are told (RFC 3461 4.1).
func widerNotify(a, b string) string {
	if a == b {
		return a
	}
	has := func(word string) bool {
		for _, list := range []string{a, b} {
			if list == "" && word != "SUCCESS" || strings.Contains(list, word) {
				return true
			}
		}
		return false
	}
	return notifyOf(has("SUCCESS"), has("FAILURE"), has("DELAY"))
}

// decodeXtext reads xtext (RFC 3461 4): printable ASCII, "+" and two upper-case
// hexadecimal digits for the rest. Control characters are refused: what is
// decoded here goes into header fields of reports.
func decodeXtext(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '+':
			if i+2 >= len(s) {
				return "", false
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			c = byte(n)
			i += 2
		case '=':
			return "", false
		}
		if c < ' ' || c >= 0x7f {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}
