package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBudgetsStayBelow40Minutes(t *testing.T) {
	var sum time.Duration
	for _, p := range parts {
		sum += p.budget
	}
	if sum >= 40*time.Minute {
		t.Errorf("the budgets are %v together", sum)
	}
}

func TestToolsAreKnownByTheirVersion(t *testing.T) {
	for _, tool := range goTools {
		path := filepath.Join("..", "..", "tools", "bin", tool.binary)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		other := tool
		other.version += "-other"
		if have(path, other) {
			t.Errorf("%s is taken for a version that it is not", tool.binary)
		}
	}
}

func TestTallyCounts(t *testing.T) {
	var got tally
	got.read(strings.NewReader(`{"Action":"start","Package":"fachwerk/a"}
{"Action":"run","Package":"fachwerk/a","Test":"TestOne"}
{"Action":"pass","Package":"fachwerk/a","Test":"TestOne"}
{"Action":"output","Package":"fachwerk/a","Test":"TestTwo","Output":"    x_test.go:1: needs a PostgreSQL\n"}
{"Action":"skip","Package":"fachwerk/a","Test":"TestTwo"}
{"Action":"output","Package":"fachwerk/a","Test":"TestThree","Output":"    x_test.go:2: wrong\n"}
{"Action":"fail","Package":"fachwerk/a","Test":"TestThree"}
{"Action":"fail","Package":"fachwerk/a"}
{"Action":"skip","Package":"fachwerk/none"}
`))
	if got.passed != 1 || len(got.failed) != 2 || len(got.skipped) != 1 {
		t.Fatalf("%+v", got)
	}
	if got.skipped[0] != "a.TestTwo: x_test.go:1: needs a PostgreSQL" {
		t.Errorf("skipped %q", got.skipped[0])
	}
}

func TestReportEndsWithTheTally(t *testing.T) {
	r := runner{tally: tally{passed: 3, failed: []string{"a.TestB"}}, took: []taken{
		{part: part{name: "unit", budget: time.Second}, seconds: 2 * time.Second, ran: true},
		{part: part{name: "fuzz", budget: time.Second}},
	}}
	var out bytes.Buffer
	r.report(&out)
	if !strings.HasSuffix(out.String(), "\n3 passed, 1 failed, 0 skipped\n") {
		t.Errorf("it ends %q", out.String())
	}
	if !strings.Contains(out.String(), "over budget") || !strings.Contains(out.String(), "not run") {
		t.Errorf("the table is %q", out.String())
	}
}

func TestEveryFuzzTargetIsFound(t *testing.T) {
	dir := t.TempDir()
	text := "package p\n\nfunc FuzzOne(f *testing.F) {}\n\nfunc FuzzTwo(f *testing.F) {}\n\n// func FuzzNone(\n"
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a", "b", "x_test.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := fuzzTargets(dir)
	if err != nil || len(got) != 2 || got[0] != (target{"a/b", "FuzzOne"}) || got[1] != (target{"a/b", "FuzzTwo"}) {
		t.Errorf("%v, %v", got, err)
	}
	own, err := fuzzTargets("../..")
	if err != nil || len(own) == 0 {
		t.Errorf("the project's own: %v, %v", own, err)
	}
}

func TestOutOfTimeIsNoFault(t *testing.T) {
	for out, want := range map[string]bool{
		"--- FAIL: FuzzX (3.06s)\n    context deadline exceeded\nFAIL":                                 true,
		"--- FAIL: FuzzX (3.06s)\n    x_test.go:1: wrong\n    Failing input written to testdata\nFAIL": false,
		"context deadline exceeded\nFailing input written to testdata/fuzz/x":                          false,
		"panic: runtime error\ncontext deadline exceeded":                                              false,
	} {
		if got := outOfTime([]byte(out)); got != want {
			t.Errorf("%q: %v", out, got)
		}
	}
}
