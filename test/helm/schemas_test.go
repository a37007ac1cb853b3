package helm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"fachwerk/internal/testenv/need"
)

// object is any JSON object.
type object = map[string]any

// writeSchemas fills a folder with one JSON schema a kind, named as kubeconform
// looks for them, and returns it. Unknown properties are refused throughout.
func writeSchemas(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, m := range Modules {
		module, err := m.Dir(t.Context(), dir)
		if err != nil {
			need.Missing(t, err.Error())
		}
		files, err := filepath.Glob(filepath.Join(module, filepath.FromSlash(m.Files)))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s %s has no %s: %v", m.Path, m.Version, m.Files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(file) == ".json" {
				writeBuiltIn(t, dir, text)
			} else {
				writeCustom(t, dir, text)
			}
		}
	}
	return dir
}

// writeBuiltIn takes Kubernetes' own API description (OpenAPI 2).
func writeBuiltIn(t *testing.T, dir string, text []byte) {
	t.Helper()
	var api struct{ Definitions map[string]object }
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	// What JSON may hold and the description calls a string.
	api.Definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = object{"type": []string{"string", "integer"}}
	api.Definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = object{"type": []string{"string", "number"}}
	for name, d := range api.Definitions {
		if d["properties"] != nil {
			d["additionalProperties"] = false
		}
		kinds, _ := d["x-kubernetes-group-version-kind"].([]any)
		for _, k := range kinds {
			gvk, _ := k.(object)
			writeJSON(t, schemaFile(dir, gvk["kind"], gvk["group"], gvk["version"]),
				object{"$ref": "definitions.json#/definitions/" + name})
		}
	}
	writeJSON(t, filepath.Join(dir, "definitions.json"), object{"definitions": api.Definitions})
}

// writeCustom takes the definition of a custom resource.
func writeCustom(t *testing.T, dir string, text []byte) {
	t.Helper()
	var crd struct {
		Kind string
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPIV3Schema object `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	if crd.Kind != "CustomResourceDefinition" {
		return
	}
	for _, v := range crd.Spec.Versions {
		schema := v.Schema.OpenAPIV3Schema
		refuseUnknown(schema)
		writeJSON(t, schemaFile(dir, crd.Spec.Names.Kind, crd.Spec.Group, v.Name), schema)
	}
}

// refuseUnknown says what the API server does by itself: nothing but what is described.
func refuseUnknown(v any) {
	switch x := v.(type) {
	case object:
		_, open := x["x-kubernetes-preserve-unknown-fields"]
		if x["properties"] != nil && x["type"] == "object" && !open {
			if _, said := x["additionalProperties"]; !said {
				x["additionalProperties"] = false
			}
		}
		if _, either := x["x-kubernetes-int-or-string"]; either {
			delete(x, "type")
		}
		for _, inner := range x {
			refuseUnknown(inner)
		}
	case []any:
		for _, inner := range x {
			refuseUnknown(inner)
		}
	}
}

// schemaFile is kubeconform's name: kind, first word of the group, version.
func schemaFile(dir string, kind, group, version any) string {
	text := func(v any) string { s, _ := v.(string); return strings.ToLower(s) }
	name := text(kind)
	if first, _, _ := strings.Cut(text(group), "."); first != "" {
		name += "-" + first
	}
	return filepath.Join(dir, name+"-"+text(version)+".json")
}

func writeJSON(t *testing.T, file string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
