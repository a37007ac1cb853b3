package dav

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestParseIf(t *testing.T) {
	h, err := parseIf(`<http://a/b> (<urn:uuid:1> ["x"]) (Not <DAV:no-lock>)` + "\t" + `</c>([W/"y z"])`)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.lists) != 3 || h.lists[1].tag != "http://a/b" || h.lists[2].tag != "/c" || !h.lists[1].conditions[0].not ||
		h.lists[0].conditions[1].etag.tag != "x" || !h.lists[2].conditions[0].etag.weak || !h.tags ||
		strings.Join(h.tokens, " ") != "urn:uuid:1 DAV:no-lock" {
		t.Errorf("read as %+v", h)
	}
	for _, bad := range []string{
		"", "x", "()", "(", "(<a>", "(Not)", "(<>)", `(["a")`, `([a])`, "</a>", "</a", "(<a>) </b> (<c>)", "</a> x",
		"(" + strings.Repeat("<a>", 1001) + ")", strings.Repeat("(<a>)", 1001), "(<" + strings.Repeat("a", maxIf) + ">)",
	} {
		if h, err := parseIf(bad); err == nil {
			t.Errorf("%.40q was read as %+v", bad, h)
		} else if !isStatus(err, http.StatusBadRequest) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
}

func TestEntityTags(t *testing.T) {
	for line, want := range map[string]int{`"a"`: 1, `"a", W/"b" ,"c,d"`: 3, `*`: 1, `bare`: 1, `a,b`: 2, `, "a",,`: 1} {
		if got, err := entityTags([]string{line}); err != nil || len(got) != want {
			t.Errorf("%s: %+v, %v", line, got, err)
		}
	}
	for _, bad := range []string{`"a`, `a"b`, strings.Repeat(`"a",`, maxTags+1)} {
		if _, err := entityTags([]string{bad}); err == nil {
			t.Errorf("%.20s was read", bad)
		}
	}
	if got, _ := entityTags(nil); got != nil {
		t.Error("no header gives tags")
	}
}

func TestParseTimeout(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "Second-60": time.Minute, "Infinite, Second-4100000000": infiniteLock * time.Second,
		"Extend, second-5": 5 * time.Second, "Second-99999999999999": infiniteLock * time.Second, "Second-0": time.Second,
	} {
		if got, err := parseTimeout(http.Header{"Timeout": {value}}); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", value, got, err, want)
		}
	}
	if _, err := parseTimeout(http.Header{"Timeout": {"Second-x"}}); err == nil {
		t.Error("Second-x was read")
	}
}

func pathServer() *Server {
	s := &Server{originHost: "dav.musterstadt.example"}
	s.c.Limits.defaults()
	return s
}

func TestSplitPath(t *testing.T) {
	s := pathServer()
	for path, want := range map[string]string{
		"/": "", "/a/b": "a|b", "/a%20b/%C3%A4/": "a b|ä", "//a///b": "a|b", "/a@b:c+d;e": "a@b:c+d;e", "/a%2525": "a%25",
		"/...": "...", "/%23x": "#x",
	} {
		names, slash, err := s.splitPath(path)
		if err != nil || strings.Join(names, "|") != want || slash != strings.HasSuffix(path, "/") {
			t.Errorf("%s: %q, %v, %v", path, names, slash, err)
		}
		if err == nil && want != "" {
			if again, _, err := s.splitPath(href(false, names...)); err != nil || strings.Join(again, "|") != want {
				t.Errorf("%s as href %s is %q, %v", path, href(false, names...), again, err)
			}
		}
	}
	for path, status := range map[string]int{
		"": 400, "a": 400, "/a%2Fb": 400, "/a%2fb": 400, "/..": 400, "/a/../b": 400, "/%2e%2E/": 400, "/./a": 400,
		"/a%00": 400, "/a%0Ab": 400, "/%7f": 400, "/%C2%85": 400, "/%ff": 400, "/%zz": 400, "/%4": 400,
		"/" + strings.Repeat("a", 256): 414, "/" + strings.Repeat("a/", 200): 414, "/" + strings.Repeat("a", 9000): 414,
	} {
		if names, _, err := s.splitPath(path); !isStatus(err, status) {
			t.Errorf("%.30s: %q, %v, want %d", path, names, err, status)
		}
	}
}

func TestLocalPath(t *testing.T) {
	s := pathServer()
	const host = "127.0.0.3:8080"
	for raw, want := range map[string]string{
		"/a%20b": "/a%20b", "http://127.0.0.3:8080/a": "/a", "HTTP://127.0.0.3:8080/a%2Fb": "/a%2Fb",
		"https://dav.musterstadt.example/x": "/x", "https://DAV.musterstadt.example:443/x": "/x", "http://127.0.0.3:8080": "/",
	} {
		if path, ok, err := s.localPath(raw, host); err != nil || !ok || path != want {
			t.Errorf("%s: %q, %v, %v", raw, path, ok, err)
		}
	}
	for _, foreign := range []string{"http://other.example/a", "ftp://127.0.0.3:8080/a", "//other.example/a", "http://127.0.0.3/a", "http://127.0.0.3:8080@evil.example/a"} {
		if path, ok, err := s.localPath(foreign, host); ok || err != nil {
			t.Errorf("%s: %q, %v, %v", foreign, path, ok, err)
		}
	}
	for _, bad := range []string{"", "a", "../a", "%zz", "mailto:a@b", "/a?b=c", "/a#b"} {
		if path, ok, err := s.localPath(bad, host); err == nil {
			t.Errorf("%s: %q, %v", bad, path, ok)
		}
	}
}

func FuzzIf(f *testing.F) {
	f.Add(`<http://a/b> (<urn:uuid:1> ["x"]) (Not <DAV:no-lock>)`)
	f.Add(`(not[W/"a"])`)
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseIf(s)
		if err != nil {
			return
		}
		count := 0
		for _, l := range h.lists {
			if len(l.conditions) == 0 {
				t.Fatal("a list without conditions")
			}
			count += len(l.conditions)
		}
		if count == 0 || count > maxIfConditions {
			t.Fatalf("%d conditions", count)
		}
	})
}

func FuzzPath(f *testing.F) {
	f.Add("/files/anna@musterstadt.example/a%20b/")
	f.Add("/%2e%2e/%2f")
	s := pathServer()
	f.Fuzz(func(t *testing.T, path string) {
		names, _, err := s.splitPath(path)
		if err != nil {
			return
		}
		for _, n := range names {
			if n == "" || n == "." || n == ".." || strings.ContainsAny(n, "/\x00\n") {
				t.Fatalf("%q came through", n)
			}
		}
		if len(names) == 0 {
			return
		}
		again, _, err := s.splitPath(href(true, names...))
		if err != nil && len(href(true, names...)) <= s.c.Limits.Path || err == nil && strings.Join(again, "/") != strings.Join(names, "/") {
			t.Fatalf("%q became %q, %v", names, again, err)
		}
	})
}

func FuzzDestination(f *testing.F) {
	f.Add("http://127.0.0.3:8080/files/a")
	f.Add("//evil.example/a")
	s := pathServer()
	f.Fuzz(func(t *testing.T, raw string) {
		path, ok, err := s.localPath(raw, "127.0.0.3:8080")
		if ok && (err != nil || !strings.HasPrefix(path, "/")) {
			t.Fatalf("%q gave %q, %v", raw, path, err)
		}
		if _, err := entityTags([]string{raw}); err != nil && !isStatus(err, http.StatusBadRequest) {
			t.Fatal(err)
		}
	})
}
