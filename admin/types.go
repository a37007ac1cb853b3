package admin

import "time"

// Tenant is one administration that shares the installation.
type Tenant struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Site     string    `json:"site"` // its home
	Created  time.Time `json:"created"`
	Settings Settings  `json:"settings"`
	Policy   Policy    `json:"policy"`
	Quota    Quota     `json:"quota"`
	// Used is what its accounts use, as of a moment ago.
	Used Quota `json:"used"`
	// Unavailable says that its site does not answer: Used is older then.
	Unavailable bool `json:"unavailable,omitempty"`
}

// Settings are what a tenant's pages show.
type Settings struct {
	DisplayName    string `json:"display_name"`    // empty: the tenant's name
	Language       string `json:"language"`        // "de", "en"; empty: what the browser asks for
	Contact        string `json:"contact"`         // an office, in words
	ContactAddress string `json:"contact_address"` // a mail address or an https URL
}

// Policy says where a tenant's data may lie.
type Policy struct {
	Sites            []string `json:"sites"` // empty: its home alone
	RefuseOnMismatch bool     `json:"refuse_on_mismatch"`
}

// Quota are limits, where 0 means none, or what is used of them.
type Quota struct {
	Bytes    int64 `json:"bytes"`
	Items    int64 `json:"items"`
	Accounts int64 `json:"accounts"`
}

// NewTenant says what tenant to make. Domain, if not empty, becomes its first one.
type NewTenant struct {
	Name     string   `json:"name"`
	Site     string   `json:"site"` // may be empty where one is declared
	Domain   string   `json:"domain"`
	Settings Settings `json:"settings"`
	Policy   Policy   `json:"policy"`
	Quota    Quota    `json:"quota"`
}

// TenantChange names what to change of a tenant: a member that is not there stays as
// it is, one that is there is replaced whole.
type TenantChange struct {
	Name     *string   `json:"name"`
	Settings *Settings `json:"settings"`
	Policy   *Policy   `json:"policy"`
	Quota    *Quota    `json:"quota"`
	// StopWrites says that a policy which leaves out the tenant's home is meant: it stops
	// all its writes, and moves no data.
	StopWrites bool `json:"stop_writes"`
}

// Domain is a mail domain of a tenant, in lower-case A-labels.
type Domain struct {
	Name   string `json:"name"`
	Tenant string `json:"tenant"` // its name
}

// Issuer is an OpenID provider whose people may sign in to a tenant.
type Issuer struct {
	ID  string `json:"id"` // opaque, of this URL
	URL string `json:"url"`
	// Own says that the tenant has it for itself, and the members below describe it.
	// Else it is the installation's, as the configuration does.
	Own          bool              `json:"own"`
	ClientID     string            `json:"client_id"`
	HasSecret    bool              `json:"has_secret"` // the secret itself is never told
	Audience     string            `json:"audience"`
	Scopes       map[string]string `json:"scopes"` // our name of a scope to the issuer's
	GroupsClaim  string            `json:"groups_claim"`
	AdminGroup   string            `json:"admin_group"`
	PrivacyGroup string            `json:"privacy_group"`
	// What has to be entered at an own issuer for its client.
	RedirectURI   string `json:"redirect_uri"`
	PostLogoutURI string `json:"post_logout_redirect_uri"`
	BackChannel   string `json:"back_channel_logout_uri"`
	// Mark is another one each time a secret is kept, for the ETag.
	Mark string `json:"-"`
}

// IssuerBinding says how to bind an issuer to a tenant. With nothing but the URL it is
// the installation's own.
type IssuerBinding struct {
	URL          string            `json:"url"`
	Own          bool              `json:"own"`
	ClientID     string            `json:"client_id"`
	ClientSecret *string           `json:"client_secret"` // nil: as it is
	Audience     string            `json:"audience"`
	Scopes       map[string]string `json:"scopes"`
	GroupsClaim  string            `json:"groups_claim"`
	AdminGroup   string            `json:"admin_group"`
	PrivacyGroup string            `json:"privacy_group"`
}

// Account is a person or a shared account.
type Account struct {
	ID         string    `json:"id"`
	Address    string    `json:"address"`
	Name       string    `json:"name"`
	Kind       string    `json:"kind"`  // person, function, team, room, resource
	State      string    `json:"state"` // active, disabled
	UsedBytes  int64     `json:"used_bytes"`
	QuotaBytes int64     `json:"quota_bytes"` // 0: none
	UsedItems  int64     `json:"used_items"`
	QuotaItems int64     `json:"quota_items"` // 0: none
	Created    time.Time `json:"created"`
	// Subjects are who a person is at issuers, where they were asked for.
	Subjects []Subject `json:"subjects,omitempty"`
}

// NewAccount says what account to make. Quotas: nil takes the configuration's. Issuer
// and Subject name a person at a provider that is bound to the tenant.
type NewAccount struct {
	Address    string `json:"address"`
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	QuotaBytes *int64 `json:"quota_bytes"`
	QuotaItems *int64 `json:"quota_items"`
	Issuer     string `json:"issuer"`
	Subject    string `json:"subject"`
}

// AccountChange names what to change of an account; nil stays as it is.
type AccountChange struct {
	Name       *string `json:"name"`
	QuotaBytes *int64  `json:"quota_bytes"`
	QuotaItems *int64  `json:"quota_items"`
	State      *string `json:"state"`
}

// Alias is a further address of an account.
type Alias struct {
	Address string `json:"address"`
	Account string `json:"account"` // its primary address
}

// Subject is who a person is at an issuer.
type Subject struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// Invitation is a link by which a person signs in for the first time with an account
// of their tenant's provider, once.
type Invitation struct {
	Link string `json:"link"`
}

// Grant is the right of a person, or of the members of a group of the provider's
// claims, to use a shared account. One of Person and Group is empty.
type Grant struct {
	Account string `json:"account"` // address
	Person  string `json:"person,omitempty"`
	Group   string `json:"group,omitempty"`
	Rights  string `json:"rights"` // names joined by commas: read, write, manage, send-as
}

// Site is a declared place with a database and an object store, and what was seen of
// it last.
type Site struct {
	Name      string    `json:"name"`
	Operator  string    `json:"operator"`
	Country   string    `json:"country"`
	Place     string    `json:"place"`
	Networks  []string  `json:"networks"`
	Standbys  []Standby `json:"standbys"`
	Database  string    `json:"database"` // without its password
	Objects   string    `json:"objects"`  // likewise
	Directory bool      `json:"directory"`
	Tenants   int       `json:"tenants"`
	// State is matches, differs or not_observed.
	State       string     `json:"state"`
	Observed    *time.Time `json:"observed,omitempty"`
	Differences []string   `json:"differences"` // a sentence each
	// Unavailable says that its database or its object store does not answer now; where
	// the database does not, State is not_observed.
	Unavailable bool `json:"unavailable,omitempty"`
}

// Standby is a declared copy of a site's database.
type Standby struct {
	Name     string   `json:"name"`
	Operator string   `json:"operator"`
	Country  string   `json:"country"`
	Place    string   `json:"place"`
	Networks []string `json:"networks"`
}

// Whereabouts tells where one kind of data lies.
type Whereabouts struct {
	Account  string   `json:"account,omitempty"` // address; of one account's
	Kind     string   `json:"kind"`
	Items    int64    `json:"items"`
	Bytes    int64    `json:"bytes"`
	Store    string   `json:"store"`
	Site     string   `json:"site"`
	Operator string   `json:"operator"`
	Country  string   `json:"country"`
	Place    string   `json:"place"`
	Copies   []string `json:"copies"`
	Seen     string   `json:"seen"`
	// Unavailable says that the site does not answer: what lies there cannot be counted
	// now, and the row stands for all of it, with the site as it is declared.
	Unavailable bool `json:"unavailable,omitempty"`
}

// QueueLength tells how much mail waits to go out.
type QueueLength struct {
	Messages   int64 `json:"messages"`
	Recipients int64 `json:"recipients"` // that still wait
	// Unavailable names the sites that do not answer: their mail is not counted.
	Unavailable []string `json:"unavailable,omitempty"`
}
