package control

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// shim stands in for jq where it is not installed: it finds one member.
const shim = `#!/bin/sh
sed -n 's/.*"'"${2#.}"'":"\([^"]*\)".*/\1/p'
`

// blocks are the indented lines of a part of a page.
func blocks(t testing.TB, page, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, from)
	part, _, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("the page has no %q or no %q", from, to)
	}
	var lines []string
	for line := range strings.Lines(part) {
		if strings.HasPrefix(line, "    ") {
			lines = append(lines, strings.TrimPrefix(line, "    "))
		}
	}
	return strings.Join(lines, "")
}

// The commands of docs/admin/api.md do what the page says.
func TestThePageOfTheAPIIsFollowed(t *testing.T) {
	bash, curl := need.Program(t, "bash"), need.Program(t, "curl")
	h := start(t)
	text, err := os.ReadFile(filepath.Join(harness.Root(), "docs", "admin", "api.md"))
	must(t, err)
	script := blocks(t, string(text), "## Use it", "### Refusals")
	script = regexp.MustCompile(`(?m)^API=.*$`).ReplaceAllString(script, "API=http://"+h.admin)
	script = strings.ReplaceAll(script, "https://login.kommunale-it.example/realms/verwaltung", h.URL)
	// Up to the removal, which is looked at by itself; a refusal ends it.
	script, removal, _ := strings.Cut(script, "curl -X DELETE")
	script = strings.ReplaceAll(script, "curl ", curl+" -sS --fail-with-body ")

	dir := t.TempDir()
	path := os.Getenv("PATH")
	if _, err := exec.LookPath("jq"); err != nil {
		t.Log("jq is not installed; a few lines of sed stand in for it")
		must(t, os.WriteFile(filepath.Join(dir, "jq"), []byte(shim), 0o700))
		path = dir + string(os.PathListSeparator) + path
	}
	run := func(script string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), bash, "-euo", "pipefail", "-c", script)
		cmd.Env = append(os.Environ(), "PATH="+path, "TOKEN="+h.operatorToken(t))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, script, out)
		}
		return string(out)
	}
	out := run(script + "\necho; echo $T")
	for _, want := range []string{`"group":"Buergeramt"`, `"site":"nord"`, `"name":"sued"`, `"bytes":536870912000`} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in what was answered:\n%s", want, out)
		}
	}
	fields := strings.Fields(out)
	if got := h.Command(t, "tenant", "list"); !strings.Contains(got, "Musterstadt") {
		t.Errorf("the tenants are:\n%s", got)
	}
	run("API=http://" + h.admin + "; T=" + fields[len(fields)-1] + `; auth="Authorization: Bearer $TOKEN"; ` + curl + " -sS --fail-with-body -X DELETE" + removalLine(removal))
	if got := h.Command(t, "tenant", "list"); strings.Contains(got, "Musterstadt") {
		t.Errorf("the tenants are:\n%s", got)
	}
}

func removalLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
