package helm

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// Modules hold the schemas that rendered manifests are held against: Kubernetes'
// own and those of the custom resources that the chart can make.
var Modules = []Module{
	{"k8s.io/kubernetes", "v1.36.3", "api/openapi-spec/swagger.json"},
	{"sigs.k8s.io/gateway-api", "v1.5.0", "config/crd/standard/*.yaml"},
	{"github.com/cert-manager/cert-manager", "v1.21.2", "deploy/crds/*.yaml"},
	{"github.com/prometheus-operator/prometheus-operator", "v0.85.0", "example/prometheus-operator-crd/*.yaml"},
}

// Module is a Go module of which only files are read.
type Module struct {
	Path, Version string
	Files         string // pattern below its root
}

// KubernetesVersion is the one that the chart is rendered for in tests.
const KubernetesVersion = "1.36.3"

// Dir is where the module lies in the module cache, fetched if it does not. outside is
// a folder of no module, whose go.sum it would fill.
func (m Module) Dir(ctx context.Context, outside string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", m.Path+"@"+m.Version)
	cmd.Dir = outside
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, err := cmd.Output()
	var found struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &found); err != nil || jsonErr != nil || found.Dir == "" {
		return "", fmt.Errorf("the module %s %s is neither in the module cache nor to be had: %s: %w", m.Path, m.Version, found.Error, err)
	}
	return found.Dir, nil
}
