package config_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"fachwerk/internal/app/config"
	"fachwerk/internal/testenv/need"
)

const chart = "../../../helm/fachwerk"

// TestChartWritesConfigurations renders every set of values of the chart and reads the
// configuration in it as the program does.
func TestChartWritesConfigurations(t *testing.T) {
	helm, err := filepath.Abs("../../../tools/bin/helm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(helm); err != nil {
		helm = need.Program(t, "helm")
	}
	ci, errCI := filepath.Glob(filepath.Join(chart, "ci", "*-values.yaml"))
	examples, errEx := filepath.Glob(filepath.Join(chart, "examples", "*.yaml"))
	if errCI != nil || errEx != nil || len(ci) < 20 || len(examples) < 2 {
		t.Fatalf("%d and %d sets of values: %v, %v", len(ci), len(examples), errCI, errEx)
	}
	for _, values := range slices.Concat(ci, examples) {
		t.Run(filepath.Base(values), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), helm, "template", "town", chart, "--kube-version", "1.36.0",
				"--show-only", "templates/configmap.yaml", "-f", values)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var manifest struct{ Data map[string]string }
			if err := yaml.Unmarshal(out, &manifest); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "fachwerk.yaml")
			if err := os.WriteFile(file, []byte(manifest.Data["fachwerk.yaml"]), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(file, nil); err != nil {
				t.Errorf("%v\n%s", err, manifest.Data["fachwerk.yaml"])
			}
		})
	}
}

// TestChartKnowsTheSettings: what the chart hands on section by section has the
// program's keys.
func TestChartKnowsTheSettings(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chart, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	// These follow from other values.
	derived := []string{"limits.drain", "limits.withdraw", "blobs.url", "blobs.secret_file"}
	for _, section := range []string{"blobs", "limits", "quota", "queue", "log"} {
		var known []string
		for _, key := range config.KeyNames() {
			if name, ok := strings.CutPrefix(key, section+"."); ok && !slices.Contains(derived, key) {
				known = append(known, name)
			}
		}
		var named []string
		for name := range schema.Properties[section].Properties {
			named = append(named, name)
		}
		slices.Sort(known)
		slices.Sort(named)
		if !slices.Equal(known, named) {
			t.Errorf("%s: the program has %v, the chart %v", section, known, named)
		}
	}
}
