package helm

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
)

const chart = "../../helm/fachwerk"

// tool is the path of one that test/run builds, or of one on PATH.
func tool(t *testing.T, name string) string {
	t.Helper()
	if own, err := filepath.Abs(filepath.Join("../../tools/bin", name)); err == nil {
		if _, err := os.Stat(own); err == nil {
			return own
		}
	}
	return need.Program(t, name)
}

// valueFiles are all sets of values that the chart comes with.
func valueFiles(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"ci/*-values.yaml", "examples/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(chart, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		out = append(out, files...)
	}
	return out
}

// run runs a tool and returns what it printed.
func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func render(t *testing.T, values string, more ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, "helm"), append([]string{"template", "town", chart,
		"--namespace", "groupware", "--kube-version", KubernetesVersion, "-f", values}, more...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", values, err, errs.String())
	}
	return out
}

func TestEveryValueFileIsFreeOfLint(t *testing.T) {
	helm := tool(t, "helm")
	for _, f := range valueFiles(t) {
		if out, err := run(t, helm, "lint", "--strict", chart, "--kube-version", KubernetesVersion, "-f", f); err != nil {
			t.Errorf("%s: %v\n%s", f, err, out)
		}
	}
}

func TestUnitTestsOfTheChart(t *testing.T) {
	out, err := run(t, tool(t, "helm-unittest"), "--strict", "--color=false", "--file", "tests/*_test.yaml", chart)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(out[max(0, strings.LastIndex(out, "Charts:")):])
}

// TestManifestsAreValid holds every manifest against Kubernetes' own schemas and
// those of the custom resources; a kind without a schema is an error. None is a Secret:
// the chart only names those that exist.
func TestManifestsAreValid(t *testing.T) {
	kubeconform := tool(t, "kubeconform")
	schemas := writeSchemas(t)
	dir := t.TempDir()
	for _, f := range valueFiles(t) {
		text := render(t, f)
		if bytes.Contains(text, []byte("\nkind: Secret\n")) {
			t.Errorf("%s: a Secret is made", f)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-strict", "-summary", "-schema-location", filepath.Join(schemas, "{{ .ResourceKind }}{{ .KindSuffix }}.json")}
	out, err := run(t, kubeconform, append(args, dir)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(out)

	// The schemas must be able to refuse.
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	text := bytes.Replace(render(t, filepath.Join(chart, "ci/apart-values.yaml")), []byte("terminationGracePeriodSeconds"), []byte("graceSeconds"), 1)
	if err := os.WriteFile(wrong, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, kubeconform, append(args, wrong)...); err == nil || !strings.Contains(out, "graceSeconds") {
		t.Errorf("an unknown property was not found: %v\n%s", err, out)
	}
}

// TestPodsBeginAnewForTheirConfiguration but not for one replica more, which would end
// all sessions of the others.
func TestPodsBeginAnewForTheirConfiguration(t *testing.T) {
	sum := regexp.MustCompile(`checksum/config: [0-9a-f]{64}\n`)
	sums := func(set string) string {
		found := sum.FindAll(render(t, filepath.Join(chart, "ci/apart-values.yaml"), "--set="+set), -1)
		if len(found) != 3 {
			t.Fatalf("%s: %d checksums", set, len(found))
		}
		return string(bytes.Join(found, nil))
	}
	before := sums("drainSeconds=30")
	if sums("roles.portal.replicas=4") != before {
		t.Error("all pods begin anew for a replica more")
	}
	if sums("drainSeconds=31") == before {
		t.Error("pods go on with an old configuration")
	}
}

// TestEverythingIsTested: each template has a suite, each sentence of refusal a test.
func TestEverythingIsTested(t *testing.T) {
	var suites strings.Builder
	files, err := filepath.Glob(filepath.Join(chart, "tests", "*_test.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no suites", err)
	}
	for _, f := range files {
		suites.WriteString(read(t, f))
	}
	templates, err := filepath.Glob(filepath.Join(chart, "templates", "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range templates {
		name := filepath.Base(f)
		if !strings.HasPrefix(name, "_") && !strings.Contains(suites.String(), "templates/"+name) {
			t.Errorf("templates/%s has no suite in tests/", name)
		}
	}
	refusals := read(t, filepath.Join(chart, "templates", "_refusals.tpl"))
	asked := regexp.MustCompile(`(?m)^- (.*)$|"remedy" "([^"]*)"`).FindAllStringSubmatch(refusals, -1)
	if len(asked) < 40 {
		t.Fatalf("only %d refusals were found", len(asked))
	}
	for _, m := range asked {
		if part := longest(m[1] + m[2]); !strings.Contains(suites.String(), part) {
			t.Errorf("no test expects the refusal %q", part)
		}
	}
}

// longest is the longest piece of a sentence that holds no template action.
func longest(sentence string) string {
	best := ""
	for _, piece := range regexp.MustCompile(`\{\{.*?\}\}|[][()+*?|^$\\]`).Split(sentence, -1) {
		if piece = strings.Trim(piece, " .,:"); len(piece) > len(best) {
			best = piece
		}
	}
	return best
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLongestPiece(t *testing.T) {
	if got := longest("a {{ .x }} is missing: {{ .y }}."); got != "is missing" {
		t.Errorf("%q", got)
	}
}
