package system

import (
	"fmt"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// litmus passes every test of every group.
func TestWebDAVLitmus(t *testing.T) {
	litmus := need.Program(t, "litmus")
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		s := shareOf(t, d, d.Anna())
		out, err := newProgram(t).run("", litmus, "-k", s.url.String(), s.user, s.password)
		if err != nil {
			t.Error(err)
		}
		for _, g := range []struct {
			group string
			tests int
		}{{"basic", 16}, {"copymove", 13}, {"props", 30}, {"locks", 41}, {"http", 4}} {
			want := fmt.Sprintf("summary for `%s': of %d tests run: %d passed, 0 failed", g.group, g.tests, g.tests)
			if !strings.Contains(out, want) {
				t.Errorf("litmus does not say: %s", want)
			}
		}
		if t.Failed() || strings.Contains(out, "WARNING") {
			t.Logf("litmus:\n%s", out)
		}
		if strings.Contains(out, "WARNING") {
			t.Error("litmus warns")
		}
		d.Check(t)
	})
}
