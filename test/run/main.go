// Command run is `make test`: it installs what the tests need, starts a
// PostgreSQL and an S3 service on free ports, runs every part of the tests in
// order and ends with the seconds of each part against its budget.
//
//	go run ./test/run                 everything
//	go run ./test/run -only unit,fuzz some parts; services start if one needs them
//	go run ./test/run -no-install     where everything is installed already
//	go run ./test/run -bench store    no tests, but the measurements of the store
//	go run ./test/run -cluster        the chart on a real Kubernetes API server
//
// The exit status is 0 if all parts passed, 1 if one failed, 2 if a part could
// not be run at all.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A part is one step with its budget: the seconds it may take on two cores with
// empty caches. All budgets together stay below 40 minutes.
type part struct {
	name   string
	budget time.Duration
	run    func(context.Context, *runner) error
}

var parts = []part{
	{"install", 400 * time.Second, install},
	{"services", 20 * time.Second, services},
	{"format", 70 * time.Second, format},
	{"unit", 800 * time.Second, unit},
	{"lint", 60 * time.Second, lint},
	{"helm", 30 * time.Second, chart},
	{"fuzz", 220 * time.Second, fuzz},
	{"system", 580 * time.Second, system},
	{"replicas", 130 * time.Second, replicas},
	{"race", 60 * time.Second, race},
}

// benches are measurements, run by name and never among the tests.
var benches = map[string]part{
	"store": {"bench", 10 * time.Minute, benchStore},
	"mail":  {"bench", 40 * time.Minute, benchMail},
	"dav":   {"bench", 30 * time.Minute, benchDAV},
}

// onCluster is what make test-cluster runs.
var onCluster = []part{
	{"build", 30 * time.Minute, buildCluster},
	{"cluster", 10 * time.Minute, cluster},
}

// A runner carries what the parts share.
type runner struct {
	dir       string   // temporary
	measuring bool     // a benchmark: durable means durable
	env       []string // for the commands that run tests
	services  []*service
	tally     tally
	took      []taken
	failed    []string
}

type taken struct {
	part
	seconds time.Duration
	ran     bool
}

func main() {
	only := flag.String("only", "", "comma-separated parts to run: "+names())
	noInstall := flag.Bool("no-install", false, "leave the packages and tools of the machine as they are")
	bench := flag.String("bench", "", "measure instead of testing: store, mail or dav")
	kubernetes := flag.Bool("cluster", false, "install the chart on a real Kubernetes API server instead")
	flag.Parse()
	if *kubernetes {
		parts = onCluster
	}
	if *bench != "" {
		b, ok := benches[*bench]
		if !ok {
			fmt.Fprintf(os.Stderr, "there is no measurement %q\n", *bench)
			os.Exit(2)
		}
		parts = []part{{"services", 20 * time.Second, services}, b}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, *only, *noInstall, *bench != ""))
}

func run(ctx context.Context, only string, noInstall, measuring bool) int {
	dir, err := os.MkdirTemp("", "fachwerk-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	r := &runner{dir: dir, measuring: measuring, env: os.Environ()}
	defer os.RemoveAll(dir)
	defer r.stopServices()
	status := 0
	for _, p := range parts {
		if !wanted(p.name, only) || p.name == "install" && noInstall {
			r.took = append(r.took, taken{part: p})
			continue
		}
		fmt.Printf("== %s\n", p.name)
		began := time.Now()
		err := p.run(ctx, r)
		r.took = append(r.took, taken{part: p, seconds: time.Since(began), ran: true})
		if err != nil {
			fmt.Printf("== %s failed: %v\n", p.name, err)
			r.failed = append(r.failed, p.name)
			status = 1
		}
		if ctx.Err() != nil || err != nil && (p.name == "install" || p.name == "services") {
			status = 2
			break
		}
	}
	r.report(os.Stdout)
	return status
}

func wanted(name, only string) bool {
	if only == "" {
		return true
	}
	list := strings.Split(only, ",")
	if name == "services" {
		return slices.Contains(list, "unit") || slices.Contains(list, "system") || slices.Contains(list, "replicas") || slices.Contains(list, "race") || slices.Contains(list, name)
	}
	return slices.Contains(list, name)
}

func names() string {
	var out []string
	for _, p := range parts {
		out = append(out, p.name)
	}
	return strings.Join(out, ",")
}
