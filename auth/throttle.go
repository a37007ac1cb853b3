package auth

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// ThrottleLimits say how many failed attempts are borne in a sliding window.
// Zero values take the defaults.
type ThrottleLimits struct {
	Window     time.Duration // default 15 minutes
	PerAccount int           // failures that name one account; default 20
	PerNetwork int           // failures from one address (IPv6: one /64); default 100
	// PerPair bounds failures of an account from a network (or device) where
	// it has signed in before. It is counted apart, so that strangers cannot
	// use it up; default 50.
	PerPair int
	// Remember is how long a successful sign-in makes its network known to
	// the account; default 30 days.
	Remember time.Duration
	// Entries bounds each table; default 65,536.
	Entries int
}

// Throttle slows guessing down, by account and by network, without locking
// the owner out (docs/decisions/0004-login.md): an account that has signed in
// from a network is not kept from there by failures elsewhere. It holds
// bounded memory and is safe for use by many goroutines. Shared, it counts with other
// processes.
type Throttle struct {
	limits ThrottleLimits
	now    func() time.Time
	shared *shared // nil: this process alone

	mu       sync.Mutex
	failures map[string]*failures // by account, network or pair; the first byte tells
	known    map[string]time.Time // pairs that succeeded: until when
	pending  map[string]int       // attempts that are being checked, by the same keys; none at 0
}

// failures are counted in two halves of the window, the older one weighed by
// what of it the sliding window still covers.
type failures struct {
	start     time.Time // of the current half
	now, past int
}

// NewThrottle makes one; now nil takes time.Now.
func NewThrottle(limits ThrottleLimits, now func() time.Time) *Throttle {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&limits.PerAccount, 20)
	def(&limits.PerNetwork, 100)
	def(&limits.PerPair, 50)
	def(&limits.Entries, 1<<16)
	if limits.Window <= 0 {
		limits.Window = 15 * time.Minute
	}
	if limits.Remember <= 0 {
		limits.Remember = 30 * 24 * time.Hour
	}
	if now == nil {
		now = time.Now
	}
	return &Throttle{
		limits: limits, now: now,
		failures: map[string]*failures{}, known: map[string]time.Time{}, pending: map[string]int{},
	}
}

// Verdict is what the throttle thinks of an attempt before it is checked.
type Verdict uint8

// The verdicts.
const (
	Free       Verdict = iota
	SlowPerson         // too many failures name this account
	SlowSource         // too many failures come from this network
)

// Judge tells whether an attempt at the account (as the client named it) may
// be checked. Places are where it comes from: Network of its address, and
// whatever else identifies the device, such as a device cookie's id; each one
// where the account has succeeded before vouches for it.
func (t *Throttle) Judge(account string, places ...string) Verdict {
	account = throttleName(account)
	now := t.now()
	if t.shared != nil {
		t.shared.refresh(t.limits.Window/2, now)
	}
	v := t.judge(account, now, places)
	if v == Free || t.shared == nil {
		return v
	}
	// Another process may know the place.
	if t.learn(account, now, places) {
		return t.judge(account, now, places)
	}
	return v
}

// learn asks which places other processes know, and reports whether there is one.
func (t *Throttle) learn(account string, now time.Time, places []string) bool {
	known := t.shared.knows(pairsOf(account, places))
	t.remember(known, now)
	return len(known) > 0
}

func pairsOf(account string, places []string) (pairs []string) {
	for _, p := range places {
		if p != "" {
			pairs = append(pairs, pairKey(account, p))
		}
	}
	return pairs
}

func (t *Throttle) judge(account string, now time.Time, places []string) Verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range places {
		if p == "" {
			continue
		}
		pair := pairKey(account, p)
		if until, ok := t.known[pair]; ok && now.Before(until) && t.count(pair, now) < t.limits.PerPair {
			return Free
		}
	}
	for _, p := range places {
		if p != "" && t.count("n"+p, now) >= t.limits.PerNetwork {
			return SlowSource
		}
	}
	if t.count("a"+account, now) >= t.limits.PerAccount {
		return SlowPerson
	}
	return Free
}

// Begin tells whether the account has succeeded at one of the places, and counts an attempt
// that Judge has let pass as a failure, in this process, until settled is called: what is
// not checked yet is not free. What fails is to be told by Failed besides.
func (t *Throttle) Begin(account string, places ...string) (known bool, settled func()) {
	account = throttleName(account)
	now := t.now()
	if known = t.knowsOne(account, now, places); !known && t.shared != nil {
		known = t.learn(account, now, places)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	keys := t.failureKeys(account, now, places)
	for _, k := range keys {
		t.pending[k]++
	}
	return known, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, k := range keys {
			if t.pending[k]--; t.pending[k] <= 0 {
				delete(t.pending, k)
			}
		}
	}
}

// Knows tells whether the account has succeeded at that place lately.
func (t *Throttle) Knows(account, place string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, ok := t.known[pairKey(throttleName(account), place)]
	return ok && t.now().Before(until)
}

// Failed counts a wrong password or token. Failures from a place that is
// known to the account count for the pair alone, so that the owner's own
// forgotten device bars nobody. An empty account counts for the places.
func (t *Throttle) Failed(account string, places ...string) {
	account = throttleName(account)
	now := t.now()
	if t.shared != nil && !t.knowsOne(account, now, places) {
		t.learn(account, now, places)
	}
	keys := t.failed(account, now, places)
	if t.shared != nil && len(keys) > 0 {
		t.shared.failed(t.limits.Window/2, keys)
	}
}

func (t *Throttle) knowsOne(account string, now time.Time, places []string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, pair := range pairsOf(account, places) {
		if until, ok := t.known[pair]; ok && now.Before(until) {
			return true
		}
	}
	return false
}

// failed counts a failure in this process and answers under which keys.
func (t *Throttle) failed(account string, now time.Time, places []string) (keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys = t.failureKeys(account, now, places)
	for _, k := range keys {
		t.add(k, now)
	}
	return keys
}

// failureKeys are those under which a failure counts; the lock is held.
func (t *Throttle) failureKeys(account string, now time.Time, places []string) (keys []string) {
	for _, p := range places {
		pair := pairKey(account, p)
		if until, ok := t.known[pair]; ok && now.Before(until) {
			return []string{pair}
		}
	}
	if account != "" {
		keys = append(keys, "a"+account)
	}
	for _, p := range places {
		if p != "" {
			keys = append(keys, "n"+p)
		}
	}
	return keys
}

// Succeeded makes the places known to the account and forgets the failures
// counted for the pairs.
func (t *Throttle) Succeeded(account string, places ...string) {
	account = throttleName(account)
	if fresh := t.remember(pairsOf(account, places), t.now()); t.shared != nil {
		t.shared.succeeded(t.limits.Remember, fresh)
	}
}

// remember makes pairs known and answers those that were not.
func (t *Throttle) remember(pairs []string, now time.Time) (fresh []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, pair := range pairs {
		until, ok := t.known[pair]
		isFresh := !ok || until.Sub(now) < t.limits.Remember/2
		if isFresh {
			fresh = append(fresh, pair)
		}
		if !ok && len(t.known) >= t.limits.Entries {
			t.dropKnown()
		}
		if isFresh || t.shared == nil { // others forget it at the time that they were told
			t.known[pair] = now.Add(t.limits.Remember)
		}
		delete(t.failures, pair)
	}
	return fresh
}

// count is what this process has counted or, where more, all together.
func (t *Throttle) count(key string, now time.Time) int {
	own := t.own(key, now) + t.pending[key]
	if t.shared != nil {
		return max(own, t.shared.count(key))
	}
	return own
}

func (t *Throttle) own(key string, now time.Time) int {
	f := t.failures[key]
	if f == nil {
		return 0
	}
	half := t.limits.Window / 2
	f.roll(now, half)
	// Of the older half the sliding window covers what the newer one leaves.
	left := half - now.Sub(f.start)
	return f.now + int(int64(f.past)*int64(left)/int64(half))
}

func (t *Throttle) add(key string, now time.Time) {
	f := t.failures[key]
	if f == nil {
		if len(t.failures) >= t.limits.Entries {
			t.dropFailures(now)
		}
		f = &failures{start: now}
		t.failures[key] = f
	}
	f.roll(now, t.limits.Window/2)
	f.now++
}

// roll begins a new half where the current one is over.
func (f *failures) roll(now time.Time, half time.Duration) {
	age := now.Sub(f.start)
	switch {
	case age < half:
	case age < 2*half:
		f.start, f.past, f.now = f.start.Add(half), f.now, 0
	default:
		f.start, f.past, f.now = now, 0, 0
	}
}

// sampled bounds the work of making room: that many entries, met in the
// map's random order, are looked at.
const sampled = 16

// dropFailures makes room by removing the least telling of a few entries, so
// that a flood of single failures does not wash a real offender out.
func (t *Throttle) dropFailures(now time.Time) {
	var worst string
	least, seen := -1, 0
	for k := range t.failures {
		if c := t.own(k, now); least < 0 || c < least {
			worst, least = k, c
		}
		if seen++; seen == sampled || least == 0 {
			break
		}
	}
	delete(t.failures, worst)
}

// dropKnown makes room by removing the oldest of a few.
func (t *Throttle) dropKnown() {
	var oldest string
	var until time.Time
	seen := 0
	for k, u := range t.known {
		if oldest == "" || u.Before(until) {
			oldest, until = k, u
		}
		if seen++; seen == sampled {
			break
		}
	}
	delete(t.known, oldest)
}

func pairKey(account, place string) string { return "p" + account + "\x00" + place }

// throttleName makes one key of the spellings of an address, as the store does
// (case, Unicode's normal forms, U- and A-labels, a dot at the end): a domain
// can be written in so many ways that a budget for each would be none. Aliases
// keep budgets of their own, for to join them would tell which ones exist.
func throttleName(account string) string {
	account = strings.TrimSpace(account)
	if len(account) > 320 { // longer than any address (RFC 5321 4.5.3.1)
		account = account[:320]
	}
	at := strings.LastIndexByte(account, '@')
	if at < 0 {
		return fold(account)
	}
	domain := strings.TrimSuffix(account[at+1:], ".")
	if a, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = a
	}
	return fold(account[:at]) + "@" + strings.ToLower(domain)
}

func fold(s string) string { return strings.ToLower(norm.NFC.String(s)) }

// Network is the throttle's name of where an address lies: the address, or
// for IPv6 its /64, which is what one subscriber has.
func Network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return "unknown"
	}
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
