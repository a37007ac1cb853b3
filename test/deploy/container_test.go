package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
)

// tool is the path of one that test/run builds, or of one on PATH.
func tool(t *testing.T, name string) string {
	t.Helper()
	if own, err := filepath.Abs(filepath.Join(root, "tools", "bin", name)); err == nil {
		if _, err := os.Stat(own); err == nil {
			return own
		}
	}
	return need.Program(t, name)
}

// containers is a machine of its own where podman runs, gone with the test.
type containers struct{ dir, scripts, project string }

// newContainers finds out whether this machine may run containers at all.
func newContainers(t *testing.T) containers {
	t.Helper()
	if os.Geteuid() != 0 {
		need.NotRun(t, "only root may make a machine of its own for containers")
	}
	for _, program := range []string{"podman", "crun", "busybox", "unshare", "ip", "openssl", "curl"} {
		need.Program(t, program)
	}
	scripts, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	project, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	c := containers{t.TempDir(), scripts, project}
	if out, err := c.run(t, nil, "probe.sh", c.dir); err != nil {
		need.NotRun(t, fmt.Sprintf("containers do not run here: %v, %s", err, lastLine(out)))
	}
	return c
}

// run runs one of the scripts on the machine, with further variables.
func (c containers) run(t *testing.T, env []string, script string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
		"sh", filepath.Join(c.scripts, "machine.sh"), c.dir, c.project, "sh", filepath.Join(c.scripts, script)}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func lastLine(out string) string {
	out = strings.TrimSpace(out)
	return out[strings.LastIndexByte(out, '\n')+1:]
}

// The image is built from the file as it is, and runs, also as the pod of the chart's
// minimal example; then the page for compose is followed with it, with compose itself and
// podman as its engine. The images of others are stand-ins: no registry is asked. Keycloak
// is left out.
func TestContainersRun(t *testing.T) {
	c := newContainers(t)
	file := compose(t)
	builder := strings.TrimPrefix(instructions(t, read(t, "deploy/Containerfile"))[0].rest, "GO_IMAGE=")
	download := exec.Command("go", "mod", "download")
	download.Dir = root
	if out, err := download.CombinedOutput(); err != nil {
		t.Fatalf("go mod download: %v\n%s", err, out)
	}
	var env []string
	for _, name := range []string{"GOROOT", "GOMODCACHE", "GOCACHE"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(out)))
	}
	if out, err := c.run(t, env, "image.sh", c.dir, builder); err != nil || !strings.Contains(out, "\nIMAGE SERVED\n") {
		t.Fatalf("%v\n%s", err, out)
	}

	volumes, ports, pod := minimalPod(t)
	out, err := c.run(t, nil, "pod.sh", append([]string{volumes, strings.Join(ports, " ")}, pod...)...)
	if err != nil || !strings.Contains(out, "\nPOD SERVED\n") {
		t.Errorf("%v\n%s", err, out)
	}

	page := read(t, "docs/admin/install.md")
	var steps strings.Builder
	for _, line := range append(commands(section(t, page, "Compose")), commands(section(t, page, "The first tenant"))...) {
		switch {
		case strings.Contains(line, "password set "): // the page: not with a provider of your own
			continue
		case strings.HasPrefix(line, "fachwerk "):
			line = "docker compose exec fachwerk /usr/bin/" + strings.Replace(line, "--config F", "--config /etc/fachwerk/fachwerk.yaml", 1)
			if strings.Contains(line, "anna.schmidt") && strings.Contains(line, "account add") {
				line += " --issuer https://login.musterstadt.example:8444/realms/fachwerk --subject 3b0c1f6e"
			}
		}
		steps.WriteString(line + "\n")
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "page.sh"), []byte(steps.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = c.run(t, env, "compose.sh", c.dir, folder, builder, file.Services["database"].Image, file.Services["objects"].Image,
		tool(t, "versitygw"), tool(t, "docker-compose"))
	if err != nil || !strings.Contains(out, "\nCOMPOSE FOLLOWED\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
