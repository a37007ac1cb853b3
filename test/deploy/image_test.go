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

// What BuildKit, which builds such files for Docker, says against ours: nothing. A file
// that breaks its rules is found, so that silence means something.
func TestImageLint(t *testing.T) {
	program := tool(t, "imagelint")
	if out, err := exec.Command(program, filepath.Join(root, "deploy", "Containerfile")).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("imagelint: %v\n%s", err, out)
	}
	bad := filepath.Join(t.TempDir(), "Containerfile")
	if err := os.WriteFile(bad, []byte("FROM scratch AS one\nARG PASSWORD\nCMD serve\nCOPY --from=two a /b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, bad).CombinedOutput()
	for _, rule := range []string{"SecretsUsedInArgOrEnv", "JSONArgsRecommended"} {
		if err == nil || !strings.Contains(string(out), rule) {
			t.Errorf("%s is not found: %v\n%s", rule, err, out)
		}
	}
}
