//go:build bench

package davbench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A measurement is one piece of work that every peer does in turn.
type measurement struct {
	what   string
	unit   string // of what f answers; see more
	more   bool   // a larger figure is better: a rate; else a time
	rounds int
	bar    float64 // what is asked of ours, as a multiple of the best peer
	f      func(p *peer) float64
}

// A figure is the result of one measurement.
type figure struct {
	measurement
	medians map[string]float64
	best    string  // of the peers, "" without one
	ratio   float64 // ours against the best, above 1 is better
}

// patience is how long a peer may take before it is measured once only. One that gives
// no answer within the client's, a minute, is asked no more until the next group.
const patience = 10 * time.Second

// run measures every peer in turn, A B A B …, after one turn that does not count,
// and compares medians. The time that a peer's processors worked in a round, all that
// the round does, says more than its duration on a machine that others use.
func (m measurement) run(t *testing.T, peers []*peer) figure {
	t.Helper()
	all := map[string][]float64{}
	slow := map[string]bool{}
	worked := map[string]float64{}
	for round := range m.rounds + 1 {
		for _, p := range peers {
			if slow[p.name] || p.late {
				continue
			}
			began, before := time.Now(), p.processor(t)
			p.complained = round > 0
			value := m.f(p)
			if p.late {
				continue
			}
			slow[p.name] = time.Since(began) > patience
			if round > 0 || slow[p.name] {
				all[p.name] = append(all[p.name], value)
				worked[p.name] += p.processor(t) - before
			}
		}
	}
	f := figure{measurement: m, medians: map[string]float64{}}
	line := fmt.Sprintf("%-46s", m.what)
	for n, p := range peers {
		if len(all[p.name]) == 0 {
			line += fmt.Sprintf("  %s no answer in %.0f s", p.name, client.Timeout.Seconds())
			continue
		}
		f.medians[p.name] = median(all[p.name])
		line += fmt.Sprintf("  %s %.4g %s [%.0f ms of processor]", p.name, f.medians[p.name], m.unit, worked[p.name]/float64(len(all[p.name])))
		if n > 0 {
			line += fmt.Sprintf(" (ours %.2f times)", m.ratio(f.medians[ours], f.medians[p.name]))
		}
		if n > 0 && (f.best == "" || (f.medians[p.name] > f.medians[f.best]) == m.more) {
			f.best = p.name
		}
	}
	if f.best != "" {
		f.ratio = m.ratio(f.medians[ours], f.medians[f.best])
		line += fmt.Sprintf("  = %.2f times the best (bar %.1f)", f.ratio, m.bar)
	}
	t.Logf("%s  [peak %d MB]", line, peakMemory(t, peers[0].pid)>>10)
	return f
}

func (m measurement) ratio(ours, theirs float64) float64 {
	if m.more {
		return ours / theirs
	}
	return theirs / ours
}

func median(list []float64) float64 {
	s := slices.Clone(list)
	slices.Sort(s)
	return s[len(s)/2]
}

// processor is how long a peer's processes have worked so far, in ms. The kernel counts
// in steps of 10 ms.
func (p *peer) processor(t testing.TB) (ms float64) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// After the name, which may hold anything: state, parent, group and, from the
		// eleventh on, user and system time, also of children that have ended.
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 15 || fields[2] != strconv.Itoa(p.group) && filepath.Base(filepath.Dir(file)) != strconv.Itoa(p.pid) {
			continue
		}
		for _, field := range fields[11:15] {
			ticks, _ := strconv.Atoi(field) // digits
			ms += float64(ticks) * 10
		}
	}
	return ms
}

// peakMemory is the greatest resident memory of a process so far, in KiB.
func peakMemory(t testing.TB, pid int) (kib int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Sscan(rest, &kib)
	return kib
}

func milliseconds(since time.Time) float64 { return time.Since(since).Seconds() * 1000 }
