package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
)

// Finding is something that CheckAll found wrong.
type Finding struct {
	Account string // address, or the account's number
	What    string
}

// String is one line for people.
func (f Finding) String() string { return f.Account + ": " + f.What }

// CheckOptions say how deep to look.
type CheckOptions struct {
	// Progress is told after each account; may be nil.
	Progress func(done, all int)
	// Without names sites that are left out.
	Without map[string]bool
	// SkipContent leaves out reading every content to its end.
	SkipContent bool
}

// CheckAll verifies the whole store: that keys unwrap, counters and journal agree
// with the rows, every content is there and opens whole. It changes nothing but the
// sums of tenants, which it brings up to date, and may run while the store is used;
// what changed meanwhile is looked at twice.
func (s *Store) CheckAll(ctx context.Context, o CheckOptions) ([]Finding, error) {
	var accounts []Account
	for _, at := range s.sites {
		if o.Without[at.Name] {
			continue
		}
		part, err := at.allAccounts(ctx)
		if err != nil {
			return nil, fmt.Errorf("site %s: %w", at.Name, err)
		}
		accounts = append(accounts, part...)
	}
	var findings []Finding
	for i, a := range accounts {
		found, err := s.checkAccount(ctx, a, o)
		if err != nil {
			return findings, err
		}
		findings = append(findings, found...)
		if o.Progress != nil {
			o.Progress(i+1, len(accounts))
		}
	}
	for _, at := range s.sites {
		if o.Without[at.Name] {
			continue
		}
		found, err := s.checkTenants(ctx, at)
		findings = append(findings, found...)
		if err == nil {
			found, err = s.checkAddresses(ctx, at, o)
			findings = append(findings, found...)
		}
		if err != nil {
			return findings, fmt.Errorf("site %s: %w", at.Name, err)
		}
	}
	return findings, nil
}

// checkTenants brings the sums of tenants up to date, which the background does
// otherwise, and compares them with the counters of their accounts.
func (s *Store) checkTenants(ctx context.Context, at *site) (found []Finding, err error) {
	for range 3 { // under load they change between the two
		if err := s.refreshUsage(ctx, at, ""); err != nil {
			return nil, err
		}
		list, err := at.tenantSums(ctx, "")
		if err != nil {
			return nil, err
		}
		found = nil
		for _, t := range list {
			for n, what := range []string{"bytes", "items", "accounts"} {
				if want, got := t.sums()[n], t.said[n]; want != got {
					found = append(found, Finding{fmt.Sprintf("tenant %d", t.tenant), fmt.Sprintf("used %s: want %d, got %d", what, want, got)})
				}
			}
		}
		if len(found) == 0 {
			return nil, nil
		}
	}
	return found, nil
}

func (s *Store) checkAccount(ctx context.Context, a Account, o CheckOptions) (found []Finding, err error) {
	name := a.Address
	if name == "" {
		name = fmt.Sprintf("account %d of tenant %d", a.Key.Account, a.Tenant)
	}
	add := func(format string, args ...any) {
		found = append(found, Finding{name, fmt.Sprintf(format, args...)})
	}
	if a.State == Removing {
		return nil, nil // its key may be destroyed and its rows half gone
	}
	s.sealers.forget(a.Key) // look at the wrapped key itself
	if _, err := s.sealer(ctx, a.Key); err != nil {
		if errors.Is(err, ErrTemporary) {
			return nil, err
		}
		add("its key does not open: %v", err)
		return found, nil
	}
	wrong, err := s.at(ctx, a.Tenant).db.Verify(ctx, a.Key)
	if err != nil {
		return nil, outer(err)
	}
	for _, w := range wrong {
		add("%s: collection %d: want %d, got %d", w.What, w.Collection, w.Want, w.Got)
	}
	if o.SkipContent {
		return found, nil
	}
	return found, s.checkContents(ctx, a, add)
}

func (s *Store) checkContents(ctx context.Context, a Account, add func(string, ...any)) error {
	var after ContentID
	for {
		page, err := s.at(ctx, a.Tenant).db.Contents(ctx, a.Key, after, 200)
		if err != nil {
			return outer(err)
		}
		for _, c := range page {
			after = c.ID
			if err := s.checkContent(ctx, a, c.ID); err != nil {
				if errors.Is(err, ErrTemporary) || ctx.Err() != nil {
					return err
				}
				add("content %x: %v", c.ID[:], err)
			}
		}
		if len(page) == 0 {
			return nil
		}
	}
}

// checkContent reads one content to its end. A row that went meanwhile is fine.
func (s *Store) checkContent(ctx context.Context, a Account, id ContentID) error {
	purpose := content.PurposeContent
	if a.Kind == QueueAccount {
		purpose = content.PurposeQueue
	}
	body, err := s.body(ctx, a.Key, id, purpose)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	err = body.readAll(ctx)
	if err != nil {
		if _, again := s.at(ctx, a.Tenant).db.Content(ctx, a.Key, id); errors.Is(again, meta.ErrNotFound) {
			return nil
		}
	}
	return err
}

func (b *Body) readAll(ctx context.Context) error {
	r, err := b.Open(ctx, 0, -1)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, r)
	err = errors.Join(err, r.Close())
	if errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("object %s is missing", b.row.ObjectKey)
	}
	if err == nil && n != b.row.Size {
		return fmt.Errorf("holds %d bytes, its row says %d", n, b.row.Size)
	}
	return err
}
