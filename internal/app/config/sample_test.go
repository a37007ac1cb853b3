package config

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The sample is what admins begin with: it must hold every key with its default.
func TestSampleHoldsEveryKeyWithItsDefault(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/fachwerk.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(text)
	if err != nil {
		t.Fatalf("the sample is refused:\n%v", err)
	}
	want := Default()
	walk("", reflect.ValueOf(got).Elem(), func(path string, f field) {
		other := lookup(reflect.ValueOf(want).Elem(), path)
		if !reflect.DeepEqual(plain(f.value), plain(other)) {
			t.Errorf("%s is %v in the sample, its default is %v", path, plain(f.value), plain(other))
		}
	}, nil)
	var raw map[string]any
	if err := yaml.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	for _, key := range KeyNames() {
		if i := strings.LastIndex(key, "[]."); i >= 0 {
			if rest := key[i+len("[]."):]; !strings.Contains(string(text), last(rest)+": ") {
				t.Errorf("the sample does not show %s", key)
			}
			continue
		}
		if !present(raw, strings.Split(key, ".")) {
			t.Errorf("the sample lacks %s", key)
		}
	}
}

// With the commented examples switched on the sample is a whole configuration.
func TestSampleWithItsExamplesIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/fachwerk.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if line == "sites: []" {
			lines[i] = "sites:"
		}
		if strings.HasPrefix(line, "#  ") {
			lines[i] = line[1:]
		}
	}
	c, err := Parse([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"public.name": "mail.musterstadt.example", "public.portal": "https://portal.musterstadt.example",
		"tls.cert": "/etc/fachwerk/tls/fullchain.pem", "tls.key": "/etc/fachwerk/tls/privkey.pem",
		"oidc.issuer": "https://login.musterstadt.example", "directory": "musterstadt-1",
	} {
		lookup(reflect.ValueOf(c).Elem(), key).SetString(value)
		if !strings.Contains(string(text), value) {
			t.Errorf("the sample does not show an example for %s", key)
		}
	}
	if err := c.Check(); err != nil {
		t.Errorf("the sample with its examples is refused:\n%v", err)
	}
}

// What deploy/compose serves with is whole.
func TestComposeConfigurationIsComplete(t *testing.T) {
	c, err := Load("../../../deploy/compose/fachwerk.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.OIDC.Embedded || !strings.HasPrefix(c.Metadata.DSN, SchemePostgres) || !strings.HasPrefix(c.Blobs.URL, SchemeS3) {
		t.Errorf("it uses embedded parts: %s %s", c.Metadata.DSN, c.Blobs.URL)
	}
}

func lookup(section reflect.Value, path string) (out reflect.Value) {
	walk("", section, func(p string, f field) {
		if p == path {
			out = f.value
		}
	}, nil)
	return out
}

func present(m map[string]any, path []string) bool {
	v, ok := m[path[0]]
	if !ok || len(path) == 1 {
		return ok
	}
	inner, ok := v.(map[string]any)
	return ok && present(inner, path[1:])
}
