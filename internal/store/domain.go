package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// ErrAddress says that text is not a mail address this store can hold.
var ErrAddress = errors.New("not a valid address")

// Domain is a mail domain of a tenant. Name is lower case, in A-labels.
type Domain struct {
	Name   string
	Tenant int64
}

// NormalizeAddress gives the stored form of a mail address: local part in NFC and lower
// case (local parts are compared without case here, as users expect), domain in
// lower-case A-labels (RFC 5890).
func NormalizeAddress(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || len(address) > 320 {
		return "", fmt.Errorf("%w: %.100q is not NAME@DOMAIN", ErrAddress, address)
	}
	local := strings.ToLower(norm.NFC.String(address[:at]))
	if strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '"' || r == 0xfffd }) {
		return "", fmt.Errorf("%w: %.100q", ErrAddress, address)
	}
	domain, err := NormalizeDomain(address[at+1:])
	if err != nil {
		return "", err
	}
	return local + "@" + domain, nil
}

// NormalizeDomain is the stored form of a domain.
func NormalizeDomain(domain string) (string, error) {
	domain = strings.TrimSuffix(domain, ".")
	a, err := idna.Lookup.ToASCII(domain)
	if err != nil || a == "" || len(a) > 253 || strings.ContainsAny(a, " @/") {
		return "", fmt.Errorf("%w: %.100q is no domain, such as musterstadt.example", ErrAddress, domain)
	}
	return strings.ToLower(a), nil
}

// AddDomain gives a tenant a mail domain; ErrExists if anyone has it. The directory
// decides whose it is; the tenant's home keeps a copy, which its addresses hold to.
func (s *Store) AddDomain(ctx context.Context, tenant int64, domain string) error {
	name, err := NormalizeDomain(domain)
	if err != nil {
		return err
	}
	if err := s.admit(ctx, tenant, location.Metadata); err != nil {
		return err
	}
	const insert = `INSERT INTO domain (name, tenant_id, created_at) VALUES ($1, $2, {now}) ON CONFLICT DO NOTHING`
	n, err := s.directoryExec(ctx, insert, name, tenant)
	if err != nil {
		return err
	}
	home := s.at(ctx, tenant)
	if n == 0 && home != s.directory { // it may be this tenant's, from an attempt that stopped half-way
		var owner int64
		err := s.directory.one(ctx, []any{&owner}, `SELECT tenant_id FROM domain WHERE name = $1`, name)
		if err != nil {
			return err
		}
		if owner == tenant {
			n, err = home.changeExec(ctx, insert, name, tenant)
		}
		if err != nil || n > 0 {
			return err
		}
	}
	if n == 0 {
		return fmt.Errorf("domain %s: %w", name, ErrExists)
	}
	if home == s.directory {
		return nil
	}
	if n, err = home.changeExec(ctx, insert, name, tenant); err != nil || n > 0 {
		return err
	}
	var owner int64
	err = home.one(ctx, []any{&owner}, `SELECT tenant_id FROM domain WHERE name = $1`, name)
	if err == nil && owner != tenant {
		err = fmt.Errorf("domain %s is still another tenant's at site %s, whose removal goes on; add it again in a few minutes: %w", name, home.Name, ErrBusy)
	}
	return err
}

// RemoveDomain takes a domain away; ErrBusy while an account or alias uses it.
func (s *Store) RemoveDomain(ctx context.Context, tenant int64, domain string) error {
	name, err := NormalizeDomain(domain)
	if err != nil {
		return err
	}
	home := s.at(ctx, tenant)
	removed := int64(0)
	err = home.change(ctx, func(tx meta.Tx, changed func(*meta.Batch)) error {
		var used int64
		if err := lockDomains(ctx, tx, tenant); err != nil {
			return err
		}
		err := oneIn(ctx, tx, []any{&used}, `SELECT count(*) FROM address WHERE tenant_id = $1 AND address LIKE $2 ESCAPE '\'`,
			tenant, "%@"+escapeLike(name))
		if err != nil {
			return err
		}
		if used > 0 {
			return fmt.Errorf("domain %s: %d addresses: %w", name, used, ErrBusy)
		}
		removed, err = execIn(ctx, tx, `DELETE FROM domain WHERE name = $1 AND tenant_id = $2`, name, tenant)
		if err != nil || removed == 0 {
			return err
		}
		var b meta.Batch
		changed(&b)
		return tx.Run(ctx, &b)
	})
	if err == nil && home != s.directory {
		var there int64
		there, err = s.directoryExec(ctx, `DELETE FROM domain WHERE name = $1 AND tenant_id = $2`, name, tenant)
		removed = max(removed, there)
	}
	s.tenants.forgetDomain(name)
	return errNothing(removed, err)
}

// lockDomains lets one transaction at a time go on from what domains a tenant has, or from
// what addresses are in them: who looks at the ones and changes the others would miss what
// happens meanwhile (PostgreSQL reads what is committed). It locks the row of the tenant,
// which is removed with both; tenants are locked before accounts.
func lockDomains(ctx context.Context, tx meta.Tx, tenant int64) error {
	return query(ctx, tx, func(meta.Rows) error { return nil }, `SELECT tenant_id FROM tenant WHERE tenant_id = $1 {lock}`, tenant)
}

func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// Domains lists a tenant's domains, or all with tenant 0.
func (s *Store) Domains(ctx context.Context, tenant int64) (list []Domain, err error) {
	err = s.directory.view(ctx, func(r meta.Rows) error {
		var d Domain
		list = append(list, d)
		return r.Scan(&list[len(list)-1].Name, &list[len(list)-1].Tenant)
	}, `SELECT name, tenant_id FROM domain WHERE tenant_id = $1 OR $1 = 0 ORDER BY name`, tenant)
	return list, err
}

// DomainTenant finds the tenant whose domain it is; ErrNotFound if nobody's.
func (s *Store) DomainTenant(ctx context.Context, domain string) (tenant int64, err error) {
	name, err := NormalizeDomain(domain)
	if err != nil {
		return 0, err
	}
	return s.domainTenant(ctx, name)
}
