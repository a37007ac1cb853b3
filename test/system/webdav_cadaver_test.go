package system

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// cadaver does everything it can: folders, files, copies, properties, locks.
func TestWebDAVCadaver(t *testing.T) {
	cadaver := need.Program(t, "cadaver")
	d := harness.Start(t, harness.Options{})
	s := shareOf(t, d, d.Anna())
	p := newProgram(t)
	p.file(".netrc", fmt.Sprintf("machine %s\nlogin %s\npassword %s\n", s.url.Hostname(), s.user, s.password))
	p.file("Plan.txt", "Bebauungsplan")
	script := p.file("script", strings.Join([]string{
		"mkcol Amt", "cd Amt", "put Plan.txt", "copy Plan.txt Kopie.txt", "move Kopie.txt Alt.txt", "mkcol Neu",
		"lock Plan.txt", "put Plan.txt", "unlock Plan.txt",
		"set namespace urn:example:amt", "propset Plan.txt aktenzeichen 61-26-3", "propget Plan.txt aktenzeichen",
		"get Plan.txt zurueck.txt", "ls", "delete Alt.txt", "rmcol Neu", "ls", "quit",
	}, "\n")+"\n")
	out := p.must("", cadaver, "-r", script, s.url.String())
	if n := strings.Count(out, "failed"); n != 0 {
		t.Errorf("%d commands failed", n)
	}
	for _, want := range []string{"61-26-3", "Coll:", "Alt.txt"} {
		if !strings.Contains(out, want) {
			t.Errorf("cadaver does not show %q", want)
		}
	}
	if back, err := os.ReadFile(filepath.Join(p.home, "zurueck.txt")); err != nil || string(back) != "Bebauungsplan" {
		t.Errorf("came back as %q, %v", back, err)
	}
	s.want(http.StatusOK, http.MethodGet, "Amt/Plan.txt", "")
	s.want(http.StatusNotFound, http.MethodGet, "Amt/Alt.txt", "")
	s.want(http.StatusNotFound, http.MethodGet, "Amt/Neu", "")
	if t.Failed() {
		t.Logf("cadaver:\n%s", out)
	}
	d.Check(t)
}
