package admin

import "context"

// Backend does what the API is asked for. Every method answers an [*Error] where it
// refuses; any other error is the installation's own fault and is not shown. Ids are
// those of the types' members; one that is none, or is another tenant's, gives
// NotFound like one that does not exist.
type Backend interface {
	Tenants
	Domains
	Issuers
	Accounts
	Persons
	Grants
	Overview
}

// Tenants are those of the installation.
type Tenants interface {
	// Tenants lists all, in any order, without those that are being removed. away names
	// the sites that do not answer; where it names the directory's, the list is as it was
	// when that last answered.
	Tenants(ctx context.Context) (list []Tenant, away []string, err error)
	Tenant(ctx context.Context, id string) (Tenant, error)
	CreateTenant(ctx context.Context, n NewTenant) (Tenant, error)
	// UpdateTenant tells check, in the transaction that decides and perhaps more than
	// once, how the tenant is then; an error of it is the answer, and nothing is changed.
	UpdateTenant(ctx context.Context, id string, c TenantChange, check func(now Tenant) error) (Tenant, error)
	// RemoveTenant destroys its key and marks all its data for removal; Unconfirmed
	// where name is not the tenant's. Where it has failed half-way it is called again.
	RemoveTenant(ctx context.Context, id, name string) error
	// Logo reads the image that the tenant's pages show; NotFound where there is none.
	Logo(ctx context.Context, tenant string) (mediaType string, image []byte, err error)
	// SetLogo keeps one of at most [MaxLogo] bytes; none takes it away.
	SetLogo(ctx context.Context, tenant, mediaType string, image []byte) error
}

// Domains are a tenant's mail domains.
type Domains interface {
	Domains(ctx context.Context, tenant string) ([]Domain, error)
	// AddDomain answers the domain as it is kept; adding what the tenant has is no error.
	AddDomain(ctx context.Context, tenant, domain string) (Domain, error)
	RemoveDomain(ctx context.Context, tenant, domain string) error
}

// Issuers are the providers that are bound to a tenant.
type Issuers interface {
	Issuers(ctx context.Context, tenant string) ([]Issuer, error)
	// BindIssuer binds one or changes how it is bound; check is as for UpdateTenant, with
	// nil for one that is not bound.
	BindIssuer(ctx context.Context, tenant string, b IssuerBinding, check func(now *Issuer) error) (Issuer, error)
	UnbindIssuer(ctx context.Context, tenant, url string) error
}

// Accounts are a tenant's persons and shared accounts.
type Accounts interface {
	// Accounts lists all of a tenant, in any order.
	Accounts(ctx context.Context, tenant string) ([]Account, error)
	Account(ctx context.Context, tenant, id string) (Account, error)
	CreateAccount(ctx context.Context, tenant string, n NewAccount) (Account, error)
	// UpdateAccount changes all that is named or nothing; check is as for UpdateTenant.
	UpdateAccount(ctx context.Context, tenant, id string, c AccountChange, check func(now Account) error) (Account, error)
	RemoveAccount(ctx context.Context, tenant, id string) error
	Aliases(ctx context.Context, tenant, account string) ([]Alias, error)
	// AddAlias answers the alias as it is kept; adding what the account has is no error.
	AddAlias(ctx context.Context, tenant, account, address string) (Alias, error)
	RemoveAlias(ctx context.Context, tenant, account, address string) error
}

// Persons are the accounts that sign in.
type Persons interface {
	// BindSubject makes a person known to an issuer that is bound to the tenant.
	BindSubject(ctx context.Context, tenant, account string, s Subject) error
	// Invite makes a link for the first sign-in; issuer may be empty where the tenant
	// has one.
	Invite(ctx context.Context, tenant, account, issuer string) (Invitation, error)
	// Groups are those that the person's providers last said they are in.
	Groups(ctx context.Context, tenant, account string) ([]string, error)
}

// Grants are who may use a shared account.
type Grants interface {
	// Grants lists those on an account to persons and to groups, as they were given.
	Grants(ctx context.Context, tenant, account string) ([]Grant, error)
	// SetGrant gives rights to g.Person (an address) or g.Group, in place of earlier ones.
	SetGrant(ctx context.Context, tenant, account string, g Grant) (Grant, error)
	RemoveGrant(ctx context.Context, tenant, account string, g Grant) error
}

// Overview is what is told of the whole installation, and where data lies.
type Overview interface {
	Sites(ctx context.Context) ([]Site, error)
	Queue(ctx context.Context) (QueueLength, error)
	// Where tells where the data of a tenant or, with account not empty, of one
	// account lies. Where the site does not answer it is one row that says so.
	Where(ctx context.Context, tenant, account string) ([]Whereabouts, error)
}
