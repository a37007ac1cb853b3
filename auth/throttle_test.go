package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// clock is a time that a test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time          { return c.Time }
func (c *clock) forward(d time.Duration) { c.Time = c.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)} }

func TestThrottle(t *testing.T) {
	c := newClock()
	th := NewThrottle(ThrottleLimits{Window: 10 * time.Minute, PerAccount: 5, PerNetwork: 10, PerPair: 3}, c.now)
	want := func(v Verdict, account string, places ...string) {
		t.Helper()
		if got := th.Judge(account, places...); got != v {
			t.Fatalf("the verdict on %s from %v is %d, want %d", account, places, got, v)
		}
	}
	th.Succeeded("anna", "home")
	for range 5 {
		want(Free, "anna", "away")
		th.Failed("Anna ", "away")
	}
	want(SlowPerson, "anna", "away")
	want(SlowPerson, "ANNA", "elsewhere")
	want(Free, "anna", "home") // the owner at home is not locked out
	want(Free, "bert", "away") // nor is anybody else
	for range 5 {
		th.Failed("", "away")
	}
	want(SlowSource, "bert", "away")
	want(Free, "bert", "home")
	// The owner's own failures have a budget of their own and bar nobody else.
	for range 3 {
		want(Free, "anna", "home")
		th.Failed("anna", "home")
	}
	want(SlowPerson, "anna", "home")
	want(Free, "bert", "home")
	// A device that is known vouches where the network does not.
	th.Succeeded("anna", "home", "device:1")
	want(Free, "anna", "away", "device:1")
	want(SlowPerson, "anna", "elsewhere", "device:2")
	// The window slides: failures fade, they do not vanish at its end.
	c.forward(9 * time.Minute)
	th.Failed("anna", "elsewhere")
	want(Free, "anna", "elsewhere")
	c.forward(21 * time.Minute)
	want(Free, "bert", "away")
	// Known places are forgotten in the end.
	c.forward(31 * 24 * time.Hour)
	for range 5 {
		th.Failed("anna", "away")
	}
	want(SlowPerson, "anna", "home")
}

// The window is sliding: a burst at its end counts on after the boundary.
// Whoever guesses must not get a new budget by writing the same address anew.
func TestThrottleSpellings(t *testing.T) {
	c := newClock()
	th := NewThrottle(ThrottleLimits{PerAccount: 6}, c.now)
	for _, name := range []string{
		"jürgen@münster.example", " JÜRGEN@MÜNSTER.example ", "ju\u0308rgen@mu\u0308nster.example",
		"jürgen@xn--mnster-3ya.example.", "jürgen@mün\u00adster.example", "jürgen@ｍünster。example",
	} {
		if v := th.Judge(name, "away"); v != Free {
			t.Errorf("%q has no budget left: %d", name, v)
		}
		th.Failed(name, "away")
	}
	for _, name := range []string{"jürgen@münster.example", "jürgen@m\u00adünster.example"} {
		if v := th.Judge(name, "elsewhere"); v != SlowPerson {
			t.Errorf("%q has a budget of its own: %d", name, v)
		}
	}
	if v := th.Judge("jurgen@münster.example", "elsewhere"); v != Free {
		t.Errorf("another person shares the budget: %d", v)
	}
}

func TestThrottleSlides(t *testing.T) {
	c := newClock()
	th := NewThrottle(ThrottleLimits{Window: 10 * time.Minute, PerAccount: 10}, c.now)
	th.Failed("anna", "a")
	c.forward(4*time.Minute + 59*time.Second)
	for range 9 {
		th.Failed("anna", "a")
	}
	c.forward(2 * time.Second) // into the next half
	if th.Judge("anna", "a") == Free {
		c.forward(-2 * time.Second)
		if th.Judge("anna", "a") == Free {
			t.Error("ten failures in five minutes are borne")
		}
	}
	if n := th.count("aanna", c.Time); n < 9 {
		t.Errorf("two seconds later %d failures count", n)
	}
}

func TestThrottleMemoryIsBounded(t *testing.T) {
	c := newClock()
	th := NewThrottle(ThrottleLimits{Entries: 1000, PerAccount: 10}, c.now)
	for range 50 {
		th.Failed("anna", "")
	}
	for n := range 20000 {
		th.Failed(fmt.Sprint("person", n), fmt.Sprint("place", n))
		th.Succeeded(fmt.Sprint("person", n), fmt.Sprint("place", n))
	}
	if len(th.failures) > 1000 || len(th.known) > 1000 {
		t.Errorf("%d failures and %d known places are held", len(th.failures), len(th.known))
	}
	if th.Judge("anna", "x") != SlowPerson {
		t.Error("a flood of single failures washed an offender out")
	}
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":            "192.0.2.1",
		"::ffff:192.0.2.1":     "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::/64",
		"fe80::1%eth0":         "fe80::/64",
		"::1":                  "::/64",
	} {
		if got := Network(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s is in %q, want %q", in, got, want)
		}
	}
	if Network(netip.Addr{}) != "unknown" {
		t.Error("no address has a network")
	}
}

// What is being checked counts as failed until it is settled.
func TestThrottleCountsWhatIsBeingChecked(t *testing.T) {
	th := NewThrottle(ThrottleLimits{PerAccount: 3, PerNetwork: 5, PerPair: 2}, newClock().now)
	want := func(v Verdict, account string, places ...string) {
		t.Helper()
		if got := th.Judge(account, places...); got != v {
			t.Fatalf("the verdict on %s from %v is %d, want %d", account, places, got, v)
		}
	}
	th.Succeeded("anna", "home")
	var settled []func()
	begin := func(known bool, account, place string) {
		t.Helper()
		got, done := th.Begin(account, place)
		if settled = append(settled, done); got != known {
			t.Errorf("%s is known at %s: %v", account, place, got)
		}
	}
	for range 3 {
		want(Free, "anna", "away")
		begin(false, "Anna", "away")
	}
	want(SlowPerson, "anna", "elsewhere")
	begin(false, "bert", "away")
	begin(false, "carl", "away")
	want(SlowSource, "dora", "away")
	for range 2 {
		want(Free, "anna", "home")
		begin(true, "anna", "home")
	}
	want(SlowPerson, "anna", "home") // whose own are counted apart
	for _, done := range settled {
		done()
	}
	want(Free, "anna", "away")
	want(Free, "dora", "away")
	want(Free, "anna", "home")
	if len(th.pending) != 0 {
		t.Errorf("%v is left", th.pending)
	}
}
