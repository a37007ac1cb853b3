package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A tally counts tests, subtests included.
type tally struct {
	passed          int
	failed, skipped []string
}

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output, FailedBuild string
	ImportPath                                 string
	Elapsed                                    float64
}

// goTest runs `go test -json` with args, prints a line a package and the output
// of what failed, and adds to the tally.
func (r *runner) goTest(ctx context.Context, args ...string) error {
	cmd := r.command(ctx, "go", append([]string{"test", "-json"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	before := len(r.tally.failed)
	r.tally.read(out)
	err = cmd.Wait()
	if n := len(r.tally.failed) - before; n > 0 {
		return fmt.Errorf("%d failed", n)
	}
	return err
}

func (t *tally) read(in io.Reader) {
	output := map[string][]string{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Action == "" {
			fmt.Println(lines.Text())
			continue
		}
		t.event(e, output)
	}
	if err := lines.Err(); err != nil {
		t.failed = append(t.failed, "reading the output of go test: "+err.Error())
		_, _ = io.Copy(io.Discard, in) // let the command end
	}
}

func (t *tally) event(e event, output map[string][]string) {
	name := strings.TrimPrefix(e.Package, "fachwerk/")
	if e.Test != "" {
		name += "." + e.Test
	}
	const maxLines = 2000 // of one test, enough to see what went wrong
	switch e.Action {
	case "output":
		if lines := output[name]; len(lines) < maxLines {
			output[name] = append(lines, e.Output)
		}
		return
	case "build-output":
		fmt.Print(e.Output)
		return
	case "pass":
		if e.Test != "" {
			t.passed++
		} else {
			fmt.Printf("   ok   %-40s %6.1f s\n", name, e.Elapsed)
		}
	case "skip":
		if e.Test != "" { // a package without tests is no skipped test
			t.skipped = append(t.skipped, name+": "+reason(output[name]))
		}
	case "fail":
		t.failed = append(t.failed, name)
		fmt.Printf("   FAIL %s\n%s", name, strings.Join(output[name], ""))
	default:
		return
	}
	delete(output, name)
}

// reason finds the sentence that t.Skip printed.
func reason(lines []string) string {
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if !strings.HasPrefix(l, "=== ") && !strings.HasPrefix(l, "--- ") && l != "" {
			return l
		}
	}
	return ""
}

// packages lists those that match the patterns, without those below a folder in
// except.
func (r *runner) packages(ctx context.Context, patterns []string, except ...string) ([]string, error) {
	out, err := r.command(ctx, "go", append([]string{"list"}, patterns...)...).Output()
	if err != nil {
		return nil, explain(err)
	}
	var list []string
next:
	for p := range strings.FieldsSeq(string(out)) {
		for _, e := range except {
			if p == "fachwerk/"+e || strings.HasPrefix(p, "fachwerk/"+e+"/") {
				continue next
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// unit runs every test but those of whole programs, with the race detector.
func unit(ctx context.Context, r *runner) error {
	list, err := r.packages(ctx, []string{"./..."}, "test")
	if err != nil {
		return err
	}
	list = append(list, "fachwerk/test/house", "fachwerk/test/run")
	return r.goTest(ctx, append([]string{"-race", "-count=1", "-timeout=15m"}, list...)...)
}

// system builds the program once and runs the scenarios with real clients, one
// package after another: they measure time and start servers.
func system(ctx context.Context, r *runner) error {
	if err := r.program(ctx); err != nil {
		return err
	}
	list, err := r.packages(ctx, []string{"./test/..."}, "test/house", "test/run", "test/helm", "test/cluster", "test/replicas", "test/walk")
	if err != nil {
		return err
	}
	return r.goTest(ctx, append([]string{"-count=1", "-p=1", "-timeout=15m"}, list...)...)
}

// program builds what system tests run.
func (r *runner) program(ctx context.Context) error {
	binary := filepath.Join(r.dir, "fachwerk")
	if err := r.stream(r.command(ctx, "go", "build", "-o", binary, "./cmd/fachwerk")); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	r.env = append(r.env, "FACHWERK_TEST_BINARY="+binary)
	return nil
}

// replicas runs two servers over one store, chaos included: in `make chaos` for as
// long as FACHWERK_TEST_CHAOS says. Then it walks through docs/admin with two sites.
func replicas(ctx context.Context, r *runner) error {
	if err := r.program(ctx); err != nil {
		return err
	}
	return r.goTest(ctx, "-count=1", "-timeout=3h", "-p=1", "./test/replicas", "./test/walk")
}

// chart tests the Helm chart with Helm's own tools.
func chart(ctx context.Context, r *runner) error {
	for _, name := range []string{"helm", "helm-unittest", "kubeconform", "promql"} {
		if _, err := r.goTool(ctx, name); err != nil {
			return err
		}
	}
	env := r.env
	defer func() { r.env = env }()
	r.env = append(slices.Clip(env), "FACHWERK_TEST_REQUIRE=1") // nothing here is skipped
	return r.goTest(ctx, "-count=1", "-timeout=10m", "./test/helm")
}

// buildCluster brings what a Kubernetes control plane needs.
func buildCluster(ctx context.Context, r *runner) error {
	if err := installPackages(ctx, r, []string{"etcd-server"}); err != nil {
		return err
	}
	names := []string{"helm"}
	for _, tool := range clusterTools {
		names = append(names, tool.binary)
	}
	for _, name := range names {
		if _, err := r.goTool(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// cluster installs the chart on a Kubernetes of its own.
func cluster(ctx context.Context, r *runner) error {
	return r.goTest(ctx, "-tags=cluster", "-count=1", "-timeout=45m", "./test/cluster")
}

// race runs a few scenarios against a program built with the race detector; the
// harness fails a test whose server reports a race.
func race(ctx context.Context, r *runner) error {
	binary := filepath.Join(r.dir, "fachwerk-race")
	if err := r.stream(r.command(ctx, "go", "build", "-race", "-o", binary, "./cmd/fachwerk")); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	// The later value counts.
	r.env = append(r.env, "FACHWERK_TEST_BINARY="+binary)
	return r.goTest(ctx, "-count=1", "-timeout=10m", "-run=^(TestMbsync|TestSwaks|TestRevocationEndsConnections|TestWebDAVLitmus)$", "./test/system")
}

// fuzz runs every fuzz target for a few seconds.
func fuzz(ctx context.Context, r *runner) error {
	const each = 2 * time.Second
	targets, err := fuzzTargets(".")
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("no fuzz target was found")
	}
	var failed []string
	for _, f := range targets {
		began := time.Now()
		// Minimising large interesting inputs would eat all of so short a time.
		run := func(time string) ([]byte, error) {
			return r.command(ctx, "go", "test", "-run=^$", "-fuzz=^"+f.name+"$", "-fuzztime="+time, "-fuzzminimizetime=10x", "./"+f.folder).CombinedOutput()
		}
		out, err := run(each.String())
		if err != nil && outOfTime(out) {
			out, err = run("1000x")
		}
		name := f.folder + "." + f.name
		if err != nil {
			failed = append(failed, name)
			r.tally.failed = append(r.tally.failed, name)
			fmt.Printf("   FAIL %s\n%s", name, out)
			continue
		}
		r.tally.passed++
		fmt.Printf("   ok   %-40s %6.1f s\n", name, time.Since(began).Seconds())
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d targets failed", len(failed), len(targets))
	}
	return nil
}

// outOfTime reports whether go test failed only because the time was up while an
// input was at work, which it sometimes takes for a fault.
func outOfTime(out []byte) bool {
	return bytes.Contains(out, []byte("context deadline exceeded")) && !bytes.Contains(out, []byte("Failing input")) &&
		!bytes.Contains(out, []byte("panic"))
}

// format checks gofmt and vet.
func format(ctx context.Context, r *runner) error {
	folders, err := sourceFolders(".")
	if err != nil {
		return err
	}
	out, err := r.command(ctx, "gofmt", append([]string{"-l"}, folders...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("gofmt: %w: %s", err, out)
	}
	if len(out) > 0 {
		return fmt.Errorf("these files are not formatted by gofmt:\n%s", out)
	}
	return r.stream(r.command(ctx, "go", "vet", "./..."))
}

// sourceFolders lists the top folders that may hold Go.
func sourceFolders(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && e.Name()[0] != '.' && e.Name() != "bin" && e.Name() != "fachwerk-data" {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// lint runs golangci-lint over everything.
func lint(ctx context.Context, r *runner) error {
	linter, err := r.goTool(ctx, "golangci-lint")
	if err != nil {
		return err
	}
	return r.stream(r.command(ctx, linter, "run", "--timeout=10m", "./..."))
}

func explain(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return err
}
