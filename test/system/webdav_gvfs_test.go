package system

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// GNOME's file manager mounts the drive, copies there and back, renames, makes
// folders and deletes; gio is its command line.
func TestWebDAVGvfs(t *testing.T) {
	gio, session := need.Program(t, "gio"), need.Program(t, "dbus-run-session")
	if !fileExists("/usr/lib/gvfs/gvfsd-dav") && !fileExists("/usr/libexec/gvfsd-dav") {
		need.Missing(t, "gvfs has no gvfsd-dav: install gvfs-backends")
	}
	d := harness.Start(t, harness.Options{})
	s := shareOf(t, d, d.Anna())
	p := newProgram(t)
	p.file("Plan.txt", "Bebauungsplan")
	at := url.URL{Scheme: "dav", User: url.User(s.user), Host: s.url.Host, Path: s.url.Path}
	if s.url.Scheme == "https" {
		at.Scheme = "davs"
	}
	script := `set -eux
printf '%s\n' "$PASSWORD" | "$GIO" mount "$AT"
"$GIO" list "$AT"
"$GIO" copy Plan.txt "$AT"
"$GIO" mkdir "$AT"Akten
"$GIO" copy "$AT"Plan.txt "$AT"Akten/Kopie.txt
"$GIO" rename "$AT"Akten/Kopie.txt "Übersicht.txt"
"$GIO" move "$AT"Plan.txt "$AT"Akten/Verschoben.txt
"$GIO" info "$AT"Akten/Verschoben.txt
"$GIO" list -l "$AT"Akten
printf 'gespeichert' | "$GIO" save "$AT"Akten/neu.txt
printf 'ersetzt' | "$GIO" save "$AT"Akten/neu.txt
"$GIO" cat "$AT"Akten/neu.txt
"$GIO" remove "$AT"Akten/Verschoben.txt
"$GIO" copy "$AT"Akten/%C3%9Cbersicht.txt zurueck.txt
cat zurueck.txt
"$GIO" mount -u "$AT"
`
	p.env = append(p.env, "GVFS_DISABLE_FUSE=1", "PASSWORD="+s.password, "AT="+at.String(), "GIO="+gio)
	out := p.must("", session, "--", "sh", "-c", script)
	for _, want := range []string{"ersetzt", "Bebauungsplan", "standard::size: 13", "Übersicht.txt"} {
		if !strings.Contains(out, want) {
			t.Errorf("gio does not show %q", want)
		}
	}
	for path, want := range map[string]string{"Akten/neu.txt": "ersetzt", "Akten/Übersicht.txt": "Bebauungsplan"} {
		if _, got := s.want(http.StatusOK, http.MethodGet, (&url.URL{Path: path}).EscapedPath(), ""); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	s.want(http.StatusNotFound, http.MethodGet, "Plan.txt", "")
	s.want(http.StatusNotFound, http.MethodGet, "Akten/Verschoben.txt", "")
	if t.Failed() {
		t.Logf("gio:\n%s", out)
	}
	d.Check(t)
}
