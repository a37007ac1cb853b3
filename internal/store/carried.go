package store

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"sync"

	"fachwerk/internal/store/meta"
)

// carried collects what this process has to tell others: a text is the process's
// own name, then the accounts that changed, "tenant.account" in base 36, and "q"
// for the queue, all with one space between. Ids are random numbers; nothing else
// of anybody travels.
type carried struct {
	name string // of this process, which need not hear itself
	wake chan struct{}

	mu       sync.Mutex
	up       bool // somebody carries
	accounts map[Key]struct{}
	queue    bool
}

// maxCarried bounds what waits to be told; more is found by polling.
const maxCarried = 20_000

func newCarried() *carried {
	return &carried{name: rand.Text()[:12], wake: make(chan struct{}, 1), accounts: make(map[Key]struct{})}
}

func (c *carried) open() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up = true
}

func (c *carried) isUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up
}

// close forgets what was not told.
func (c *carried) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up, c.queue = false, false
	clear(c.accounts)
}

func (c *carried) add(key Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.up && len(c.accounts) < maxCarried {
		c.accounts[key] = struct{}{}
		c.ring()
	}
}

func (c *carried) addQueue() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.up {
		c.queue = true
		c.ring()
	}
}

func (c *carried) ring() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// say takes what is to be told.
func (c *carried) say() (texts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var words []string
	for key := range c.accounts {
		words = append(words, strconv.FormatInt(key.Tenant, 36)+"."+strconv.FormatInt(key.Account, 36))
	}
	if c.queue {
		words = append(words, "q")
	}
	clear(c.accounts)
	c.queue = false
	const longest = len(" 1y2p0ij32e8e7.1y2p0ij32e8e7")
	for some := range slices.Chunk(words, (meta.MaxHint-len(c.name))/longest) {
		texts = append(texts, c.name+" "+strings.Join(some, " "))
	}
	return texts
}

// read takes a text apart. What cannot be read, and what this process said, is
// nothing.
func (c *carried) read(text string) (keys []Key, queue bool) {
	if len(text) > meta.MaxHint {
		return nil, false
	}
	name, rest, _ := strings.Cut(text, " ")
	if name == c.name {
		return nil, false
	}
	for word := range strings.FieldsSeq(rest) {
		if word == "q" {
			queue = true
			continue
		}
		tenant, account, _ := strings.Cut(word, ".")
		t, errT := strconv.ParseInt(tenant, 36, 64)
		a, errA := strconv.ParseInt(account, 36, 64)
		if errT == nil && errA == nil && t > 0 && a > 0 {
			keys = append(keys, Key{Tenant: t, Account: a})
		}
	}
	return keys, queue
}
