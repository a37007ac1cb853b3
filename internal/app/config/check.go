package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // an image of a single program has none
)

// Schemes of metadata.dsn and blobs.url.
const (
	SchemeSQLite   = "sqlite:"
	SchemePostgres = "postgres://"
	SchemeDir      = "dir:"
	SchemeS3       = "s3://"
)

// Check looks at the meaning of what was read and tells everything wrong at once.
func (c *Config) Check() error {
	var k checker
	k.listeners(&c.Listen)
	k.tls(c)
	k.public(c)
	k.engines(c)
	k.keys(c)
	k.needed("spool.dir", c.Spool.Dir, "name a folder for bytes on their way in")
	k.sites(c)
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "Local" {
		k.say("time_zone", "is not known", "write one such as Europe/Berlin")
	}
	if limit := c.Spool.Limit; limit > 0 && limit < 2*c.Limits.Message {
		k.say("spool.limit", "is less than two messages of limits.message, and one needs its size twice", "make it larger")
	}
	k.oidc(c)
	k.mail(c)
	k.networks("http.proxies", c.HTTP.Proxies, "name the reverse proxies only")
	if c.Queue.MaxRetry < c.Queue.FirstRetry {
		k.say("queue.max_retry", "is shorter than queue.first_retry", "make it the longer one")
	}
	if c.Limits.ConnectionsPerAddress > c.Limits.Connections {
		k.say("limits.connections_per_address", "is greater than limits.connections", "make it smaller")
	}
	return k.problems.err()
}

type checker struct{ problems Problems }

func (k *checker) say(key, says, remedy string) {
	k.problems = append(k.problems, Problem{Key: key, Says: says, Remedy: remedy})
}

func (k *checker) needed(key, value, remedy string) bool {
	if value == "" {
		k.say(key, "is missing", remedy)
	}
	return value != ""
}

// ProxyPrefix begins the keys of the listeners that take the PROXY protocol; what
// follows is the key of the listener that they are like.
const ProxyPrefix = "proxy."

// All lists the listeners with their key, in a fixed order.
func (l *Listen) All() []struct{ Key, Address string } {
	p := &l.Proxy
	return []struct{ Key, Address string }{
		{"imap", l.IMAP}, {"imaps", l.IMAPS}, {"lmtp", l.LMTP}, {"smtp", l.SMTP},
		{"submission", l.Submission}, {"submissions", l.Submissions},
		{"http", l.HTTP}, {"portal", l.Portal}, {"issuer", l.Issuer}, {"ops", l.Ops}, {"admin", l.Admin},
		{"proxy.imap", p.IMAP}, {"proxy.imaps", p.IMAPS}, {"proxy.smtp", p.SMTP},
		{"proxy.submission", p.Submission}, {"proxy.submissions", p.Submissions},
		{"proxy.http", p.HTTP}, {"proxy.portal", p.Portal}, {"proxy.issuer", p.Issuer},
	}
}

// Has tells whether a listener is on, be it its own or the one with the PROXY
// protocol.
func (l *Listen) Has(key string) bool {
	for _, one := range l.All() {
		if strings.TrimPrefix(one.Key, ProxyPrefix) == key && one.Address != "" {
			return true
		}
	}
	return false
}

func (k *checker) listeners(l *Listen) {
	used, proxied := map[string]string{}, ""
	for _, one := range l.All() {
		if one.Address == "" {
			continue
		}
		key := "listen." + one.Key
		host, port, err := net.SplitHostPort(one.Address)
		n, portErr := strconv.ParseUint(port, 10, 16)
		if err != nil || portErr != nil {
			k.say(key, fmt.Sprintf("%q is not an address and a port", one.Address), "write it like 127.0.0.1:143, [::1]:143 or :143")
			continue
		}
		if _, err := netip.ParseAddr(host); host != "" && err != nil {
			k.say(key, fmt.Sprintf("%q is a name, not an address", host), "a listener needs an IP address of this machine, or none for all")
			continue
		}
		if other, twice := used[one.Address]; twice && n != 0 {
			k.say(key, "is the same address and port as listen."+other, "give each listener a port of its own")
		}
		used[one.Address] = one.Key
		if strings.HasPrefix(one.Key, ProxyPrefix) {
			proxied = key
		}
	}
	if proxied != "" && len(l.Proxy.Trusted) == 0 {
		k.say("listen.proxy.trusted", "is missing, but "+proxied+" is on", "name the load balancers: whoever speaks the PROXY protocol says who the client is")
	}
	k.networks("listen.proxy.trusted", l.Proxy.Trusted, "name the load balancers only: whoever speaks the PROXY protocol says who the client is")
}

func (k *checker) tls(c *Config) {
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		k.say("tls", "cert and key belong together", "set both, or neither")
	}
	for i, one := range c.TLS.Certificates {
		at := fmt.Sprintf("tls.certificates[%d].", i)
		k.needed(at+"cert", one.Cert, "name the PEM file of the certificate chain")
		k.needed(at+"key", one.Key, "name the PEM file of the key")
	}
	if c.TLS.Cert != "" || len(c.TLS.Certificates) > 0 {
		return
	}
	const remedy = "set tls.cert and tls.key, or turn the listener off with an empty value"
	for _, one := range c.Listen.All() {
		switch strings.TrimPrefix(one.Key, ProxyPrefix) {
		case "imaps", "submissions", "submission", "imap":
			if one.Address != "" {
				k.say("listen."+one.Key, "needs a certificate", remedy)
			}
		case "portal", "issuer", "http", "admin":
			if one.Address != "" && c.TLS.Web {
				k.say("listen."+one.Key, "needs a certificate", remedy+", or set tls.web to false behind a reverse proxy that speaks TLS")
			}
		}
	}
}

func (k *checker) public(c *Config) {
	if k.needed("public.name", c.Public.Name, "name the mail host as clients reach it, such as mail.musterstadt.example") && !isHostName(c.Public.Name) {
		k.say("public.name", fmt.Sprintf("%q is not a host name", c.Public.Name), "write it like mail.musterstadt.example")
	}
	if c.Listen.Has("portal") && k.needed("public.portal", c.Public.Portal, "name the portal's origin, such as https://portal.musterstadt.example") {
		k.origin("public.portal", c.Public.Portal)
	}
	if c.Public.HTTP != "" {
		k.origin("public.http", c.Public.HTTP)
	}
	origins := map[string]string{}
	for _, o := range []struct{ key, url string }{
		{"public.portal", c.Public.Portal}, {"public.http", c.Public.HTTP}, {"oidc.issuer", embeddedOrigin(c)},
	} {
		if o.url == "" {
			continue
		}
		origin := originOf(o.url)
		if other, twice := origins[origin]; twice {
			k.say(o.key, "is the same origin as "+other, "give the portal, the provider and HTTP a host name of their own each: cookies and scripts must not reach across")
		}
		origins[origin] = o.key
	}
}

// originOf is a web address' origin as browsers compare it: names in lower case, the
// scheme's own port left out (RFC 6454 section 4).
func originOf(text string) string {
	u, err := url.Parse(strings.ToLower(text))
	if err != nil {
		return text
	}
	if u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	return u.Scheme + "://" + u.Host
}

func embeddedOrigin(c *Config) string {
	if u, err := url.Parse(c.OIDC.Issuer); c.OIDC.Embedded && err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	return ""
}

// origin checks a URL without path, query and user.
func (k *checker) origin(key, text string) {
	if u, ok := k.webURL(key, text); ok && u.Path != "" {
		k.say(key, fmt.Sprintf("%q has a path", text), "write scheme and host only, without a slash at the end")
	}
}

func (k *checker) webURL(key, text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		(u.Scheme != "https" && u.Scheme != "http") {
		k.say(key, fmt.Sprintf("%q is not a web address", text), "write it like https://portal.musterstadt.example")
		return nil, false
	}
	if a, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && (err != nil || !a.IsLoopback()) && u.Hostname() != "localhost" {
		k.say(key, "is not encrypted", "use https; http is for loopback only")
		return nil, false
	}
	return u, true
}

// metadata checks a database; at is the key of its section, with a dot.
func (k *checker) metadata(at string, m SiteMetadata) {
	for _, one := range []struct{ key, dsn string }{{at + "dsn", m.DSN}, {at + "direct_dsn", m.DirectDSN}} {
		direct := strings.HasSuffix(one.key, "direct_dsn")
		path, sqlite := strings.CutPrefix(one.dsn, SchemeSQLite)
		switch {
		case one.dsn == "" && direct:
		case sqlite && path == "":
			k.say(one.key, "names no file", "write it like sqlite:/var/lib/fachwerk/metadata.db")
		case sqlite && direct:
			k.say(one.key, "is for PostgreSQL behind a pooler", "remove it")
		case sqlite:
		case !strings.HasPrefix(one.dsn, SchemePostgres):
			k.say(one.key, "names no engine that is known", "write it like sqlite:/path/metadata.db or postgres://user@host:5432/database")
		default:
			u, err := url.Parse(one.dsn)
			if err != nil { // the error would show the DSN
				k.say(one.key, "is not a valid URL", "write it like postgres://user@host:5432/database?sslmode=verify-full")
				continue
			}
			if _, has := u.User.Password(); has && m.Password.Set() {
				k.say(one.key, "holds a password and so does "+at+"password", "keep one of the two")
			}
		}
	}
}

// blobs checks an object store in the same way.
func (k *checker) blobs(at string, b SiteBlobs) {
	path, dir := strings.CutPrefix(b.URL, SchemeDir)
	switch {
	case dir && path == "":
		k.say(at+"url", "names no folder", "write it like dir:/var/lib/fachwerk/blobs")
	case dir:
	case !strings.HasPrefix(b.URL, SchemeS3):
		k.say(at+"url", "names no blob store that is known", "write it like dir:/path or s3://ACCESSKEY@host:port/bucket?region=REGION")
	default:
		u, err := url.Parse(b.URL)
		if err != nil || u.User == nil || u.Host == "" || len(u.Path) < 2 || u.Query().Get("region") == "" {
			k.say(at+"url", "is not complete", "write it like s3://ACCESSKEY@host:port/bucket?region=REGION; the region is never guessed")
			return
		}
		if _, has := u.User.Password(); !has && !b.Secret.Set() {
			k.say(at+"secret_file", "is missing", "name a file that holds the secret key, or set "+EnvName(at+"secret"))
		}
	}
}

func (k *checker) keys(c *Config) {
	if c.Keys.URL == "" {
		k.needed("keys.dir", c.Keys.Dir, "name the key directory; losing it loses all content, so back it up apart from the database")
		if c.Keys.OperatorKeyFile != "" {
			k.say("keys.operator_key_file", "is of no use without keys.url", "name the bucket of the tenants' keys, or leave both out: a key directory has its own operator.key")
		}
		return
	}
	k.blobs("keys.", SiteBlobs{URL: c.Keys.URL, Secret: c.Keys.Secret})
	k.needed("keys.operator_key_file", c.Keys.OperatorKeyFile, "name the file with the operator's key; losing it loses all content, so back it up apart from the bucket")
	for i := range c.Sites {
		if _, b := c.EnginesOf(i); bucketOf(b.URL) == bucketOf(c.Keys.URL) {
			k.say("keys.url", "names the bucket where content lies", "give the keys a bucket of their own, with an access key that opens nothing else")
			return
		}
	}
}

// bucketOf is a blob store's URL without access key and options.
func bucketOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return raw
	}
	bucket, _, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	return u.Host + "/" + bucket
}

// networks refuses the whole Internet.
func (k *checker) networks(key string, list []netip.Prefix, remedy string) {
	for _, p := range list {
		if p.Bits() == 0 {
			k.say(key, p.String()+" is everybody", remedy)
		}
	}
}

func (k *checker) oidc(c *Config) {
	if !k.needed("oidc.issuer", c.OIDC.Issuer, "name the provider's URL, such as https://login.musterstadt.example") {
		return
	}
	k.webURL("oidc.issuer", c.OIDC.Issuer)
	if c.OIDC.Embedded && !c.Listen.Has("issuer") {
		k.say("listen.issuer", "is empty, but the embedded provider is on", "give it an address, or set oidc.embedded to false")
	}
	k.needed("oidc.client_id", c.OIDC.ClientID, "name the portal's client at the provider")
	if c.OIDC.Audience == c.OIDC.ClientID || c.OIDC.Audience == "" {
		k.say("oidc.audience", "must be the name of this resource server, not empty and no client id", "choose one such as urn:fachwerk:services and let the provider put it into access tokens")
	}
	k.networks("oidc.internal_networks", c.OIDC.InternalNetworks, "name the networks where tenants' providers stand: theirs is the word which addresses are asked")
	s := c.OIDC.Scopes
	for _, one := range []struct{ key, name string }{
		{"mail_read", s.MailRead}, {"mail_send", s.MailSend}, {"calendar", s.Calendar},
		{"contacts", s.Contacts}, {"files", s.Files},
	} {
		if one.name == "" || badScope(one.name) {
			k.say("oidc.scopes."+one.key, "is not a scope name", "one word, as the provider writes it into tokens (RFC 6749 section 3.3)")
		}
	}
	k.operatorScope(c.OIDC)
	if badScope(s.Groups) {
		k.say("oidc.scopes.groups", "is not a scope name", "one word that makes the provider tell groups (RFC 6749 section 3.3), or nothing")
	}
}

func (k *checker) operatorScope(o OIDC) {
	s := o.Scopes
	switch {
	case o.OperatorScope == "":
	case o.Embedded:
		k.say("oidc.operator_scope", "is for outside providers, but the embedded one is on", "leave it out: the embedded provider's scope for operators is admin")
	case badScope(o.OperatorScope):
		k.say("oidc.operator_scope", "is not a scope name", "one word, as the provider writes it into tokens (RFC 6749 section 3.3)")
	case slices.Contains([]string{s.MailRead, s.MailSend, s.Calendar, s.Contacts, s.Files}, o.OperatorScope):
		k.say("oidc.operator_scope", "is the scope of a service too", "choose one that opens nothing else: a mail program's token must not manage the installation")
	}
}

func badScope(name string) bool { return strings.ContainsAny(name, " \"\\") }

func (k *checker) mail(c *Config) {
	k.networks("smtp.relays", c.SMTP.Relays, "name the mail gateways in front of this server: until mail authentication is built, port 25 serves nobody else")
	k.networks("lmtp.trusted", c.LMTP.Trusted, "LMTP delivers without a login: name the mail servers that may")
	h := c.SMTP.Smarthost
	if h.Address == "" {
		return
	}
	host, port, err := net.SplitHostPort(h.Address)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 || host == "" {
		k.say("smtp.smarthost.address", fmt.Sprintf("%q is not a host and a port", h.Address), "write it like relay.provider.example:587")
	}
	if (h.Username == "") != !h.Password.Set() {
		k.say("smtp.smarthost", "username and password belong together", "set username and password_file, or neither")
	}
	if a, err := netip.ParseAddr(host); h.TLS == "none" && h.Username != "" && (err != nil || !a.IsLoopback()) {
		k.say("smtp.smarthost.tls", "would send the password in clear", "use starttls or implicit")
	}
}

func isHostName(s string) bool {
	if len(s) > 253 || s == "" {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
