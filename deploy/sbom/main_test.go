package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The test's own program stands for the product: it is built in the same way.
func TestEveryModuleIsListed(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	gomod := filepath.Join("..", "..", "go.mod")
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := write(out, program, gomod); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != second.String() {
		t.Error("the same program gives two texts")
	}
	var d document
	if err := json.Unmarshal(first.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if d.Format != "CycloneDX" || d.Spec != "1.6" || !strings.HasPrefix(d.Serial, "urn:uuid:") || len(d.Serial) != len("urn:uuid:")+36 {
		t.Errorf("%s %s %s", d.Format, d.Spec, d.Serial)
	}
	listed := map[string]string{}
	for _, c := range d.Components {
		if listed[c.Name] != "" {
			t.Errorf("%s is listed twice", c.Name)
		}
		listed[c.Name] = c.Version
		if c.Type != "library" || c.URL == "" || c.Ref == "" || c.Scope != "required" && c.Scope != "excluded" {
			t.Errorf("not whole: %+v", c)
		}
	}
	required, err := requirements(gomod)
	if err != nil {
		t.Fatal(err)
	}
	if len(required) < 20 {
		t.Fatalf("only %d modules were read from go.mod", len(required))
	}
	for path, version := range required {
		if listed[path] != version {
			t.Errorf("%s %s is listed as %q", path, version, listed[path])
		}
	}
	if listed["stdlib"] == "" {
		t.Error("Go's own library is not listed")
	}
}

func TestRequirements(t *testing.T) {
	gomod := filepath.Join(t.TempDir(), "go.mod")
	text := "module a\n\nrequire one.example/a v1.0.0\nrequire (\n\ttwo.example/b v2.0.0 // indirect\n)\nreplace three.example => ./here\n"
	if err := os.WriteFile(gomod, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := requirements(gomod)
	if err != nil || len(got) != 2 || got["one.example/a"] != "v1.0.0" || got["two.example/b"] != "v2.0.0" {
		t.Errorf("%v, %v", got, err)
	}
}
