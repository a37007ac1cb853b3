package portal

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever a client asks, autoconfig names a domain and nothing else.
func FuzzMailDomain(f *testing.F) {
	f.Add("anna@musterstadt.example", "autoconfig.musterstadt.example:80")
	f.Add("@", "[::1]:8080")
	f.Add("a@b@c", "autoconfig.")
	p := &Portal{host: "portal.musterstadt.example"}
	f.Fuzz(func(t *testing.T, address, host string) {
		r := &http.Request{Host: host, URL: &url.URL{RawQuery: url.Values{"emailaddress": {address}}.Encode()}}
		if d := p.mailDomain(r); !validDomain(d) || d != strings.ToLower(d) {
			t.Errorf("%q on %q: the domain is %q", address, host, d)
		}
	})
}

// Whatever a person is called, the property list holds it as one text.
func FuzzPlist(f *testing.F) {
	f.Add("Anna Muster")
	f.Add("</string><key>x</key>&\x00\xff]]>")
	f.Fuzz(func(t *testing.T, name string) {
		b, err := encodePlist(dict{"name": name, "list": []dict{{"on": true, "port": 993}}})
		if err != nil {
			t.Fatal(err)
		}
		var list struct {
			Dict struct {
				Keys []string `xml:"key"`
				Text []string `xml:"string"`
			} `xml:"dict"`
		}
		if err := xml.Unmarshal(b, &list); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		if len(list.Dict.Keys) != 2 || len(list.Dict.Text) != 1 {
			t.Fatalf("%q makes %s", name, b)
		}
		if utf8.ValidString(name) && !strings.ContainsFunc(name, notXML) && list.Dict.Text[0] != name {
			t.Errorf("%q comes back as %q", name, list.Dict.Text[0])
		}
	})
}

// notXML are the characters that no XML document can hold (XML 1.0, 2.2).
func notXML(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
}

// Whatever a browser asks for, it is answered in German or English.
func FuzzLanguage(f *testing.F) {
	f.Add("de-AT,de;q=0.9,en;q=0.5")
	f.Add("en-")
	f.Fuzz(func(t *testing.T, header string) {
		if l := (&Portal{}).language(&http.Request{Header: http.Header{"Accept-Language": {header}}}, ""); l != german && l != english {
			t.Errorf("%q: %s", header, l)
		}
	})
}

// Whatever an address is, a URL holds it as one segment.
func FuzzAddress(f *testing.F) {
	f.Add("anna@musterstadt.example")
	f.Add("../o'neil & co/%2F?#@musterstadt.example")
	origin, err := url.Parse("https://dav.musterstadt.example")
	if err != nil {
		f.Fatal(err)
	}
	p := &Portal{dav: origin}
	f.Fuzz(func(t *testing.T, owner string) {
		for at := atBase; at <= atFilesKDE; at++ {
			u, err := url.Parse(p.address(at, owner))
			if err != nil || u.Host != origin.Host || u.RawQuery != "" || u.Fragment != "" {
				t.Fatalf("%d, %q: %v %v", at, owner, u, err)
			}
			if at == atFiles && u.Path != "/files/"+owner+"/" || strings.Count(u.EscapedPath(), "/") > 3 {
				t.Errorf("%d, %q: the path is %q", at, owner, u.Path)
			}
		}
	})
}

// Whatever a word is, a shell reads it as one and as it was.
func FuzzQuote(f *testing.F) {
	f.Add("anna@musterstadt.example")
	f.Add("o'neil; rm -rf $HOME `x`")
	f.Fuzz(func(t *testing.T, word string) {
		var read strings.Builder
		inside := false
		for rest := quote(word); rest != ""; {
			switch {
			case rest[0] == '\'':
				inside = !inside
			case !inside && rest[0] == '\\':
				rest = rest[1:]
				read.WriteByte(rest[0])
			case !inside && strings.ContainsRune(" \t\n;&|<>()$`\"*?[]#~!{}", rune(rest[0])):
				t.Fatalf("%q becomes %q", word, quote(word))
			default:
				read.WriteByte(rest[0])
			}
			rest = rest[1:]
		}
		if inside || read.String() != word {
			t.Errorf("%q is read as %q", word, read.String())
		}
	})
}

// Whatever somebody types for a quota, it is refused or comes back as it was.
func FuzzGigabytes(f *testing.F) {
	for _, s := range []string{"", "5", "2,5", "0.01", "1e9", "-1", "0", "NaN", "1,000,000", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := parseGigabytes(s)
		if n < 0 || !ok && n != 0 || n > maxGigabytes*1e9 || ok && n == 0 && strings.TrimSpace(s) != "" {
			t.Fatalf("%q is %d, %t", s, n, ok)
		}
		for _, l := range []lang{german, english} {
			if again, ok := parseGigabytes(l.gigabytes(n)); n >= 1e7 && (!ok || again-n > 1e7 || n-again > 1e7) {
				t.Errorf("%q is %d, written %q and read %d", s, n, l.gigabytes(n), again)
			}
		}
	})
}

// Wherever a link wants to come back to, it stays in this origin.
func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/data?x#y", "//evil.example", "https://evil.example/", `/\evil.example`, "/\r\nSet-Cookie: x", "data", "/%2f/evil.example"} {
		f.Add(s)
	}
	base, err := url.Parse("https://portal.musterstadt.example/a/b")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to string) {
		path := localPath(to)
		u, err := base.Parse(path)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || strings.ContainsAny(path, "\r\n\\") || !strings.HasPrefix(path, "/") {
			t.Errorf("%q leads to %q, %v", to, path, err)
		}
	})
}
