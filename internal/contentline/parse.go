package contentline

import "strings"

// parse takes a logical line apart:
//
//	[group "."] name *(";" param) ":" value
func (r *Reader) parse(text string, number int) (Line, error) {
	fail := func(reason string) (Line, error) {
		return Line{}, &SyntaxError{Line: number, Reason: reason}
	}
	if strings.IndexByte(text, 0) >= 0 {
		return fail("there is a NUL character")
	}
	line := Line{Number: number}
	at := strings.IndexAny(text, ":;")
	if at < 0 {
		return fail("there is no colon")
	}
	name := text[:at]
	if dot := strings.IndexByte(name, '.'); dot >= 0 {
		line.Group, name = name[:dot], name[dot+1:]
	}
	if !validName(name) || line.Group != "" && !validName(line.Group) {
		return fail("the property's name is missing or has characters that names cannot have")
	}
	line.Name = upper(name)
	r.params.begin()
	values := 0
	for text[at] == ';' {
		param, next, reason := r.param(text, at+1)
		if reason != "" {
			return fail(reason)
		}
		if values += len(param.Values); r.limits.Params > 0 && values > r.limits.Params {
			return fail("there are too many parameters")
		}
		at = next
		if param.Name == "" && param.Values[0] == "" {
			continue // ";;" and ";:" say nothing
		}
		r.params.add(param)
	}
	line.Params = r.params.taken()
	line.Value = text[at+1:]
	return line, nil
}

// param reads the parameter at text[at] and gives the place of the ';' or ':'
// that ends it.
func (r *Reader) param(text string, at int) (p Param, next int, reason string) {
	end := strings.IndexAny(text[at:], "=:;\"")
	if end < 0 {
		return p, 0, "there is no colon"
	}
	end += at
	r.valuesOf.begin()
	if text[end] != '=' {
		if text[end] == '"' {
			return p, 0, "a parameter has a quote where its name should be"
		}
		r.valuesOf.add(text[at:end])
		return Param{Values: r.valuesOf.taken()}, end, ""
	}
	// Names are read leniently: programs put spaces after the semicolon.
	p.Name = upper(strings.TrimSpace(text[at:end]))
	if !validName(p.Name) {
		return p, 0, "a parameter's name is missing or has characters that names cannot have"
	}
	at = end + 1
	for {
		value, next, reason := paramValue(text, at)
		if reason != "" {
			return p, 0, reason
		}
		r.valuesOf.add(value)
		if text[next] != ',' {
			p.Values = r.valuesOf.taken()
			return p, next, ""
		}
		if n := r.valuesOf.count(); r.limits.Params > 0 && n > r.limits.Params {
			return p, 0, "there are too many parameters"
		}
		at = next + 1
	}
}

// paramValue reads one parameter value, quoted or not, and gives the place of
// the ',', ';' or ':' that ends it. Text next to a quoted part belongs to it.
func paramValue(text string, at int) (value string, next int, reason string) {
	end := strings.IndexAny(text[at:], ",;:\"")
	if end < 0 {
		return "", 0, "there is no colon"
	}
	end += at
	if text[end] != '"' {
		return decodeCaret(text[at:end]), end, ""
	}
	var joined []string
	for text[end] == '"' {
		closing := strings.IndexByte(text[end+1:], '"')
		if closing < 0 {
			return "", 0, "a quoted parameter value does not end"
		}
		closing += end + 1
		joined = append(joined, text[at:end], text[end+1:closing])
		at = closing + 1
		if end = strings.IndexAny(text[at:], ",;:\""); end < 0 {
			return "", 0, "there is no colon"
		}
		end += at
	}
	if len(joined) == 2 && joined[0] == "" && at == end {
		return decodeCaret(joined[1]), end, ""
	}
	return decodeCaret(strings.Join(joined, "") + text[at:end]), end, ""
}

// decodeCaret undoes RFC 6868: ^n, ^' and ^^. Other carets stay.
func decodeCaret(s string) string {
	i := strings.IndexByte(s, '^')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; i >= 0; i = strings.IndexByte(s, '^') {
		b.WriteString(s[:i])
		s = s[i:]
		switch {
		case strings.HasPrefix(s, "^n"):
			b.WriteByte('\n')
		case strings.HasPrefix(s, "^'"):
			b.WriteByte('"')
		case strings.HasPrefix(s, "^^"):
			b.WriteByte('^')
		default:
			b.WriteByte('^')
			s = s[1:]
			continue
		}
		s = s[2:]
	}
	b.WriteString(s)
	return b.String()
}

// validName accepts what RFC 5545 and RFC 6350 call a name, and the underscores
// and slashes that programs put into theirs.
func validName(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '/':
		default:
			return false
		}
	}
	return true
}

// upper is strings.ToUpper that costs nothing for what is upper case already.
func upper(s string) string {
	for i := range len(s) {
		if c := s[i]; 'a' <= c && c <= 'z' {
			return strings.ToUpper(s)
		}
	}
	return s
}
