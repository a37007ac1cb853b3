package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// normal turns the responses to one command into lines that are equal when their
// meaning is. What it passes over, because the RFCs leave it to a server:
//
//   - human-readable text, and untagged OK without a response code;
//   - the order of untagged data between two expunges, of FETCH items, flags,
//     STATUS items and search results; whether one message's items come in one
//     FETCH or two (RFC 9051, 7.5.2);
//   - the way to write a set, or a run of EXPUNGE responses;
//   - values of UIDVALIDITY, MODSEQ, and the zone of INTERNALDATE;
//   - \Recent and RECENT, which RFC 9051 abolished (appendix E);
//   - the case of words and of MIME types.
//
// UIDs stay: in a new mailbox both servers number from 1 without a gap.
func normal(lines []string) []string {
	var out []string
	seg := segment{fetched: map[int]map[string]string{}}
	for _, line := range lines {
		line = strings.TrimPrefix(line, "* ")
		words := parse(line)
		if len(words) == 0 {
			continue
		}
		n, err := strconv.Atoi(words[0].atom)
		if err == nil && len(words) > 1 && strings.EqualFold(words[1].atom, "EXPUNGE") {
			if len(seg.lines)+len(seg.fetched) > 0 {
				out = append(out, seg.flush()...)
			}
			seg.expunge(n)
			continue
		}
		out = append(out, seg.flushExpunged()...)
		switch {
		case words[0].atom == "TAG":
			out = append(append(out, seg.flush()...), status("TAG ", strings.TrimPrefix(line, "TAG ")))
		case err == nil && len(words) == 3 && strings.EqualFold(words[1].atom, "FETCH"):
			seg.fetch(n, words[2].list)
		default:
			seg.add(untagged(line, words))
		}
	}
	out = append(out, seg.flushExpunged()...)
	return append(out, seg.flush()...)
}

// segment is what came between two runs of EXPUNGE.
type segment struct {
	lines   []string
	fetched map[int]map[string]string
	left    []int // sequence numbers before the run of EXPUNGE that are still there
	gone    []int
}

func (s *segment) add(line string) {
	if line != "" && !slices.Contains(s.lines, line) {
		s.lines = append(s.lines, line)
	}
}

func (s *segment) expunge(n int) {
	if s.left == nil {
		for i := 1; i <= 1000; i++ {
			s.left = append(s.left, i)
		}
	}
	if n < 1 || n > len(s.left) {
		s.gone = append(s.gone, -n)
		return
	}
	s.gone = append(s.gone, s.left[n-1])
	s.left = slices.Delete(s.left, n-1, n)
}

func (s *segment) flushExpunged() []string {
	if s.gone == nil {
		return nil
	}
	slices.Sort(s.gone)
	line := fmt.Sprint("EXPUNGED ", s.gone)
	s.gone, s.left = nil, nil
	return []string{line}
}

func (s *segment) fetch(n int, items []node) {
	if s.fetched[n] == nil {
		s.fetched[n] = map[string]string{}
	}
	for i := 0; i+1 < len(items); i += 2 {
		name := strings.ReplaceAll(strings.ToUpper(items[i].atom), `"`, "")
		s.fetched[n][name] = fetchValue(name, items[i+1])
	}
}

func (s *segment) flush() []string {
	for n, items := range s.fetched {
		var words []string
		for name, value := range items {
			words = append(words, name+" "+value)
		}
		slices.Sort(words)
		s.lines = append(s.lines, fmt.Sprintf("%03d FETCH %s", n, strings.Join(words, " ")))
	}
	slices.Sort(s.lines)
	out := s.lines
	s.lines, s.fetched = nil, map[int]map[string]string{}
	return out
}

func fetchValue(name string, v node) string {
	switch name {
	case "FLAGS":
		return flags(v)
	case "MODSEQ":
		return "(N)"
	case "INTERNALDATE", "SAVEDATE":
		at, err := time.Parse("_2-Jan-2006 15:04:05 -0700", v.text)
		if err != nil {
			return "BROKEN " + v.String()
		}
		if name == "SAVEDATE" { // the test's own time
			return "now"
		}
		return at.UTC().Format(time.RFC3339)
	case "BODY", "BODYSTRUCTURE":
		return structure(v).String()
	}
	return v.String()
}

func flags(v node) string {
	var out []string
	for _, f := range v.list {
		if f := strings.ToLower(f.atom); f != `\recent` {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return "(" + strings.Join(slices.Compact(out), " ") + ")"
}

// structure folds the case of types, encodings and parameter names.
func structure(v node) node {
	l := slices.Clone(v.list)
	v.list = l
	i := 0
	for i < len(l) && l[i].isList && len(l) > 1 && !l[0].isText {
		l[i] = structure(l[i])
		i++
	}
	if i > 0 { // multipart: parts, subtype, then extension data
		if i < len(l) {
			l[i].text = strings.ToLower(l[i].text)
		}
		if i+1 < len(l) {
			l[i+1] = parameters(l[i+1])
		}
		return v
	}
	if len(l) < 7 {
		return v
	}
	l[0].text, l[1].text, l[5].text = strings.ToLower(l[0].text), strings.ToLower(l[1].text), strings.ToLower(l[5].text)
	l[2] = parameters(l[2])
	if l[0].text == "message" && l[1].text == "rfc822" && len(l) > 8 {
		l[8] = structure(l[8])
	}
	return v
}

func parameters(v node) node {
	v.list = slices.Clone(v.list)
	for i := 0; i < len(v.list); i += 2 {
		v.list[i].text = strings.ToLower(v.list[i].text)
	}
	return v
}

// status is OK, NO, BAD, BYE or PREAUTH with the response code, without text.
func status(prefix, line string) string {
	word, rest, _ := strings.Cut(line, " ")
	word = strings.ToUpper(word)
	if !strings.HasPrefix(rest, "[") {
		return prefix + word
	}
	code, _, _ := strings.Cut(rest[1:], "]")
	words := parse(code)
	if len(words) == 0 {
		return prefix + word
	}
	switch name := words[0].String(); name {
	case "CAPABILITY":
		return prefix + word
	case "UIDVALIDITY", "HIGHESTMODSEQ":
		code = name + " N"
	case "APPENDUID":
		code = name + " N " + set(words[2].atom)
	case "COPYUID":
		code = name + " N " + set(words[2].atom) + " " + set(words[3].atom)
	case "MODIFIED":
		code = name + " " + set(words[1].atom)
	case "PERMANENTFLAGS":
		code = name + " " + flags(words[1])
	case "BADCHARSET":
		code = name // the list of charsets is a server's own
	default:
		code = join(words)
	}
	return prefix + word + " [" + code + "]"
}

func untagged(line string, words []node) string {
	switch name := strings.ToUpper(words[0].atom); name {
	case "OK", "NO", "BAD", "BYE":
		if s := status("", line); s != "OK" {
			return s
		}
		return ""
	case "+":
		return "+"
	case "FLAGS":
		return "FLAGS " + flags(words[1])
	case "LIST", "LSUB":
		out := name + " " + flags(words[1]) + " " + words[2].String() + " " + strconv.Quote(words[3].value())
		return out + extended(words[4:])
	case "STATUS":
		return "STATUS " + strconv.Quote(words[1].value()) + " " + pairs(words[2].list)
	case "SEARCH":
		return "SEARCH" + search(words[1:])
	case "ESEARCH":
		return "ESEARCH" + esearch(words[1:])
	case "VANISHED":
		return strings.TrimSuffix("VANISHED "+join(words[1:len(words)-1]), " ") + " " + set(words[len(words)-1].atom)
	case "ID":
		return "ID" // who it is
	case "NAMESPACE":
		return "NAMESPACE " + shape(words[1:])
	case "CAPABILITY":
		return ""
	}
	if len(words) == 2 && strings.EqualFold(words[1].atom, "RECENT") {
		return ""
	}
	return join(words)
}

func extended(words []node) string {
	if len(words) == 0 {
		return ""
	}
	return " " + strings.ToUpper(strings.ReplaceAll(join(words), `"`, "")) // CHILDINFO may be quoted
}

func pairs(list []node) string {
	var out []string
	for i := 0; i+1 < len(list); i += 2 {
		name, value := list[i].String(), list[i+1].String()
		if name == "UIDVALIDITY" || name == "HIGHESTMODSEQ" {
			value = "N"
		}
		if name != "RECENT" {
			out = append(out, name+" "+value)
		}
	}
	slices.Sort(out)
	return "(" + strings.Join(out, ", ") + ")"
}

func search(words []node) string {
	var numbers []int
	modseq := ""
	for _, w := range words {
		if w.isList {
			modseq = " (MODSEQ N)"
		} else if n, err := strconv.Atoi(w.atom); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return fmt.Sprint(" ", numbers) + modseq
}

func esearch(words []node) string {
	var out []string
	for i := 0; i < len(words); i++ {
		switch name := words[i].String(); {
		case words[i].isList: // the command's tag
		case name == "UID":
			out = append(out, name)
		case i+1 < len(words):
			i++
			value := words[i].String()
			switch name {
			case "ALL":
				value = set(words[i].atom)
			case "MODSEQ":
				value = "N"
			}
			out = append(out, name+" "+value)
		}
	}
	slices.Sort(out)
	return " " + strings.Join(out, ", ")
}

// set writes every number of a set, in the order given.
func set(s string) string {
	var out []string
	for _, part := range strings.Split(s, ",") {
		low, high, isRange := strings.Cut(part, ":")
		a, err1 := strconv.Atoi(low)
		b, err2 := strconv.Atoi(high)
		if !isRange || err1 != nil || err2 != nil || max(a, b)-min(a, b) > 1000 {
			out = append(out, part)
			continue
		}
		for n := min(a, b); n <= max(a, b); n++ {
			out = append(out, strconv.Itoa(n))
		}
	}
	return strings.Join(out, ",")
}

// shape of a NAMESPACE: personal must be there; what else there is, is the
// installation's.
func shape(words []node) string {
	if len(words) != 3 || !words[0].isList || len(words[0].list) == 0 {
		return "BROKEN " + join(words)
	}
	return words[0].list[0].String()
}
