package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"
)

// Failures counts failed attempts of all processes together. Buckets and pairs are
// numbers that tell nobody's name or address; times are the store's.
type Failures interface {
	// AddFailures counts one in each bucket, in the running half of the window,
	// and answers what is counted there now. One write.
	AddFailures(ctx context.Context, half time.Duration, buckets []int64) (map[int64]int, error)
	// FailuresFrom answers the buckets with at least least failures in the
	// running half or in the one before, and what part of the older one the
	// window still covers.
	FailuresFrom(ctx context.Context, half time.Duration, least int) (now, past map[int64]int, left float64, err error)
	// AddKnown notes pairs of an account and a place where it succeeded.
	AddKnown(ctx context.Context, remember time.Duration, pairs []int64) error
	// Known answers those of the pairs that are known.
	Known(ctx context.Context, pairs []int64) ([]int64, error)
}

const (
	bucketBits  = 18 // of each kind of key: what bounds the rows
	leastShared = 5  // failures that make a bucket worth telling others
	sharedFor   = time.Second
	sharedTime  = 2 * time.Second // for an answer of the store
	askAtOnce   = 4
	knownAtOnce = 500 // pairs noted in one write
)

// shared is what a throttle knows of other processes' failures: a copy of the
// busiest counters, a second old at most, so that a sign-in that succeeds costs the
// store nothing, but the first one from a place in this process. A store that does not answer leaves what this process has seen.
type shared struct {
	store  Failures
	secret []byte
	log    *slog.Logger
	asking chan struct{} // bounds questions about known pairs, which a flood provokes

	mu        sync.Mutex
	read      time.Time // when the copy was asked for last
	now, past map[int64]int
	left      float64
	known     []int64 // to be noted
	noting    bool
}

// Share has the throttle count together with the other processes on a store. secret
// is theirs in common and keeps names and addresses out of the store. Call it before
// the throttle is used.
func (t *Throttle) Share(store Failures, secret []byte, log *slog.Logger) *Throttle {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	t.shared = &shared{store: store, secret: secret, log: log, asking: make(chan struct{}, askAtOnce)}
	return t
}

func (s *shared) number(key string) int64 {
	m := hmac.New(sha256.New, s.secret)
	m.Write([]byte(key))
	return int64(binary.BigEndian.Uint64(m.Sum(nil)) >> 1)
}

// bucket keeps the kinds apart: a flood of networks does not touch accounts.
func (s *shared) bucket(key string) int64 {
	kind := map[byte]int64{'a': 1, 'n': 2, 'p': 3}[key[0]]
	return kind<<bucketBits | s.number(key)>>(63-bucketBits)
}

func (s *shared) ctx() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), sharedTime)
}

// refresh reads the busiest counters where the copy is old; one asks for all.
func (s *shared) refresh(half time.Duration, at time.Time) {
	s.mu.Lock()
	if age := at.Sub(s.read); age >= 0 && age < sharedFor {
		s.mu.Unlock()
		return
	}
	s.read = at
	s.mu.Unlock()
	ctx, cancel := s.ctx()
	defer cancel()
	now, past, left, err := s.store.FailuresFrom(ctx, half, leastShared)
	if err != nil {
		s.log.Warn("failed sign-ins of other processes are not known", "err", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.past, s.left = now, past, left
}

func (s *shared) count(key string) int {
	b := s.bucket(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now[b] + int(float64(s.past[b])*s.left)
}

// failed counts a failure for everybody.
func (s *shared) failed(half time.Duration, keys []string) {
	buckets := make([]int64, len(keys))
	for i, k := range keys {
		buckets[i] = s.bucket(k)
	}
	ctx, cancel := s.ctx()
	defer cancel()
	counted, err := s.store.AddFailures(ctx, half, buckets)
	if err != nil {
		s.log.Warn("a failed sign-in was not counted for other processes", "err", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		s.now = map[int64]int{}
	}
	for b, n := range counted {
		s.now[b] = max(s.now[b], n)
	}
}

// succeeded notes pairs that are new to this process, many in one write.
func (s *shared) succeeded(remember time.Duration, pairs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range pairs {
		if len(s.known) < 1<<16 { // while the store is away
			s.known = append(s.known, s.number(p))
		}
	}
	if !s.noting && len(s.known) > 0 {
		s.noting = true
		go s.note(remember)
	}
}

func (s *shared) note(remember time.Duration) {
	for {
		s.mu.Lock()
		some := s.known[:min(len(s.known), knownAtOnce)]
		s.known = s.known[len(some):]
		if len(some) == 0 {
			s.known, s.noting = nil, false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		ctx, cancel := s.ctx()
		if err := s.store.AddKnown(ctx, remember, some); err != nil {
			s.log.Warn("places of sign-ins were not noted for other processes", "err", err)
		}
		cancel()
	}
}

// knows asks which pairs other processes know. Under a flood most questions are not
// asked.
func (s *shared) knows(pairs []string) (known []string) {
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	default:
		return nil
	}
	byNumber := map[int64]string{}
	numbers := make([]int64, 0, len(pairs))
	for _, p := range pairs {
		n := s.number(p)
		byNumber[n] = p
		numbers = append(numbers, n)
	}
	ctx, cancel := s.ctx()
	defer cancel()
	found, err := s.store.Known(ctx, numbers)
	if err != nil {
		s.log.Warn("known places of sign-ins could not be read", "err", err)
	}
	for _, n := range found {
		known = append(known, byNumber[n])
	}
	return known
}
