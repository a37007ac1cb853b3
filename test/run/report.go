package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// report prints the table of seconds and, as its last line, the tally.
func (r *runner) report(w io.Writer) {
	fmt.Fprintf(w, "\n%-10s %8s %8s\n", "part", "seconds", "budget")
	var sum, budget time.Duration
	for _, t := range r.took {
		budget += t.budget
		if !t.ran {
			fmt.Fprintf(w, "%-10s %8s %8.0f  not run\n", t.name, "-", t.budget.Seconds())
			continue
		}
		sum += t.seconds
		note := ""
		if t.seconds > t.budget {
			note = "  over budget"
		}
		fmt.Fprintf(w, "%-10s %8.0f %8.0f%s\n", t.name, t.seconds.Seconds(), t.budget.Seconds(), note)
	}
	fmt.Fprintf(w, "%-10s %8.0f %8.0f\n\n", "all", sum.Seconds(), budget.Seconds())
	for _, s := range r.tally.skipped {
		fmt.Fprintf(w, "skipped: %s\n", s)
	}
	for _, f := range r.tally.failed {
		fmt.Fprintf(w, "failed: %s\n", f)
	}
	if len(r.failed) > 0 {
		fmt.Fprintf(w, "failed parts: %s\n", strings.Join(r.failed, ", "))
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", r.tally.passed, len(r.tally.failed), len(r.tally.skipped))
}
