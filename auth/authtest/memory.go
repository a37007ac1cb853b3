package authtest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"fachwerk/auth"
)

// Memory keeps persons and logins in memory. Its zero value is not ready; use
// NewMemory. Down makes it behave like a store that cannot be reached.
type Memory struct {
	Now func() time.Time

	mu        sync.Mutex
	down      bool
	next      int64
	persons   map[auth.AccountRef]*person
	addresses map[string]auth.AccountRef // of persons
	shared    map[string][]auth.AccountRef
	subjects  map[subject]auth.AccountRef
	groups    map[auth.AccountRef]map[string]auth.Word // by issuer
	bindings  auth.Bindings
	sessions  map[string]auth.Session
	tickets   map[ticketKey]auth.Ticket
	touches   int

	groupWrites int
}

type subject struct {
	tenant      int64
	issuer, sub string
}

type ticketKey struct {
	tenant   int64
	kind, id string
}

type person struct {
	auth.Person
	phc       string
	passwords []auth.AppPassword
}

// NewMemory makes an empty one by the wall clock.
func NewMemory() *Memory {
	return &Memory{
		Now:     time.Now,
		persons: map[auth.AccountRef]*person{}, addresses: map[string]auth.AccountRef{},
		shared: map[string][]auth.AccountRef{}, subjects: map[subject]auth.AccountRef{}, groups: map[auth.AccountRef]map[string]auth.Word{},
		sessions: map[string]auth.Session{}, tickets: map[ticketKey]auth.Ticket{},
	}
}

// Down makes every call fail with ErrUnavailable until it is called with false.
func (m *Memory) Down(down bool) { m.lock(func() { m.down = down }) }

// Touches counts the calls of TouchAppPassword.
func (m *Memory) Touches() (n int) { m.lock(func() { n = m.touches }); return n }

// AddPerson makes one in tenant 1.
func (m *Memory) AddPerson(address string, aliases ...string) auth.AccountRef {
	return m.AddPersonIn(1, address, aliases...)
}

// AddPersonIn makes one in a tenant.
func (m *Memory) AddPersonIn(tenant int64, address string, aliases ...string) auth.AccountRef {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	ref := auth.AccountRef{Tenant: tenant, Account: 1000 + m.next}
	m.persons[ref] = &person{Person: auth.Person{AccountRef: ref, Address: address, DisplayName: address}}
	for _, a := range append([]string{address}, aliases...) {
		m.addresses[strings.ToLower(a)] = ref
	}
	return ref
}

// Grant lets a person name a shared account's address.
func (m *Memory) Grant(address string, to auth.AccountRef) {
	m.lock(func() { m.shared[strings.ToLower(address)] = append(m.shared[strings.ToLower(address)], to) })
}

// Bind makes (issuer, sub) the person.
func (m *Memory) Bind(ref auth.AccountRef, issuer, sub string) {
	m.lock(func() { m.subjects[subject{ref.Tenant, issuer, sub}] = ref })
}

// Disable disables a person or enables them again.
func (m *Memory) Disable(ref auth.AccountRef, disabled bool) {
	m.lock(func() { m.persons[ref].Disabled = disabled })
}

func (m *Memory) lock(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// enter takes the lock, unless the store is down.
func (m *Memory) enter() error {
	m.mu.Lock()
	if m.down {
		m.mu.Unlock()
		return auth.ErrUnavailable
	}
	return nil
}

func (m *Memory) of(ref auth.AccountRef) (*person, error) {
	if p, ok := m.persons[ref]; ok {
		return p, nil
	}
	return nil, auth.ErrNotFound
}

// PersonByAddress is auth.People's.
func (m *Memory) PersonByAddress(_ context.Context, address string) (auth.Person, error) {
	if err := m.enter(); err != nil {
		return auth.Person{}, err
	}
	defer m.mu.Unlock()
	return m.found(m.of(m.addresses[strings.ToLower(address)]))
}

// PersonBySubject is auth.People's.
func (m *Memory) PersonBySubject(_ context.Context, issuer, sub string) (auth.Person, error) {
	if err := m.enter(); err != nil {
		return auth.Person{}, err
	}
	defer m.mu.Unlock()
	var found []auth.AccountRef
	for k, ref := range m.subjects {
		if k.issuer == issuer && k.sub == sub {
			found = append(found, ref)
		}
	}
	switch len(found) {
	case 0:
		return auth.Person{}, auth.ErrNotFound
	case 1:
		return m.found(m.of(found[0]))
	}
	return auth.Person{}, auth.ErrSeveral
}

// PersonIn is auth.People's. Which issuers are bound to a tenant is Bindings' to say.
func (m *Memory) PersonIn(_ context.Context, tenant int64, issuer, sub string) (auth.Person, error) {
	if err := m.enter(); err != nil {
		return auth.Person{}, err
	}
	defer m.mu.Unlock()
	return m.found(m.of(m.subjects[subject{tenant, issuer, sub}]))
}

// BindSubject makes a person known to an issuer.
func (m *Memory) BindSubject(_ context.Context, ref auth.AccountRef, issuer, sub string) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	k := subject{ref.Tenant, issuer, sub}
	if before, ok := m.subjects[k]; ok && before != ref {
		return auth.ErrTaken
	}
	m.subjects[k] = ref
	return nil
}

// ReplaceSubject is auth.Subjects'.
func (m *Memory) ReplaceSubject(ctx context.Context, ref auth.AccountRef, issuer, sub string) error {
	if err := m.BindSubject(ctx, ref, issuer, sub); err != nil {
		return err
	}
	m.lock(func() {
		maps.DeleteFunc(m.subjects, func(k subject, of auth.AccountRef) bool {
			return of == ref && k.issuer == issuer && k.sub != sub
		})
		maps.DeleteFunc(m.sessions, func(_ string, s auth.Session) bool {
			return s.AccountRef == ref && s.Issuer == issuer && s.Subject != sub
		})
	})
	return nil
}

// SetBindings is what Bindings answers from now on.
func (m *Memory) SetBindings(b auth.Bindings) { m.lock(func() { m.bindings = b }) }

// Bindings is auth.Directory's.
func (m *Memory) Bindings(context.Context) (auth.Bindings, error) {
	if err := m.enter(); err != nil {
		return auth.Bindings{}, err
	}
	defer m.mu.Unlock()
	return m.bindings, nil
}

// GroupsOf gives a person's, by all issuers.
func (m *Memory) GroupsOf(_ context.Context, ref auth.AccountRef) ([]string, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var all []string
	for _, said := range m.groups[ref] {
		all = append(all, said.Groups...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Word is auth.Groups'.
func (m *Memory) Word(_ context.Context, ref auth.AccountRef, issuer string) (auth.Word, error) {
	if err := m.enter(); err != nil {
		return auth.Word{}, err
	}
	defer m.mu.Unlock()
	return m.word(ref, issuer), nil
}

func (m *Memory) word(ref auth.AccountRef, issuer string) auth.Word {
	w := m.groups[ref][issuer]
	w.Groups = slices.Clone(w.Groups)
	return w
}

// ChangeWord is auth.Groups'.
func (m *Memory) ChangeWord(_ context.Context, ref auth.AccountRef, issuer string, next func(auth.Word) (auth.Word, error)) (auth.Word, error) {
	if err := m.enter(); err != nil {
		return auth.Word{}, err
	}
	defer m.mu.Unlock()
	if _, err := m.of(ref); err != nil {
		return auth.Word{}, err
	}
	last := m.word(ref, issuer)
	w, err := next(m.word(ref, issuer))
	if err != nil {
		return last, err
	}
	if m.groups[ref] == nil {
		m.groups[ref] = map[string]auth.Word{}
	}
	if !slices.Equal(last.Groups, w.Groups) {
		m.groupWrites++
	}
	w.Groups = slices.Clone(w.Groups)
	m.groups[ref][issuer] = w
	return w, nil
}

// GroupWrites counts the words that said something else than the one before.
func (m *Memory) GroupWrites() (n int) { m.lock(func() { n = m.groupWrites }); return n }

// PersonByRef is auth.People's.
func (m *Memory) PersonByRef(_ context.Context, ref auth.AccountRef) (auth.Person, error) {
	if err := m.enter(); err != nil {
		return auth.Person{}, err
	}
	defer m.mu.Unlock()
	return m.found(m.of(ref))
}

func (m *Memory) found(p *person, err error) (auth.Person, error) {
	if err != nil {
		return auth.Person{}, err
	}
	return p.Person, nil
}

// MayUse is auth.People's.
func (m *Memory) MayUse(_ context.Context, ref auth.AccountRef, address string) (bool, error) {
	if err := m.enter(); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	address = strings.ToLower(address)
	own, ok := m.addresses[address]
	return (ok && own == ref) || slices.Contains(m.shared[address], ref), nil
}

// PasswordHash is auth.Passwords'.
func (m *Memory) PasswordHash(_ context.Context, ref auth.AccountRef) (string, error) {
	if err := m.enter(); err != nil {
		return "", err
	}
	defer m.mu.Unlock()
	p, err := m.of(ref)
	if err != nil || p.phc == "" {
		return "", auth.ErrNotFound
	}
	return p.phc, nil
}

// SetPasswordHash is auth.Passwords'.
func (m *Memory) SetPasswordHash(_ context.Context, ref auth.AccountRef, phc string) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	p, err := m.of(ref)
	if err == nil {
		p.phc = phc
	}
	return err
}

// AppPasswords is auth.AppPasswords'.
func (m *Memory) AppPasswords(_ context.Context, ref auth.AccountRef) ([]auth.AppPassword, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	p, err := m.of(ref)
	if err != nil {
		return nil, nil // no person, no passwords
	}
	return slices.Clone(p.passwords), nil
}

// AddAppPassword is auth.AppPasswords'.
func (m *Memory) AddAppPassword(_ context.Context, a auth.AppPassword, limit int) (auth.AppPassword, error) {
	if err := m.enter(); err != nil {
		return auth.AppPassword{}, err
	}
	defer m.mu.Unlock()
	p, err := m.of(a.AccountRef)
	if err != nil {
		return auth.AppPassword{}, err
	}
	if len(p.passwords) >= limit {
		return auth.AppPassword{}, auth.ErrTooMany
	}
	m.next++
	a.ID, a.Created = m.next, m.Now()
	p.passwords = append(p.passwords, a)
	return a, nil
}

// RevokeAppPassword is auth.AppPasswords'.
func (m *Memory) RevokeAppPassword(_ context.Context, ref auth.AccountRef, id int64) error {
	return m.password(ref, id, func(p *person, i int) { p.passwords = slices.Delete(p.passwords, i, i+1) })
}

// TouchAppPassword is auth.AppPasswords'.
func (m *Memory) TouchAppPassword(_ context.Context, ref auth.AccountRef, id int64, by string) error {
	return m.password(ref, id, func(p *person, i int) {
		m.touches++
		p.passwords[i].LastUsed, p.passwords[i].LastUsedBy = m.Now(), by
	})
}

func (m *Memory) password(ref auth.AccountRef, id int64, f func(*person, int)) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	p, err := m.of(ref)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(p.passwords, func(a auth.AppPassword) bool { return a.ID == id })
	if i < 0 {
		return auth.ErrNotFound
	}
	f(p, i)
	return nil
}

// Alive is auth.Changes'.
func (m *Memory) Alive(_ context.Context, ref auth.AccountRef, appPassword int64) (bool, error) {
	if err := m.enter(); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	p, err := m.of(ref)
	if err != nil || p.Disabled {
		return false, nil
	}
	if appPassword == 0 {
		return true, nil
	}
	return slices.ContainsFunc(p.passwords, func(a auth.AppPassword) bool {
		return a.ID == appPassword && (a.Expires.IsZero() || m.Now().Before(a.Expires))
	}), nil
}

// Session is auth.Sessions'.
func (m *Memory) Session(_ context.Context, id []byte) (auth.Session, error) {
	if err := m.enter(); err != nil {
		return auth.Session{}, err
	}
	defer m.mu.Unlock()
	s, ok := m.sessions[string(id)]
	if !ok || !m.Now().Before(s.Expires) {
		return auth.Session{}, auth.ErrNotFound
	}
	return s, nil
}

// SessionsOf is auth.Sessions'.
func (m *Memory) SessionsOf(_ context.Context, ref auth.AccountRef) ([]auth.Session, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var list []auth.Session
	for _, s := range m.sessions {
		if s.AccountRef == ref && m.Now().Before(s.Expires) {
			list = append(list, s)
		}
	}
	return list, nil
}

// AddSession is auth.Sessions'.
func (m *Memory) AddSession(_ context.Context, s auth.Session) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, err := m.of(s.AccountRef); err != nil {
		return err
	}
	s.ID, s.Secret = bytes.Clone(s.ID), bytes.Clone(s.Secret)
	s.Created, s.Seen = m.Now(), m.Now()
	m.sessions[string(s.ID)] = s
	return nil
}

// TouchSession is auth.Sessions'.
func (m *Memory) TouchSession(_ context.Context, ref auth.AccountRef, id []byte) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	s, ok := m.sessions[string(id)]
	if !ok || s.AccountRef != ref {
		return auth.ErrNotFound
	}
	s.Seen = m.Now()
	m.sessions[string(id)] = s
	return nil
}

// EndSession is auth.Sessions'.
func (m *Memory) EndSession(_ context.Context, ref auth.AccountRef, id []byte) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	s, ok := m.sessions[string(id)]
	if !ok || s.AccountRef != ref {
		return auth.ErrNotFound
	}
	delete(m.sessions, string(id))
	return nil
}

// EndSessionsOf is auth.Sessions'.
func (m *Memory) EndSessionsOf(_ context.Context, issuer, sub, sid string) (int, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	n := 0
	for id, s := range m.sessions {
		if s.Issuer == issuer && (sub == "" || s.Subject == sub) && (sid == "" || s.SID == sid) && sub+sid != "" {
			delete(m.sessions, id)
			n++
		}
	}
	return n, nil
}

// PutTicket is auth.Tickets'.
func (m *Memory) PutTicket(_ context.Context, t auth.Ticket) error {
	_, err := m.putTicket(t, true)
	return err
}

// AddTicket is auth.Tickets'.
func (m *Memory) AddTicket(_ context.Context, t auth.Ticket) (bool, error) {
	return m.putTicket(t, false)
}

func (m *Memory) putTicket(t auth.Ticket, replace bool) (bool, error) {
	if err := m.enter(); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	if _, err := m.ticket(t.Tenant, t.Kind, t.ID); err == nil && !replace {
		return false, nil
	}
	t.Value = bytes.Clone(t.Value)
	m.tickets[ticketKey{t.Tenant, t.Kind, t.ID}] = t
	return true, nil
}

func (m *Memory) ticket(tenant int64, kind, id string) (auth.Ticket, error) {
	t, ok := m.tickets[ticketKey{tenant, kind, id}]
	if !ok || !m.Now().Before(t.Expires) {
		return auth.Ticket{}, auth.ErrNotFound
	}
	return t, nil
}

// Ticket is auth.Tickets'.
func (m *Memory) Ticket(_ context.Context, tenant int64, kind, id string) (auth.Ticket, error) {
	if err := m.enter(); err != nil {
		return auth.Ticket{}, err
	}
	defer m.mu.Unlock()
	return m.ticket(tenant, kind, id)
}

// TakeTicket is auth.Tickets'.
func (m *Memory) TakeTicket(_ context.Context, tenant int64, kind, id string) (auth.Ticket, error) {
	if err := m.enter(); err != nil {
		return auth.Ticket{}, err
	}
	defer m.mu.Unlock()
	t, err := m.ticket(tenant, kind, id)
	delete(m.tickets, ticketKey{tenant, kind, id})
	return t, err
}

// TicketsOf is auth.Tickets'.
func (m *Memory) TicketsOf(_ context.Context, tenant int64, kind, owner string) ([]auth.Ticket, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var list []auth.Ticket
	for _, t := range m.tickets {
		if t.Tenant == tenant && t.Kind == kind && t.Owner == owner && m.Now().Before(t.Expires) {
			list = append(list, t)
		}
	}
	return list, nil
}

// DeleteTickets is auth.Tickets'.
func (m *Memory) DeleteTickets(_ context.Context, tenant int64, kind, owner string) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for k, t := range m.tickets {
		if t.Tenant == tenant && t.Kind == kind && t.Owner == owner {
			delete(m.tickets, k)
		}
	}
	return nil
}
