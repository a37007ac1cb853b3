package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"fachwerk/test/helm"
)

// statefulSet has of a rendered one what running its pod by hand needs.
type statefulSet struct {
	Spec struct {
		Template struct {
			Spec podSpec `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

type podSpec struct {
	Security struct {
		User    int `yaml:"runAsUser"`
		Group   int `yaml:"runAsGroup"`
		FSGroup int `yaml:"fsGroup"`
		Sysctls []struct {
			Name  string `yaml:"name"`
			Value string `yaml:"value"`
		} `yaml:"sysctls"`
	} `yaml:"securityContext"`
	Aliases []struct {
		IP    string   `yaml:"ip"`
		Names []string `yaml:"hostnames"`
	} `yaml:"hostAliases"`
	Containers []struct {
		Args     []string `yaml:"args"`
		Security struct {
			ReadOnly     bool `yaml:"readOnlyRootFilesystem"`
			Escalation   bool `yaml:"allowPrivilegeEscalation"`
			Capabilities struct {
				Drop []string `yaml:"drop"`
			} `yaml:"capabilities"`
		} `yaml:"securityContext"`
		Env []struct {
			Name  string `yaml:"name"`
			Value string `yaml:"value"`
		} `yaml:"env"`
		Ports []struct {
			Port int `yaml:"containerPort"`
		} `yaml:"ports"`
		Mounts []struct {
			Name     string `yaml:"name"`
			Path     string `yaml:"mountPath"`
			SubPath  string `yaml:"subPath"`
			ReadOnly bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	} `yaml:"containers"`
}

// chartExample renders one template of the chart's minimal example.
func chartExample(t *testing.T, template string, into any) {
	t.Helper()
	chart := filepath.Join(root, "helm", "fachwerk")
	out, err := exec.Command(tool(t, "helm"), "template", "town", chart, "--kube-version", helm.KubernetesVersion,
		"--values", filepath.Join(chart, "examples", "minimal.yaml"), "--show-only", "templates/"+template).Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(out, into); err != nil {
		t.Fatal(err)
	}
}

// minimalPod makes the volumes of the minimal example's pod as a kubelet would, a folder
// each, and tells how podman runs that pod and which ports it has.
func minimalPod(t *testing.T) (folder string, ports, arguments []string) {
	t.Helper()
	var set statefulSet
	chartExample(t, "statefulset.yaml", &set)
	var config struct {
		Data map[string]string `yaml:"data"`
	}
	chartExample(t, "configmap.yaml", &config)
	pod := set.Spec.Template.Spec
	container := pod.Containers[0]

	arguments = []string{
		fmt.Sprintf("--user=%d:%d", pod.Security.User, pod.Security.Group), fmt.Sprintf("--group-add=%d", pod.Security.FSGroup),
		fmt.Sprintf("--read-only=%t", container.Security.ReadOnly), "--read-only-tmpfs=false",
	}
	if !container.Security.Escalation {
		arguments = append(arguments, "--security-opt=no-new-privileges")
	}
	for _, c := range container.Security.Capabilities.Drop {
		arguments = append(arguments, "--cap-drop="+c)
	}
	for _, s := range pod.Security.Sysctls {
		arguments = append(arguments, "--sysctl="+s.Name+"="+s.Value)
	}
	for _, a := range pod.Aliases {
		arguments = append(arguments, "--add-host="+a.Names[0]+":"+a.IP)
	}
	for _, e := range container.Env {
		arguments = append(arguments, "--env="+e.Name+"="+e.Value)
	}
	folder = t.TempDir()
	for _, m := range container.Mounts {
		volume := filepath.Join(folder, m.Name)
		if err := os.MkdirAll(volume, 0o770); err != nil {
			t.Fatal(err)
		}
		if m.SubPath != "" {
			volume = filepath.Join(volume, m.SubPath)
			if err := os.WriteFile(volume, []byte(config.Data[m.SubPath]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		// Root's, and open to the group that the pod's fsGroup names.
		mode := os.FileMode(0o644)
		if m.SubPath == "" {
			mode = 0o775 | os.ModeSetgid
		}
		if err := os.Chown(volume, 0, pod.Security.FSGroup); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(volume, mode); err != nil { //nolint:gosec // as a kubelet does
			t.Fatal(err)
		}
		option := ""
		if m.ReadOnly {
			option = ":ro"
		}
		arguments = append(arguments, "--volume="+volume+":"+m.Path+option)
	}
	for _, p := range container.Ports {
		ports = append(ports, fmt.Sprint(p.Port))
	}
	if len(ports) < 8 || !strings.Contains(strings.Join(arguments, " "), "--cap-drop=ALL") {
		t.Fatalf("this is not the pod of the chart: %q, %q", ports, arguments)
	}
	return folder, ports, append(append(arguments, "fachwerk:local"), container.Args...)
}
