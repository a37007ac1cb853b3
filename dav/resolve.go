package dav

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"fachwerk/internal/resource"
)

// principals is the segment that principals lie below.
const principals = "principals"

// resolve finds what an encoded path names. What is not there gives a Target without
// Exists where it might be made, and a refusal (404) elsewhere. creating: something is
// to be made there.
func (r *Request) resolve(ctx context.Context, encoded string, creating bool) (*Target, error) {
	names, slash, err := r.s.splitPath(encoded)
	if err != nil {
		return nil, err
	}
	t, err := r.find(ctx, names, creating)
	if err != nil {
		return nil, err
	}
	t.slash = slash
	return t, nil
}

func (r *Request) find(ctx context.Context, names []string, creating bool) (*Target, error) {
	switch {
	case len(names) == 0:
		return &Target{Level: AtRoot, Exists: true, Href: "/"}, nil
	case names[0] == principals && len(names) == 1:
		return &Target{Level: AtRoot, Exists: true, Href: href(true, principals)}, nil
	case names[0] == principals && len(names) == 2:
		return r.principal(ctx, names[1])
	}
	m := r.s.mounts[names[0]]
	if m == nil {
		return nil, notFound()
	}
	if err := r.checkScope(m); err != nil {
		return nil, err
	}
	if len(names) == 1 {
		return &Target{Head: m.head, Mount: &m.Mount, mount: m, Level: AtRoot, Exists: true, Href: href(true, names...)}, nil
	}
	a, err := r.s.c.Resources.Account(ctx, r.Principal, names[1])
	if err != nil {
		return nil, err
	}
	home := &Target{
		Head: m.head, Mount: &m.Mount, mount: m, Level: AtHome, Account: a, Exists: true,
		Href: href(true, names[:2]...),
	}
	if m.Tree {
		return r.findInTree(ctx, home, names[2:], creating)
	}
	return r.findFlat(ctx, home, names[2:], creating)
}

// findInTree walks down a drive.
func (r *Request) findInTree(ctx context.Context, home *Target, names []string, creating bool) (*Target, error) {
	t := *home
	t.Level = AtCollection
	t.base = t.Href
	t.source = r.s.c.Resources
	var err error
	if t.Collection, err = r.drive(ctx, &t); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return &t, nil
	}
	t.Names = make([]string, len(names))
	for i, n := range names {
		if t.Names[i], err = t.name(n, creating && i == len(names)-1); err != nil {
			return nil, err
		}
	}
	found, err := t.source.Walk(ctx, t.Collection, t.Mount.Root, t.Names)
	if err != nil {
		return nil, err
	}
	t.settle(found, names)
	return &t, nil
}

// settle fills in what a walk found of Names. asked are the names as they were asked for,
// by which the href goes on.
func (t *Target) settle(found []resource.Item, asked []string) {
	last := len(t.Names) - 1
	t.Level = AtMember
	if len(found) == len(t.Names) {
		t.Item, t.Exists = found[last], true
		t.Folders = found[:last]
		if t.Item.Folder {
			t.Level = AtFolder
		}
	} else {
		t.Exists = false
		t.Folders = found
		t.orphan = len(found) < last || last > 0 && !found[last-1].Folder
	}
	at := strings.TrimSuffix(t.Href, "/")
	for i, n := range asked {
		at = member(at, n, i == last && t.Level == AtFolder)
	}
	t.Href = at
}

// drive finds the collection of a tree, making it where it is not there yet.
func (r *Request) drive(ctx context.Context, t *Target) (resource.Collection, error) {
	c, err := r.s.c.Resources.Collection(ctx, t.Account, t.Mount.Kind, t.Mount.Drive)
	if !errors.Is(err, resource.ErrNotFound) {
		return c, err
	}
	if err := r.s.ensure(ctx, t.mount, t.Account, true); err != nil {
		return resource.Collection{}, err
	}
	return r.s.c.Resources.Collection(ctx, t.Account, t.Mount.Kind, t.Mount.Drive)
}

// findFlat finds a home, one of its collections, or one of their members.
func (r *Request) findFlat(ctx context.Context, home *Target, names []string, creating bool) (*Target, error) {
	if len(names) == 0 {
		return home, r.s.ensure(ctx, home.mount, home.Account, false)
	}
	t, err := r.collection(ctx, home, names[0], creating && len(names) == 1)
	if err != nil || len(names) == 1 {
		return t, err
	}
	at := *t
	at.Level, at.Exists = AtMember, false
	for i, n := range names[1:] {
		at.Href = member(at.Href, n, false)
		if n, err = t.name(n, creating && i == len(names)-2); err != nil {
			return nil, err
		}
		at.Names = append(at.Names, n)
	}
	if !t.Exists || len(names) > 2 {
		at.orphan = true
		return &at, nil
	}
	found, err := t.source.Walk(ctx, t.Collection, resource.Root, at.Names)
	if err != nil {
		return nil, err
	}
	if len(found) == 1 {
		at.Item, at.Exists = found[0], true
	}
	return &at, nil
}

// collection finds one by the name it has in a home: of the account, made up, or of an
// account that is granted ("owner:name").
func (r *Request) collection(ctx context.Context, home *Target, name string, creating bool) (*Target, error) {
	t := *home
	t.Level, t.Exists = AtCollection, false
	t.Href = member(home.Href, name, true)
	t.base = t.Href
	t.source = r.s.c.Resources
	owner, at, granted := cutGranted(name)
	if granted {
		if !home.Account.Own() || creating {
			if creating {
				return nil, refused(http.StatusForbidden, "A name with an address before a colon is that of another account's collection.")
			}
			return nil, notFound()
		}
		a, err := r.s.c.Resources.Account(ctx, r.Principal, owner)
		if err != nil {
			return nil, err
		}
		t.Account = a
	} else {
		var err error
		if at, err = t.name(name, creating); err != nil {
			return nil, err
		}
	}
	t.asked = at
	c, err := r.s.c.Resources.Collection(ctx, t.Account, t.Mount.Kind, at)
	if errors.Is(err, resource.ErrNotFound) && !creating {
		// What every account has from the beginning may not be there yet.
		if err := r.s.ensure(ctx, t.mount, t.Account, false); err != nil {
			return nil, err
		}
		c, err = r.s.c.Resources.Collection(ctx, t.Account, t.Mount.Kind, at)
	}
	if err == nil {
		t.Collection, t.Exists = c, true
		return &t, nil
	}
	if !errors.Is(err, resource.ErrNotFound) {
		return nil, err
	}
	if h, ok := t.Head.(VirtualHead); ok && !granted {
		list, err := h.Virtual(ctx, t.Account)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if list[i].Collection.Name == at {
				t.become(&list[i])
				return &t, nil
			}
		}
	}
	return &t, nil
}

// become makes it a made-up collection.
func (t *Target) become(v *Virtual) {
	t.Virtual, t.Collection, t.Exists, t.source = v, v.Collection, true, v.Source
}

// cutGranted splits "owner@domain:name", what a home shows of a granted account.
func cutGranted(name string) (owner, collection string, ok bool) {
	at := strings.LastIndexByte(name, '@')
	if at <= 0 {
		return "", "", false
	}
	colon := strings.IndexByte(name[at:], ':')
	if colon < 0 || at+colon+1 == len(name) {
		return "", "", false
	}
	return name[:at+colon], name[at+colon+1:], true
}

// name asks the head what a segment is called where it is stored.
func (t *Target) name(segment string, creating bool) (string, error) {
	if n, ok := t.Head.(Namer); ok {
		return n.Name(segment, creating)
	}
	return segment, nil
}

// Member is the target of an item of collection t that the head found itself, as by
// Candidates.
func (r *Request) Member(t *Target, i resource.Item) *Target {
	at := *t
	at.Body, at.Facts, at.Stored, at.loaded = nil, nil, nil, 0
	at.Exists, at.Item = true, i
	at.Level = AtMember
	if i.Folder {
		at.Level = AtFolder
	}
	if t.Level == AtFolder {
		at.Folders = append(t.Folders[:len(t.Folders):len(t.Folders)], t.Item)
	}
	at.Names = append(t.Names[:len(t.Names):len(t.Names)], i.Name)
	at.Href = member(t.Href, i.Name, i.Folder)
	return &at
}

// Collections lists those of a home: its own, made-up ones and, in the asking person's
// own home, those of the accounts granted to them.
func (r *Request) Collections(ctx context.Context, home *Target) ([]*Target, error) {
	if home.Level != AtHome {
		return nil, nil
	}
	list, err := r.collectionsOf(ctx, home, home.Account)
	if err != nil {
		return nil, err
	}
	if h, ok := home.Head.(VirtualHead); ok {
		made, err := h.Virtual(ctx, home.Account)
		if err != nil {
			return nil, err
		}
		for i := range made {
			t := *home
			t.Level = AtCollection
			t.Href = member(home.Href, made[i].Collection.Name, true)
			t.base = t.Href
			t.become(&made[i])
			list = append(list, &t)
		}
	}
	if !home.Account.Own() {
		return list, nil
	}
	accounts, err := r.readable(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if a.Own() {
			continue
		}
		of, err := r.collectionsOf(ctx, home, a)
		if err != nil {
			return nil, err
		}
		list = append(list, of...)
	}
	return list, nil
}

func (r *Request) collectionsOf(ctx context.Context, home *Target, a resource.Account) ([]*Target, error) {
	if err := r.s.ensure(ctx, home.mount, a, false); err != nil {
		return nil, err
	}
	collections, err := r.s.c.Resources.Collections(ctx, a, home.Mount.Kind)
	if err != nil {
		return nil, err
	}
	list := make([]*Target, 0, len(collections))
	for _, c := range collections {
		t := *home
		t.Level, t.Account, t.Collection = AtCollection, a, c
		t.source = r.s.c.Resources
		name := c.Name
		if a.Key != home.Account.Key {
			name = a.Address + ":" + name
		}
		t.Href = member(home.Href, name, true)
		t.base = t.Href
		list = append(list, &t)
	}
	return list, nil
}

// readable are the accounts that the person may read, asked once a request.
func (r *Request) readable(ctx context.Context) ([]resource.Account, error) {
	if r.accounts == nil {
		list, err := r.s.c.Resources.Accounts(ctx, r.Principal)
		if err != nil {
			return nil, err
		}
		r.accounts = list
	}
	return r.accounts, nil
}

type ensuredKey struct {
	segment         string
	tenant, account int64
	manages         bool // by somebody who may make what is missing
}

// How long it is remembered that an account has what it has from the beginning, and of
// how many accounts.
const (
	ensuredTime = time.Hour
	ensuredMax  = 100_000
)

// ensure lets the head make what every account has from the beginning, once in a while,
// or now where it is missing. Who does not manage an account that nobody has looked into
// who does finds it empty, and keeps nobody from making it.
func (s *Server) ensure(ctx context.Context, m *mount, a resource.Account, now bool) error {
	k := ensuredKey{m.Segment, a.Key.Tenant, a.Key.Account, a.May(resource.Manage)}
	s.ensuredMu.Lock()
	at, ok := s.ensured[k]
	s.ensuredMu.Unlock()
	if ok && !now && time.Since(at) < ensuredTime {
		return nil
	}
	err := m.head.Ensure(ctx, a)
	if errors.Is(err, resource.ErrDenied) && !now {
		return nil
	}
	if err != nil {
		return err
	}
	s.ensuredMu.Lock()
	defer s.ensuredMu.Unlock()
	if len(s.ensured) >= ensuredMax {
		clear(s.ensured)
	}
	s.ensured[k] = time.Now()
	return nil
}
