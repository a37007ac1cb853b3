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
// own name, then the accounts that changed, "tenant.account" in base 36, "q" for the
// queue and "d" for the directory, all with one space between. Ids are random numbers; nothing else
// of anybody travels.
type carried struct {
	name string // of this process, which need not hear itself
	wake chan struct{}

	mu        sync.Mutex
	up        bool // somebody carries
	accounts  map[Key]struct{}
	queue     bool
	directory bool
}

// maxCarried bounds what waits to be told; more is found by polling. maxTexts bounds
// what is told at once: whoever hears it asks the database for each of the accounts.
const (
	maxCarried = 20_000
	maxTexts   = 8
)

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
	c.up, c.queue, c.directory = false, false, false
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

func (c *carried) addDirectory() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.up {
		c.directory = true
		c.ring()
	}
}

func (c *carried) ring() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// say takes what is to be told now. Where that is not all, it rings again.
func (c *carried) say() (texts []string) {
	const longest = len(" 1y2p0ij32e8e7.1y2p0ij32e8e7")
	words := (meta.MaxHint - len(c.name)) / longest // of a text
	c.mu.Lock()
	defer c.mu.Unlock()
	var said []string
	if c.queue {
		said = append(said, "q")
	}
	if c.directory {
		said = append(said, "d")
	}
	c.queue, c.directory = false, false
	for key := range c.accounts {
		if len(said) == words*maxTexts {
			c.ring()
			break
		}
		said = append(said, strconv.FormatInt(key.Tenant, 36)+"."+strconv.FormatInt(key.Account, 36))
		delete(c.accounts, key)
	}
	for some := range slices.Chunk(said, words) {
		texts = append(texts, c.name+" "+strings.Join(some, " "))
	}
	return texts
}

// heard is what another process says has changed.
type heard struct {
	accounts         []Key
	queue, directory bool
}

// read takes a text apart. What cannot be read, and what this process said, is
// nothing.
func (c *carried) read(text string) (h heard) {
	if len(text) > meta.MaxHint {
		return heard{}
	}
	name, rest, _ := strings.Cut(text, " ")
	if name == c.name {
		return heard{}
	}
	for word := range strings.FieldsSeq(rest) {
		switch word {
		case "q":
			h.queue = true
			continue
		case "d":
			h.directory = true
			continue
		}
		tenant, account, _ := strings.Cut(word, ".")
		t, errT := strconv.ParseInt(tenant, 36, 64)
		a, errA := strconv.ParseInt(account, 36, 64)
		if errT == nil && errA == nil && t > 0 && a > 0 {
			h.accounts = append(h.accounts, Key{Tenant: t, Account: a})
		}
	}
	return h
}
