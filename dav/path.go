package dav

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxName bounds one decoded segment of a path, bytes.
const maxName = 255

// splitPath decodes an encoded path into its segments. slash reports whether it ends
// with one. Empty segments in between are passed over. What could be taken for another
// place by someone who decodes it again is refused: an encoded slash, a NUL, "..".
func (s *Server) splitPath(encoded string) (names []string, slash bool, err error) {
	if len(encoded) > s.c.Limits.Path {
		return nil, false, refused(http.StatusRequestURITooLong, "The path is longer than %d bytes.", s.c.Limits.Path)
	}
	if !strings.HasPrefix(encoded, "/") {
		return nil, false, refused(http.StatusBadRequest, "The path does not begin with a slash.")
	}
	for part := range strings.SplitSeq(encoded, "/") {
		if part == "" {
			continue
		}
		name, err := url.PathUnescape(part)
		if err != nil {
			return nil, false, refused(http.StatusBadRequest, "The path has an invalid percent-encoding.")
		}
		if err := checkSegment(name); err != nil {
			return nil, false, err
		}
		names = append(names, name)
	}
	// Three more: the mount, the account and the collection.
	if len(names) > s.c.Limits.Depth+3 {
		return nil, false, refused(http.StatusRequestURITooLong, "The path has more than %d folders.", s.c.Limits.Depth)
	}
	return names, strings.HasSuffix(encoded, "/"), nil
}

func checkSegment(name string) error {
	switch {
	case len(name) > maxName:
		return refused(http.StatusRequestURITooLong, "A name in the path is longer than %d bytes.", maxName)
	case name == "." || name == "..":
		return refused(http.StatusBadRequest, "The path has the segment %q.", name)
	case strings.Contains(name, "/"):
		return refused(http.StatusBadRequest, "A name in the path has an encoded slash.")
	case !utf8.ValidString(name):
		return refused(http.StatusBadRequest, "A name in the path is not UTF-8.")
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return refused(http.StatusBadRequest, "A name in the path has a control character.")
		}
	}
	return nil
}

// requestPath is the path of a request as it was sent, encoded.
func requestPath(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

// appendSegment encodes one name for an href. RFC 3986's pchar stay as they are, "@" and
// ":" among them, but for those that clients are known to stumble over.
func appendSegment(b []byte, name string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '@', c == ':', c == '!', c == '$',
			c == '(', c == ')', c == '*', c == ',', c == '=':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// href joins encoded segments to an absolute path.
func href(collection bool, names ...string) string {
	b := make([]byte, 0, 64)
	for _, n := range names {
		b = append(b, '/')
		b = appendSegment(b, n)
	}
	if collection || len(names) == 0 {
		b = append(b, '/')
	}
	return string(b)
}

// member is the href of a name below that of a collection.
func member(parent, name string, collection bool) string {
	b := make([]byte, 0, len(parent)+len(name)+8)
	b = append(b, parent...)
	if !strings.HasSuffix(parent, "/") {
		b = append(b, '/')
	}
	b = appendSegment(b, name)
	if collection {
		b = append(b, '/')
	}
	return string(b)
}

// localPath reads what a client wrote for a URL of ours: a path, or an absolute URL
// whose host is ours. ok is false where it is on another host.
func (s *Server) localPath(raw, host string) (path string, ok bool, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.User != nil && u.Host == "" {
		return "", false, refused(http.StatusBadRequest, "%q is no URL.", cut(raw, 200))
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return "", false, refused(http.StatusBadRequest, "The URL has a query or a fragment.")
	}
	if u.Scheme == "" && u.Host == "" {
		if !strings.HasPrefix(raw, "/") {
			return "", false, refused(http.StatusBadRequest, "The URL is neither absolute nor an absolute path.")
		}
		return requestPath(u), true, nil
	}
	if u.Scheme != "http" && u.Scheme != "https" || !s.ourHost(u.Host, host) {
		return "", false, nil
	}
	return requestPath(u), true, nil
}

// ourHost compares a host and port with that of the request and the configured one.
// Which scheme was used is not looked at: a proxy may have taken TLS away.
func (s *Server) ourHost(got, requested string) bool {
	got = bareHost(got)
	if got == bareHost(requested) {
		return true
	}
	return s.originHost != "" && got == s.originHost
}

func bareHost(host string) string {
	host = strings.ToLower(host)
	host = strings.TrimSuffix(host, ":443")
	return strings.TrimSuffix(host, ":80")
}

// cut shortens what a client sent for a sentence.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
