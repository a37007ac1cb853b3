package config

import (
	"net/netip"
	"time"
)

// Config is one installation's configuration. The yaml tag names the key; oneof
// lists the only values that a text may have; min and max bound a number, a size
// or a duration.
type Config struct {
	Listen   Listen   `yaml:"listen"`
	TLS      TLS      `yaml:"tls"`
	Public   Public   `yaml:"public"`
	Metadata Metadata `yaml:"metadata"`
	Blobs    Blobs    `yaml:"blobs"`
	Keys     Keys     `yaml:"keys"`
	Spool    Spool    `yaml:"spool"`
	Sites    []Site   `yaml:"sites"`
	// Directory names the site whose database holds the directory of tenants.
	Directory string   `yaml:"directory"`
	Location  Location `yaml:"location"`
	// Replicas is how many processes serve this installation at the same time.
	Replicas int64  `yaml:"replicas" min:"1" max:"1000"`
	OIDC     OIDC   `yaml:"oidc"`
	SMTP     SMTP   `yaml:"smtp"`
	LMTP     LMTP   `yaml:"lmtp"`
	HTTP     HTTP   `yaml:"http"`
	Limits   Limits `yaml:"limits"`
	Quota    Quota  `yaml:"quota"`
	Queue    Queue  `yaml:"queue"`
	Log      Log    `yaml:"log"`
	// TimeZone is that of times on the pages, such as Europe/Berlin; empty: the machine's.
	TimeZone string `yaml:"time_zone"`

	// Dir is the folder that relative paths start from: that of the file.
	Dir string `yaml:"-"`
}

// Listen names the address and port of every listener; an empty one is off.
type Listen struct {
	IMAP        string `yaml:"imap"`
	IMAPS       string `yaml:"imaps"`
	LMTP        string `yaml:"lmtp"`
	SMTP        string `yaml:"smtp"`
	Submission  string `yaml:"submission"`
	Submissions string `yaml:"submissions"`
	HTTP        string `yaml:"http"`
	Portal      string `yaml:"portal"`
	Issuer      string `yaml:"issuer"`
	Ops         string `yaml:"ops"`
	Admin       string `yaml:"admin"` // the control API
	// Proxy are listeners of their own for load balancers that tell the client's
	// address by PROXY protocol version 2.
	Proxy ProxyListen `yaml:"proxy"`
}

// ProxyListen names the listeners on which every connection begins with a header
// of the PROXY protocol, version 2; an empty one is off.
type ProxyListen struct {
	IMAP        string `yaml:"imap"`
	IMAPS       string `yaml:"imaps"`
	SMTP        string `yaml:"smtp"`
	Submission  string `yaml:"submission"`
	Submissions string `yaml:"submissions"`
	HTTP        string `yaml:"http"`
	Portal      string `yaml:"portal"`
	Issuer      string `yaml:"issuer"`
	// Trusted are the load balancers; connections from elsewhere are closed.
	Trusted []netip.Prefix `yaml:"trusted"`
}

// TLS names the certificate chain and key, both PEM; they are read again when
// the files change.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// Certificates are more pairs, chosen by the name that a client asks for (SNI).
	// Clients that ask for none get Cert or, without one, the first of these.
	Certificates []Certificate `yaml:"certificates"`
	// CA is a PEM file of authorities that are believed beside the system's when
	// the server itself connects: to PostgreSQL, S3, the provider, the smarthost.
	CA string `yaml:"ca"`
	// Web makes the portal, the provider and HTTP speak TLS themselves. Off
	// where a reverse proxy does it.
	Web bool `yaml:"web"`
	// PlainLogin is what the demo needs: logins without TLS from loopback.
	PlainLogin string `yaml:"plain_login" oneof:"never,loopback"`
}

// Certificate is one more certificate chain with its key, both PEM.
type Certificate struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Public is how clients reach the installation from outside.
type Public struct {
	// Name is the mail host: in greetings, Received fields, Message-IDs and the
	// set-up pages.
	Name string `yaml:"name"`
	// Portal is the portal's origin, such as https://portal.musterstadt.example.
	Portal string `yaml:"portal"`
	// HTTP is the origin of calendars, contacts and files, such as https://dav.musterstadt.example.
	HTTP string `yaml:"http"`
	// Ports are those that clients connect to where a load balancer or a port
	// mapping stands in front.
	Ports PublicPorts `yaml:"ports"`
}

// PublicPorts are for the set-up pages; 0: the port of the listener.
type PublicPorts struct {
	IMAP        int64 `yaml:"imap" min:"0" max:"65535"`
	IMAPS       int64 `yaml:"imaps" min:"0" max:"65535"`
	Submission  int64 `yaml:"submission" min:"0" max:"65535"`
	Submissions int64 `yaml:"submissions" min:"0" max:"65535"`
}

// Metadata is the metadata database.
type Metadata struct {
	DSN       string `yaml:"dsn"`
	DirectDSN string `yaml:"direct_dsn"`
	Password  Secret `yaml:"password"`
}

// Blobs is where large content lies.
type Blobs struct {
	URL    string `yaml:"url"`
	Secret Secret `yaml:"secret"`
	// Inline is the size up to which content stays in the database; 0: what
	// was measured to be best for the engine.
	Inline Size `yaml:"inline" min:"0" max:"1048576"`
	// Retention is how long a deleted object stays: not shorter than backups.
	Retention time.Duration `yaml:"retention" min:"0s" max:"87600h"`
}

// Keys is the key directory, kept outside the database and its backups: a folder, or a
// bucket of its own with the operator's key in a file.
type Keys struct {
	Dir string `yaml:"dir"` // not used where URL is set
	// URL names the bucket, as blobs.url does.
	URL    string `yaml:"url"`
	Secret Secret `yaml:"secret"`
	// OperatorKeyFile holds the operator's key where there is a URL.
	OperatorKeyFile string `yaml:"operator_key_file"`
}

// Spool is the folder for bytes on their way in; what lies there is sealed.
type Spool struct {
	Dir string `yaml:"dir"`
	// Limit is how much of the disk all of it may take at a time; 0: half of what is free
	// at start. One person may have a quarter of it, a tenant three.
	Limit Size `yaml:"limit" min:"0" max:"1125899906842624"`
	// Memory is likewise what small ones may take of memory, before they lie on the disk.
	Memory Size `yaml:"memory" min:"1048576" max:"1125899906842624"`
}

// Site is one declared place where data lies. What it is called, who runs it and where
// it stands is required, and its engines are where there is more than one site.
type Site struct {
	Name     string         `yaml:"name"`
	Operator string         `yaml:"operator"`
	Country  string         `yaml:"country"` // ISO 3166-1 alpha-2
	Place    string         `yaml:"place"`   // city or data centre
	Networks []netip.Prefix `yaml:"networks"`

	Metadata SiteMetadata `yaml:"metadata"`
	Blobs    SiteBlobs    `yaml:"blobs"`
	// Durability "local" accepts that a COMMIT waits for no standby.
	Durability string    `yaml:"durability" oneof:",local"`
	Standbys   []Standby `yaml:"standbys"`
}

// SiteMetadata is a site's database, and what is known of it beforehand.
type SiteMetadata struct {
	DSN       string `yaml:"dsn"`
	DirectDSN string `yaml:"direct_dsn"`
	Password  Secret `yaml:"password"`
	// SystemIdentifier is PostgreSQL's own, from pg_control_system().
	SystemIdentifier string `yaml:"system_identifier"`
	// CertificateKeys are the SHA-256 digests, in base64, of the public keys that its
	// certificate may have.
	CertificateKeys []string `yaml:"certificate_keys"`
}

// SiteBlobs is a site's object store, and what is known of it beforehand.
type SiteBlobs struct {
	URL    string `yaml:"url"`
	Secret Secret `yaml:"secret"`
	// Location is what the service says of the bucket's place.
	Location string `yaml:"location"`
	// ReplicatesTo are the buckets that it may be copied to.
	ReplicatesTo    []string `yaml:"replicates_to"`
	CertificateKeys []string `yaml:"certificate_keys"`
}

// Location is how the sites are verified and reported on.
type Location struct {
	// Every is how often each site is looked at.
	Every time.Duration `yaml:"every" min:"10s" max:"24h"`
	// Installation is the name that reports bear; empty: public.name.
	Installation string `yaml:"installation"`
}

// Standby is a copy of a site's database, at a place of its own.
type Standby struct {
	Name     string         `yaml:"name"` // its application_name
	Operator string         `yaml:"operator"`
	Country  string         `yaml:"country"`
	Place    string         `yaml:"place"`
	Networks []netip.Prefix `yaml:"networks"`
}

// OIDC is the login.
type OIDC struct {
	// Embedded runs the provider in this process, at listen.issuer.
	Embedded     bool       `yaml:"embedded"`
	Issuer       string     `yaml:"issuer"`
	ClientID     string     `yaml:"client_id"`
	ClientSecret Secret     `yaml:"client_secret"`
	Audience     string     `yaml:"audience"`
	Scopes       OIDCScopes `yaml:"scopes"`
	// GroupsClaim is the claim that names a person's groups.
	GroupsClaim string `yaml:"groups_claim"`
	// OperatorGroup may manage the whole installation; empty: nobody by login.
	OperatorGroup string `yaml:"operator_group"`
	// OperatorScope is what access tokens for the control API must be made for, as an
	// outside provider names it; empty: whatever is for no service of a person. The
	// embedded provider's is admin.
	OperatorScope string `yaml:"operator_scope"`
	// AdminGroup and PrivacyGroup manage one tenant, and read where its data lies.
	// {tenant} in them stands for the tenant's name, without which they would be the
	// same group for all.
	AdminGroup   string `yaml:"admin_group"`
	PrivacyGroup string `yaml:"privacy_group"`
	// InternalNetworks are those, of networks that are not the Internet, where providers
	// that tenants have for their own may stand. The installation's may stand anywhere.
	InternalNetworks []netip.Prefix `yaml:"internal_networks"`
}

// OIDCScopes are the issuer's names for what a token may do.
type OIDCScopes struct {
	MailRead string `yaml:"mail_read"`
	MailSend string `yaml:"mail_send"`
	Calendar string `yaml:"calendar"`
	Contacts string `yaml:"contacts"`
	Files    string `yaml:"files"`
	// Groups is asked for at the portal's sign-in where the issuer tells groups only
	// then; empty: nothing is.
	Groups string `yaml:"groups"`
}

// SMTP is mail from and to other servers.
type SMTP struct {
	Relays []netip.Prefix `yaml:"relays"`
	// Postmaster gets mail for <Postmaster> without a domain (RFC 5321 section 4.5.1).
	Postmaster string    `yaml:"postmaster"`
	Smarthost  Smarthost `yaml:"smarthost"`
}

// Smarthost takes all mail for elsewhere; without one it waits in the queue.
type Smarthost struct {
	Address  string `yaml:"address"` // host:port
	TLS      string `yaml:"tls" oneof:"starttls,implicit,none"`
	CA       string `yaml:"ca"` // PEM of a private CA
	Username string `yaml:"username"`
	Password Secret `yaml:"password"`
}

// LMTP says who may deliver without a login.
type LMTP struct {
	Trusted []netip.Prefix `yaml:"trusted"`
	// QuotaTemporary has mail to a full mailbox wait at the gateway instead of being
	// sent back at once.
	QuotaTemporary bool `yaml:"quota_temporary"`
}

// HTTP is what all web listeners share.
type HTTP struct {
	// Proxies are the reverse proxies whose X-Forwarded-For is believed.
	Proxies []netip.Prefix `yaml:"proxies"`
}

// Limits bound what one client may take.
type Limits struct {
	Message               Size          `yaml:"message" min:"65536" max:"2147483648"`
	Recipients            int64         `yaml:"recipients" min:"100" max:"100000"`
	Connections           int64         `yaml:"connections" min:"10" max:"1000000"`
	ConnectionsPerAddress int64         `yaml:"connections_per_address" min:"1" max:"1000000"`
	ConnectionsPerPerson  int64         `yaml:"connections_per_person" min:"1" max:"100000"`
	LoginTimeout          time.Duration `yaml:"login_timeout" min:"5s" max:"10m"`
	IdleTimeout           time.Duration `yaml:"idle_timeout" min:"30m" max:"24h"`
	MessagesPerMinute     int64         `yaml:"messages_per_minute" min:"0" max:"100000"`
	FailedLogins          int64         `yaml:"failed_logins" min:"1" max:"100"`
	BadCommands           int64         `yaml:"bad_commands" min:"1" max:"10000"`
	StallTimeout          time.Duration `yaml:"stall_timeout" min:"5s" max:"1h"`
	DataTimeout           time.Duration `yaml:"data_timeout" min:"1m" max:"24h"`
	Views                 Size          `yaml:"views" min:"1048576" max:"1099511627776"`
	Withdraw              time.Duration `yaml:"withdraw" min:"0s" max:"5m"`
	Drain                 time.Duration `yaml:"drain" min:"0s" max:"10m"`
}

// Quota is what a new account gets.
type Quota struct {
	Person Size  `yaml:"person" min:"0" max:"1125899906842624"`
	Shared Size  `yaml:"shared" min:"0" max:"1125899906842624"`
	Items  int64 `yaml:"items" min:"0" max:"1000000000"`
}

// Queue is outbound mail.
type Queue struct {
	Workers     int64         `yaml:"workers" min:"1" max:"1000"`
	FirstRetry  time.Duration `yaml:"first_retry" min:"1s" max:"24h"`
	MaxRetry    time.Duration `yaml:"max_retry" min:"1s" max:"48h"`
	DelayNotice time.Duration `yaml:"delay_notice" min:"0s" max:"240h"`
	Lifetime    time.Duration `yaml:"lifetime" min:"1m" max:"720h"`
}

// Log is what the process writes to standard error.
type Log struct {
	Level  string `yaml:"level" oneof:"debug,info,warn,error"`
	Format string `yaml:"format" oneof:"json,text"`
}

// Default returns the values of keys that nobody set. Sites have none: where
// data lies is declared, never assumed.
func Default() *Config {
	return &Config{
		Listen: Listen{
			IMAP: ":143", IMAPS: ":993",
			LMTP: "127.0.0.1:24", SMTP: ":25",
			Submission: ":587", Submissions: ":465",
			HTTP: ":8443", Portal: ":443", Issuer: ":8444",
			Ops: "127.0.0.1:9090",
		},
		Replicas: 1,
		Location: Location{Every: 10 * time.Minute},
		TLS:      TLS{Web: true, PlainLogin: "never"},
		Metadata: Metadata{DSN: "sqlite:/var/lib/fachwerk/metadata.db"},
		Blobs: Blobs{
			URL:       "dir:/var/lib/fachwerk/blobs",
			Retention: 30 * 24 * time.Hour,
		},
		Keys:  Keys{Dir: "/var/lib/fachwerk/keys"},
		Spool: Spool{Dir: "/var/lib/fachwerk/spool", Memory: 64 << 20},
		OIDC: OIDC{
			Embedded: true, ClientID: "fachwerk-portal", Audience: "urn:fachwerk:services",
			Scopes: OIDCScopes{
				MailRead: "mail.read", MailSend: "mail.send",
				Calendar: "calendar", Contacts: "contacts", Files: "files",
			},
			GroupsClaim: "groups",
		},
		SMTP: SMTP{Smarthost: Smarthost{TLS: "starttls"}},
		LMTP: LMTP{Trusted: []netip.Prefix{
			netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
		}},
		Limits: Limits{
			Message: 150 << 20, Recipients: 1000,
			Connections: 20000, ConnectionsPerAddress: 1000, ConnectionsPerPerson: 60,
			LoginTimeout: time.Minute, IdleTimeout: 30 * time.Minute,
			MessagesPerMinute: 60, FailedLogins: 5, BadCommands: 20, StallTimeout: 2 * time.Minute, DataTimeout: 30 * time.Minute,
			Views: 256 << 20, Drain: 10 * time.Second,
		},
		Quota: Quota{Person: 5 << 30, Shared: 20 << 30, Items: 1000000},
		Queue: Queue{
			Workers: 8, FirstRetry: 5 * time.Minute, MaxRetry: 2 * time.Hour,
			DelayNotice: 4 * time.Hour, Lifetime: 5 * 24 * time.Hour,
		},
		Log: Log{Level: "info", Format: "json"},
	}
}
