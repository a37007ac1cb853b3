package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"fachwerk/auth"
)

// looksFor is how long a tenant's look is not asked for again; a change by this
// process shows at once.
const looksFor = 15 * time.Second

// maxLooks bounds how many tenants' looks are kept.
const maxLooks = 1000

// look is what every page of a tenant's people shows.
type look struct {
	Name    string // of the administration; empty: the program's own look
	Contact string
	Address string // a link of the contact, empty for none
	Logo    string // path of the image, empty for none

	language  lang // what its people read unless they say otherwise; empty: nothing said
	mediaType string
	image     []byte
	read      time.Time
}

// looks keeps what was read.
type looks struct {
	mu       sync.Mutex
	byTenant map[int64]look
}

func (s *looks) get(tenant int64) (look, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.byTenant[tenant]
	return l, ok
}

func (s *looks) put(tenant int64, l look) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byTenant == nil || len(s.byTenant) >= maxLooks {
		s.byTenant = map[int64]look{}
	}
	s.byTenant[tenant] = l
}

func (s *looks) forget(tenant int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byTenant, tenant)
}

// look is that of a visitor's tenant. A page appears even if it cannot be read.
func (p *Portal) look(ctx context.Context, v *visitor) look {
	if v == nil || p.c.Tenants == nil {
		return look{}
	}
	known, ok := p.looks.get(v.Tenant)
	if ok && p.c.Now().Sub(known.read).Abs() < looksFor {
		return known
	}
	fresh, err := p.readLook(ctx, v.Tenant)
	if err != nil {
		p.log.Warn("portal: the look of a tenant could not be read", "tenant", v.Tenant, "err", err)
		known.read = p.c.Now() // not again with every page
		fresh = known
	}
	p.looks.put(v.Tenant, fresh)
	return fresh
}

func (p *Portal) readLook(ctx context.Context, tenant int64) (look, error) {
	t, err := p.c.Tenants.Tenant(ctx, tenant)
	if err != nil {
		return look{}, err
	}
	l := look{Name: t.DisplayName, Contact: t.Contact, Address: t.ContactAddress, read: p.c.Now()}
	if l.Name == "" {
		l.Name = t.Name
	}
	if strings.Contains(l.Address, "@") && !strings.HasPrefix(l.Address, "https://") {
		l.Address = "mailto:" + l.Address
	}
	if said, ok := known(t.Language); ok {
		l.language = said
	}
	l.mediaType, l.image, err = p.c.Tenants.Logo(ctx, tenant)
	switch {
	case err == nil && len(l.image) > 0:
		sum := sha256.Sum256(l.image)
		l.Logo = "/logo/" + hex.EncodeToString(sum[:8])
	case err != nil && !errors.Is(err, auth.ErrNotFound):
		return look{}, err
	}
	return l, nil
}

// logo serves the image of the visitor's tenant. Its address changes with it.
func (p *Portal) logo(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r.Context(), r)
	if err != nil {
		p.fail(w, r, nil, err)
		return
	}
	l := p.look(r.Context(), v)
	if l.Logo == "" || r.URL.Path != l.Logo {
		p.unknown(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Type", l.mediaType)
	h.Set("Cache-Control", "private, max-age=604800, immutable")
	_, _ = w.Write(l.image) // a browser that has gone needs no answer
}
