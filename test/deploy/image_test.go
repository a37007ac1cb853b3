package deploy

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// An instruction of an image file, continued lines joined.
type instruction struct{ name, rest string }

// instructions reads an image file: comments, continued lines, one instruction a line.
func instructions(t *testing.T, text string) (out []instruction) {
	t.Helper()
	joined := regexp.MustCompile(`\\\n`).ReplaceAllString(regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(text, ""), " ")
	known := []string{"ARG", "FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD", "LABEL"}
	for line := range strings.Lines(joined) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if !slices.Contains(known, name) {
			t.Errorf("unknown instruction %q", line)
		}
		out = append(out, instruction{name, strings.Join(strings.Fields(rest), " ")})
	}
	return out
}

func TestImageFile(t *testing.T) {
	list := instructions(t, read(t, "deploy/Containerfile"))
	var stages []string
	last := map[string]string{} // of the last stage
	for _, in := range list {
		if in.name == "FROM" {
			stages, last = append(stages, in.rest), map[string]string{}
		}
		last[in.name] = in.rest
		if in.name != "COPY" {
			continue
		}
		// What is copied from the source is there.
		fields := strings.Fields(in.rest)
		if slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, "--from=") }) {
			continue
		}
		for _, source := range fields[:len(fields)-1] {
			if _, err := os.Stat(filepath.Join(root, source)); err != nil {
				t.Errorf("COPY %s: %v", source, err)
			}
		}
	}
	if len(stages) != 2 || stages[1] != "scratch" {
		t.Errorf("stages %q, want a builder and scratch: no shell goes with the program", stages)
	}
	if last["USER"] != "65532:65532" {
		t.Errorf("USER %q: a number that is not root's", last["USER"])
	}
	for _, name := range []string{"ENTRYPOINT", "CMD"} {
		if !strings.HasPrefix(last[name], "[") {
			t.Errorf("%s %s: without a shell only the form [\"…\"] runs", name, last[name])
		}
	}
	if last["RUN"] != "" {
		t.Error("the last stage has nothing that could RUN")
	}
	builder := regexp.MustCompile(`^GO_IMAGE=\S+/golang:(\d+\.\d+)\.\d+-\w+$`).FindStringSubmatch(list[0].rest)
	if builder == nil {
		t.Fatalf("the builder %q is not pinned to a version", list[0].rest)
	}
	if gomod := read(t, "go.mod"); !strings.Contains(gomod, "\ngo "+builder[1]) {
		t.Errorf("the builder has Go %s, go.mod wants another", builder[1])
	}
	build := list[slices.IndexFunc(list, func(in instruction) bool { return strings.Contains(in.rest, "go build") })].rest
	for _, want := range []string{"CGO_ENABLED=0", "-trimpath", "./cmd/fachwerk"} {
		if !strings.Contains(build, want) {
			t.Errorf("the program is not built with %s", want)
		}
	}
}

// Nothing that is secret or large goes to the builder.
func TestImageContext(t *testing.T) {
	ignored := strings.Fields(regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(read(t, "deploy/Containerfile.dockerignore"), ""))
	for _, want := range []string{"deploy/compose/private", "deploy/compose/.env", "fachwerk-data", "node_modules", "bin"} {
		if !slices.Contains(ignored, want) {
			t.Errorf("%s is not kept from the builder", want)
		}
	}
	for _, line := range ignored {
		for _, needed := range []string{"go.mod", "go.sum", "cmd", "internal", "mail"} {
			if ok, _ := path.Match(line, needed); ok {
				t.Errorf("%s is needed and ignored by %s", needed, line)
			}
		}
	}
}

// The linter for image files, and an engine that builds the image, where they are.
func TestImageLint(t *testing.T) {
	program, err := exec.LookPath("hadolint")
	if err != nil {
		need.NotRun(t, "hadolint is not installed; the rules above are checked by tests of our own")
	}
	if out, err := exec.Command(program, filepath.Join(root, "deploy", "Containerfile")).CombinedOutput(); err != nil {
		t.Errorf("hadolint: %v\n%s", err, out)
	}
}

func TestImageBuilds(t *testing.T) {
	for _, engine := range []string{"podman", "docker"} {
		program, err := exec.LookPath(engine)
		if err != nil || exec.Command(program, "info").Run() != nil {
			continue
		}
		if out, err := exec.Command(program, "build", "-f", filepath.Join(root, "deploy", "Containerfile"), root).CombinedOutput(); err != nil {
			t.Errorf("%s build: %v\n%s", engine, err, out)
		}
		return
	}
	need.NotRun(t, "no container engine is here that could build the image")
}
