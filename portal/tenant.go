package portal

import (
	"context"
	"errors"

	"fachwerk/auth"
)

// Errors of Tenants, Accounts and Grants, besides those of auth. auth.ErrNotFound is
// answered alike for what is not there and for what is another tenant's.
var (
	ErrTaken     = errors.New("the address is in use")
	ErrAddress   = errors.New("this is no address of the tenant's domains")
	ErrSetting   = errors.New("this is not a valid setting")
	ErrImage     = errors.New("this is not an image that can be a logo")
	ErrFull      = errors.New("the tenant may have no more accounts")
	ErrOperator  = errors.New("only the operator may do that")
	ErrElsewhere = errors.New("the tenant's data may not be written where it lies")
)

// Look is how an administration shows itself on its pages.
type Look struct {
	DisplayName    string // empty: the tenant's name
	Language       string // "de", "en"; empty: what the browser asks for
	Contact        string // whom people turn to, in words
	ContactAddress string // a mail address or an https URL
}

// Amounts are what a tenant uses, or may use at most; of a limit 0 means none.
type Amounts struct{ Bytes, Items, Accounts int64 }

// Policy is what an administration has laid down of where its data may lie.
type Policy struct {
	Sites            []string // the allowed ones; empty: its own alone
	RefuseOnMismatch bool     // nothing is written at one that is not seen to be as declared
}

// Tenant is an administration.
type Tenant struct {
	Name string
	Look
	Site        string // where its data lies
	Policy      Policy
	Used, Quota Amounts
}

// Tenants knows administrations.
type Tenants interface {
	Tenant(ctx context.Context, tenant int64) (Tenant, error)
	// Domains lists those that addresses of the tenant may have.
	Domains(ctx context.Context, tenant int64) ([]string, error)
	// SetLook changes how it shows itself; ErrSetting.
	SetLook(ctx context.Context, tenant int64, l Look) error
	// Logo reads the image, of one of the types PNG, JPEG and WebP; auth.ErrNotFound
	// if there is none.
	Logo(ctx context.Context, tenant int64) (mediaType string, image []byte, err error)
	// SetLogo keeps an image, none takes it away; ErrImage.
	SetLogo(ctx context.Context, tenant int64, image []byte) error
}

// personKind is the kind of an account that a person has; of the others several make use.
const personKind = "person"

// sharedKinds are the others, in the order in which they are offered.
var sharedKinds = []string{"function", "team", "room", "resource"}

// Account is one of a tenant's.
type Account struct {
	ID                    int64
	Kind                  string // "person", "function", "team", "room", "resource"
	Address, Name         string
	Disabled              bool
	UsedBytes, QuotaBytes int64 // a quota of 0: no limit
	Items                 int64
}

// Shared tells that the account is no person's.
func (a Account) Shared() bool { return a.Kind != personKind }

// NewAccount says what account to make.
type NewAccount struct {
	Kind, Address, Name string
	QuotaBytes          int64
}

// AccountChange names what is to be changed; nil stays as it is.
type AccountChange struct {
	Name       *string
	QuotaBytes *int64
	Disabled   *bool
}

// FirstLogin is how a person signs in for the first time: by a password, or by a link
// that works once. It is shown to the admin and kept nowhere else.
type FirstLogin struct{ Password, Link string }

// Accounts manages those of a tenant.
type Accounts interface {
	// Accounts lists all, by address.
	Accounts(ctx context.Context, tenant int64) ([]Account, error)
	Account(ctx context.Context, ref auth.AccountRef) (Account, error)
	// Add makes one. ErrTaken, ErrAddress, ErrFull.
	Add(ctx context.Context, tenant int64, n NewAccount) (Account, error)
	Change(ctx context.Context, ref auth.AccountRef, c AccountChange) error
	// Remove removes an account with all its data; nobody can undo it.
	Remove(ctx context.Context, ref auth.AccountRef) error

	// Aliases lists the further addresses that lead to an account.
	Aliases(ctx context.Context, ref auth.AccountRef) ([]string, error)
	AddAlias(ctx context.Context, ref auth.AccountRef, address string) error
	RemoveAlias(ctx context.Context, ref auth.AccountRef, address string) error

	// FirstLogin lets a person sign in anew; an earlier answer of it is void.
	// ErrOperator for who operates the installation: it would make any tenant admin one.
	FirstLogin(ctx context.Context, ref auth.AccountRef) (FirstLogin, error)
}

// Grantee is who may use a shared account: a person, by address, or a group.
type Grantee struct{ Person, Group string }

// Grant is what somebody may do with a shared account.
type Grant struct {
	Account auth.AccountRef
	Address string // the shared account's
	To      Grantee
	Rights  []string // of "read", "write", "manage", "send-as"
}

// Grants manages who may use which shared account.
type Grants interface {
	// On lists those on an account, to persons and to groups.
	On(ctx context.Context, account auth.AccountRef) ([]Grant, error)
	// Of lists what a person may use, by grants of their own and of their groups.
	Of(ctx context.Context, person auth.AccountRef) ([]Grant, error)
	// Set gives rights in place of earlier ones. auth.ErrNotFound if the person is none
	// of the tenant's.
	Set(ctx context.Context, account auth.AccountRef, to Grantee, rights []string) error
	// End takes all rights away.
	End(ctx context.Context, account auth.AccountRef, to Grantee) error
}
