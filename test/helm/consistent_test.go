package helm

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func readYAML(t *testing.T, file string) object {
	t.Helper()
	var v object
	if err := yaml.Unmarshal([]byte(read(t, file)), &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

func readJSON(t *testing.T, file string) object {
	t.Helper()
	var v object
	if err := json.Unmarshal([]byte(read(t, file)), &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// TestSchemaIsStrict: a misspelt value is told, wherever it stands. Only `global` is
// open, which a chart of charts shares with others.
func TestSchemaIsStrict(t *testing.T) {
	seen := 0
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch x := v.(type) {
		case object:
			_, properties := x["properties"].(object)
			closed, _ := x["additionalProperties"].(bool)
			_, said := x["additionalProperties"]
			if properties && x["type"] == "object" {
				seen++
				if path != "/properties/global" && (!said || closed) {
					t.Errorf("%s takes unknown keys", path)
				}
			}
			for key, inner := range x {
				walk(path+"/"+key, inner)
			}
		case []any:
			for _, inner := range x {
				walk(path, inner)
			}
		}
	}
	walk("", readJSON(t, filepath.Join(chart, "values.schema.json")))
	if seen < 60 {
		t.Errorf("only %d objects were seen", seen)
	}
}

// TestValuesAndSchemaNameTheSameKeys compares them wherever values.yaml spells an
// object out.
func TestValuesAndSchemaNameTheSameKeys(t *testing.T) {
	schema := readJSON(t, filepath.Join(chart, "values.schema.json"))
	definitions, _ := schema["$defs"].(object)
	compared := 0
	var compare func(path string, schema, values object)
	compare = func(path string, schema, values object) {
		if ref, ok := schema["$ref"].(string); ok {
			schema, _ = definitions[strings.TrimPrefix(ref, "#/$defs/")].(object)
		}
		properties, _ := schema["properties"].(object)
		if properties == nil || len(values) == 0 {
			return
		}
		compared++
		for key, inner := range properties {
			value, there := values[key]
			switch {
			case !there && path+key != "enabled" && !slices.Contains(optional, path+key):
				t.Errorf("values.yaml does not name %s%s", path, key)
			case there:
				s, _ := inner.(object)
				v, _ := value.(object)
				compare(path+key+".", s, v)
			}
		}
		for key := range values {
			if _, known := properties[key]; !known {
				t.Errorf("the schema does not know %s%s", path, key)
			}
		}
	}
	compare("", schema, readYAML(t, filepath.Join(chart, "values.yaml")))
	if compared < 40 {
		t.Errorf("only %d objects were compared", compared)
	}
}

// optional are what few need: Kubernetes' own words for local disk.
var optional = func() (out []string) {
	for _, at := range []string{"roles.mail.resources", "roles.dav.resources", "roles.portal.resources", "roles.together.resources", "migration.resources"} {
		out = append(out, at+".requests.ephemeral-storage", at+".limits.ephemeral-storage", at+".limits.cpu")
	}
	return out
}()

type alert struct {
	Alert, Expr, For string
	Labels           map[string]string
	Annotations      map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alert }
	}
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(chart, "files", "alerts.yaml"))), &file); err != nil {
		t.Fatal(err)
	}
	var out []alert
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	if len(out) < 10 {
		t.Fatalf("only %d alerts", len(out))
	}
	return out
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	runbook := read(t, "../../docs/admin/runbook.md")
	for _, a := range alerts(t) {
		_, section, found := strings.Cut(runbook, "\n## "+a.Alert+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !found || !strings.Contains(section, "What to do") || !strings.Contains(section, "What it means") {
			t.Errorf("docs/admin/runbook.md has no section for %s with what it means and what to do", a.Alert)
		}
		if a.Annotations["summary"] == "" || a.For == "" || !slices.Contains([]string{"page", "ticket"}, a.Labels["severity"]) {
			t.Errorf("%s lacks a summary, a duration or a severity: %+v", a.Alert, a)
		}
		if !strings.Contains(a.Expr, `job="fachwerk"`) {
			t.Errorf("%s is not bound to the job", a.Alert)
		}
	}
}

// TestMetricsExist: every metric that alerts and the dashboard ask for is one that
// the program registers.
func TestMetricsExist(t *testing.T) {
	registered := map[string]bool{}
	sources, err := filepath.Glob("../../internal/app/*.go")
	if err != nil {
		t.Fatal(err)
	}
	made := regexp.MustCompile(`\b(?:gauge|counter|histogram)\("([a-z_]+)"|Namespace: "fachwerk", Name: "([a-z_]+)"`)
	for _, f := range sources {
		for _, m := range made.FindAllStringSubmatch(read(t, f), -1) {
			registered["fachwerk_"+m[1]+m[2]] = true
		}
	}
	if len(registered) < 15 {
		t.Fatalf("only %d metrics were found in the program", len(registered))
	}
	var asked strings.Builder
	asked.WriteString(read(t, filepath.Join(chart, "files", "dashboard.json")))
	for _, a := range alerts(t) {
		asked.WriteString(a.Expr + "\n")
	}
	used := map[string]bool{}
	for _, name := range regexp.MustCompile(`\bfachwerk_[a-z_]+`).FindAllString(asked.String(), -1) {
		if !registered[name] {
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				name = strings.TrimSuffix(name, suffix)
			}
		}
		used[name] = true
		if !registered[name] {
			t.Errorf("%s is no metric of the program", name)
		}
	}
	for name := range registered {
		if !used[name] {
			t.Logf("neither an alert nor the dashboard looks at %s", name)
		}
	}
}

// TestExpressionsAreWellFormed asks Prometheus' own parser.
func TestExpressionsAreWellFormed(t *testing.T) {
	var list []string
	for _, a := range alerts(t) {
		list = append(list, a.Expr)
	}
	for _, p := range panels(t) {
		for _, expr := range expressions(p) {
			list = append(list, strings.NewReplacer("$__rate_interval", "5m", "$job", "j", "$namespace", "n").Replace(expr))
		}
	}
	check := func(list []string) (string, error) {
		cmd := exec.CommandContext(t.Context(), tool(t, "promql"))
		cmd.Stdin = strings.NewReader(strings.Join(list, "\n"))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := check(list); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := check([]string{"rate(x[5m]"}); err == nil {
		t.Error("a broken expression was not found")
	}
}

func panels(t *testing.T) []object {
	t.Helper()
	list, _ := readJSON(t, filepath.Join(chart, "files", "dashboard.json"))["panels"].([]any)
	var out []object
	for _, p := range list {
		panel, _ := p.(object)
		out = append(out, panel)
	}
	return out
}

func expressions(panel object) (out []string) {
	targets, _ := panel["targets"].([]any)
	for _, t := range targets {
		expr, _ := t.(object)["expr"].(string)
		out = append(out, expr)
	}
	return out
}

func TestDashboardIsWhole(t *testing.T) {
	panels := panels(t)
	ids := map[any]bool{}
	for _, panel := range panels {
		if ids[panel["id"]] {
			t.Errorf("two panels have the id %v", panel["id"])
		}
		ids[panel["id"]] = true
		list := expressions(panel)
		if panel["type"] != "row" && len(list) == 0 {
			t.Errorf("%v shows nothing", panel["title"])
		}
		for _, expr := range list {
			if !strings.Contains(expr, `job=~"$job"`) {
				t.Errorf("%v is not bound to the chosen job: %s", panel["title"], expr)
			}
		}
	}
	if len(panels) < 20 {
		t.Errorf("only %d panels", len(panels))
	}
}
