package budget

import (
	"errors"
	"fmt"
	"sync"
)

// ErrFull says that a [Pool] has nothing left for somebody now.
var ErrFull = errors.New("too much is on its way in at a time")

// Pool is a number of bytes that many share and nobody waits for. Nobody known has more
// than a quarter of it and no tenant more than three, unless one single thing is larger:
// so no person stops a town and no town the others. What nobody known has, such as mail
// from outside, may be all. It is safe for concurrent use, and a nil one has no end.
type Pool struct {
	total, tenant, person int64

	mu      sync.Mutex
	used    int64
	refused int64
	tenants map[int64]int64
	holders map[Holder]int64
}

// NewPool makes a pool of so many bytes, of which one thing may need so many as single
// says.
func NewPool(total, single int64) *Pool {
	total = max(total, single, 1)
	return &Pool{total: total, tenant: max(total/4*3, single), person: max(total/4, single), tenants: map[int64]int64{}, holders: map[Holder]int64{}}
}

// Take takes bytes, all or none; the error is ErrFull, and says whose share is used up.
func (p *Pool) Take(of Holder, bytes int64) error { return p.TakeOf(of, bytes, bytes) }

// TakeOf is Take of bytes where announced ones must fit, which are not taken: whoever only
// announces keeps nothing from others.
func (p *Pool) TakeOf(of Holder, bytes, announced int64) error {
	if p == nil || announced <= 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fits(of, max(bytes, announced)); err != nil {
		p.refused++
		return err
	}
	p.add(of, bytes)
	return nil
}

func (p *Pool) fits(of Holder, bytes int64) error {
	whose := ""
	switch {
	case p.used+bytes > p.total:
		whose = "everybody's"
	case of.Tenant != 0 && p.tenants[of.Tenant]+bytes > p.tenant:
		whose = "the tenant's"
	case of.Account != 0 && p.holders[of]+bytes > p.person:
		whose = "the person's"
	}
	if whose != "" {
		return fmt.Errorf("%w: %s share of %d bytes", ErrFull, whose, p.total)
	}
	return nil
}

// Give gives bytes back.
func (p *Pool) Give(of Holder, bytes int64) {
	if p == nil || bytes <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(of, -bytes)
}

func (p *Pool) add(of Holder, bytes int64) {
	p.used += bytes
	if of.Tenant != 0 {
		if p.tenants[of.Tenant] += bytes; p.tenants[of.Tenant] <= 0 {
			delete(p.tenants, of.Tenant)
		}
	}
	if of.Account != 0 {
		if p.holders[of] += bytes; p.holders[of] <= 0 {
			delete(p.holders, of)
		}
	}
}

// Used tells how many bytes are taken of how many, and how often somebody got none.
func (p *Pool) Used() (used, total, refused int64) {
	if p == nil {
		return 0, 0, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used, p.total, p.refused
}
