package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// whole is a configuration with which a server would start.
func whole() *Config {
	c := Default()
	c.Public = Public{Name: "mail.musterstadt.example", Portal: "https://portal.musterstadt.example"}
	c.TLS.Cert, c.TLS.Key = "/tls/cert.pem", "/tls/key.pem"
	c.OIDC.Issuer = "https://login.musterstadt.example"
	c.Sites = []Site{{
		Name: "rz1", Operator: "Stadtwerke Musterstadt", Country: "DE", Place: "Musterstadt",
		Networks: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")},
	}}
	return c
}

// twoSites gives the whole configuration a second site before it is changed.
func twoSites(change func(*Config)) func(*Config) {
	return func(c *Config) {
		c.Directory = "rz1"
		c.Sites = append(c.Sites, c.Sites[0])
		c.Sites[1].Name = "rz2"
		for i := range c.Sites {
			c.Sites[i].Metadata.DSN = fmt.Sprintf("postgres://fachwerk@db%d.example/fachwerk", i)
			c.Sites[i].Blobs.URL = fmt.Sprintf("s3://ak@s3-%d.example/bucket?region=eu", i)
			c.Sites[i].Blobs.Secret = Secret{File: "/secret"}
		}
		change(c)
	}
}

func TestTwoSites(t *testing.T) {
	c := whole()
	twoSites(func(*Config) {})(c)
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if m, b := c.EnginesOf(1); m.DSN != c.Sites[1].Metadata.DSN || b.URL != c.Sites[1].Blobs.URL || c.DirectorySite() != "rz1" {
		t.Errorf("the second site has %s and %s, the directory is at %s", m.DSN, b.URL, c.DirectorySite())
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"unknown key", "listen:\n  imap: :143\n  imapz: :993\n", "line 3: listen.imapz: there is no such key; did you mean listen.imap?"},
		{"unknown section", "metdata:\n  dsn: sqlite:x\n", "line 1: metdata: there is no such key; did you mean metadata?"},
		{"nothing like it", "log:\n  zzzzzzzz: 1\n", "line 2: log.zzzzzzzz: there is no such key; known here: level, format"},
		{"twice", "log:\n  level: info\n  level: warn\n", "line 3"},
		{"secret in the file", "metadata:\n  password: geheim\n", "name that in metadata.password_file, or set FACHWERK_METADATA_PASSWORD"},
		{"wrong word", "log:\n  level: loud\n", `line 2: log.level: "loud" is not one of debug, info, warn, error`},
		{"not a bool", "oidc:\n  embedded: yes\n", `oidc.embedded: "yes" is neither true nor false`},
		{"not a size", "limits:\n  message: 150 MB\n", "is not a size"},
		{"size too great", "limits:\n  message: 4 GiB\n", "limits.message: 4 GiB is above the greatest value, 2 GiB"},
		{"duration too short", "limits:\n  idle_timeout: 5m\n", "limits.idle_timeout: 5m is below the least value, 30m"},
		{"not a network", "smtp:\n  relays: [10.0.0.0/33]\n", `line 2: smtp.relays: "10.0.0.0/33" is not a network`},
		{"host bits", "smtp:\n  relays: [10.0.0.1/8]\n", "the network is 10.0.0.0/8"},
		{"list for a value", "public:\n  name: [a, b]\n", "public.name: takes one plain value"},
		{"value for a section", "listen: 143\n", "listen: must hold keys"},
		{"key in a site", "sites:\n  - name: a\n    contry: DE\n", "line 3: sites[0].contry: there is no such key; did you mean sites[0].country?"},
		{"alias", "public:\n  name: &x a\n  portal: *x\n", "takes one plain value"},
		{"two documents", "log:\n  level: info\n---\nlog:\n  level: warn\n", "more than one document"},
		{"no YAML", "listen: [\n", "not valid YAML"},
		{"endless nesting", strings.Repeat("[", 100000), "line 1 has more than"},
		{"line break in a value", "public:\n  name: \"a\\nb\"\n", "control character"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "geheim") {
				t.Errorf("the message shows the secret: %v", err)
			}
		})
	}
}

func TestParseTellsEverythingAtOnce(t *testing.T) {
	_, err := Parse([]byte("listne: 1\nlog:\n  level: loud\n  format: xml\n"))
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 3 {
		t.Errorf("got %v, want three problems", err)
	}
}

func TestParseReads(t *testing.T) {
	c, err := Parse([]byte("limits:\n  message: 64MiB\n  drain: 90s\nqueue:\n  lifetime: 2d\nsmtp:\n  relays:\n    - 192.0.2.25\n    - 2001:db8::/32\nblobs:\n  secret_file: s3.secret\nsites:\n  - name: a\n    networks: 10.0.0.0/8\nlisten:\n  lmtp:\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Limits.Message != 64<<20 || c.Limits.Drain != 90*time.Second || c.Queue.Lifetime != 48*time.Hour {
		t.Errorf("sizes and durations: %v %v %v", c.Limits.Message, c.Limits.Drain, c.Queue.Lifetime)
	}
	want := []netip.Prefix{netip.MustParsePrefix("192.0.2.25/32"), netip.MustParsePrefix("2001:db8::/32")}
	if !reflect.DeepEqual(c.SMTP.Relays, want) {
		t.Errorf("relays: %v", c.SMTP.Relays)
	}
	if c.Blobs.Secret.File != "s3.secret" || len(c.Sites) != 1 || len(c.Sites[0].Networks) != 1 {
		t.Errorf("secret %v, sites %v", c.Blobs.Secret.File, c.Sites)
	}
	if c.Listen.LMTP != "" {
		t.Errorf("an empty listener is off, got %q", c.Listen.LMTP)
	}
	if c.Listen.IMAP != Default().Listen.IMAP {
		t.Errorf("a key that is not there keeps its default")
	}
}

func TestCheckRefuses(t *testing.T) {
	if err := whole().Check(); err != nil {
		t.Fatalf("the whole configuration is refused:\n%v", err)
	}
	everybody := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	for _, test := range []struct {
		name, want string
		spoil      func(*Config)
	}{
		{"relays for all", "smtp.relays: 0.0.0.0/0 is everybody", func(c *Config) { c.SMTP.Relays = everybody }},
		{"relays for all of IPv6", "smtp.relays: ::/0 is everybody", func(c *Config) { c.SMTP.Relays = []netip.Prefix{netip.MustParsePrefix("::/0")} }},
		{"LMTP for all", "lmtp.trusted: 0.0.0.0/0 is everybody", func(c *Config) { c.LMTP.Trusted = everybody }},
		{"no site", "sites: no site is declared", func(c *Config) { c.Sites = nil }},
		{"site without operator", "sites[0].operator: is missing", func(c *Config) { c.Sites[0].Operator = "" }},
		{"site without networks", "sites[0].networks: is missing", func(c *Config) { c.Sites[0].Networks = nil }},
		{"site everywhere", "sites[0].networks: 0.0.0.0/0 is everybody", func(c *Config) { c.Sites[0].Networks = everybody }},
		{"country in words", `sites[0].country: "Germany" is not a country code`, func(c *Config) { c.Sites[0].Country = "Germany" }},
		{"unknown directory", `directory: there is no site "rz2"`, func(c *Config) { c.Directory = "rz2" }},
		{"no directory", "directory: is missing", twoSites(func(c *Config) { c.Directory = "" })},
		{"database of a second site", "sites[1].metadata.dsn: is missing", twoSites(func(c *Config) { c.Sites[1].Metadata.DSN = "" })},
		{"object store of a second site", "sites[1].blobs.url: is missing", twoSites(func(c *Config) { c.Sites[1].Blobs.URL = "" })},
		{"one database for two", "sites[1].metadata.dsn: is the same as sites[0].metadata.dsn", twoSites(func(c *Config) { c.Sites[1].Metadata.DSN = c.Sites[0].Metadata.DSN })},
		{"database beside two sites", "metadata: and blobs at the top of the file are for one site alone", twoSites(func(c *Config) { c.Metadata.DSN = "sqlite:/x" })},
		{"standby nowhere", "sites[0].standbys[0].place: is missing", func(c *Config) { c.Sites[0].Standbys = []Standby{{Name: "a", Operator: "b", Country: "DE"}} }},
		{"SQLite for two", "metadata.dsn: names SQLite, which is for one process, and replicas is 2; use PostgreSQL and S3, or set replicas to 1", func(c *Config) { c.Replicas = 2 }},
		{"a directory for two", "blobs.url: names a directory, which is for one process, and replicas is 2", func(c *Config) { c.Replicas = 2 }},
		{"no certificate", "listen.imaps: needs a certificate", func(c *Config) { c.TLS.Cert, c.TLS.Key = "", "" }},
		{"half a further certificate", "tls.certificates[0].key: is missing", func(c *Config) { c.TLS.Certificates = []Certificate{{Cert: "a.pem"}} }},
		{"PROXY protocol from anywhere", "listen.proxy.trusted: is missing, but listen.proxy.imap is on", func(c *Config) { c.Listen.Proxy.IMAP = ":10143" }},
		{"PROXY protocol from everybody", "listen.proxy.trusted: 0.0.0.0/0 is everybody", func(c *Config) { c.Listen.Proxy.Trusted = everybody }},
		{"PROXY protocol on the port of another", "listen.proxy.imap: is the same address and port as listen.imap", func(c *Config) {
			c.Listen.Proxy.IMAP, c.Listen.Proxy.Trusted = c.Listen.IMAP, c.LMTP.Trusted
		}},
		{"PROXY protocol without a certificate", "listen.proxy.portal: needs a certificate", func(c *Config) {
			c.TLS.Cert, c.TLS.Key, c.Listen.Proxy.Portal = "", "", ":10443"
		}},
		{"half a certificate", "tls: cert and key belong together", func(c *Config) { c.TLS.Key = "" }},
		{"one port twice", "listen.imaps: is the same address and port as listen.imap", func(c *Config) { c.Listen.IMAPS = c.Listen.IMAP }},
		{"a name to listen on", "is a name, not an address", func(c *Config) { c.Listen.IMAP = "mail.example:143" }},
		{"no port", "is not an address and a port", func(c *Config) { c.Listen.IMAP = "127.0.0.1" }},
		{"one origin in two spellings", "public.http: is the same origin as public.portal", func(c *Config) {
			c.Public.Portal, c.Public.HTTP = "https://portal.musterstadt.example", "https://Portal.Musterstadt.example:443"
		}},
		{"one origin twice", "oidc.issuer: is the same origin as public.portal", func(c *Config) { c.OIDC.Issuer = c.Public.Portal }},
		{"issuer in clear", "oidc.issuer: is not encrypted", func(c *Config) { c.OIDC.Issuer = "http://login.musterstadt.example" }},
		{"portal with a path", "public.portal: ", func(c *Config) { c.Public.Portal += "/portal" }},
		{"audience is the client", "oidc.audience: ", func(c *Config) { c.OIDC.Audience = c.OIDC.ClientID }},
		{"unknown engine", "metadata.dsn: names no engine", func(c *Config) { c.Metadata.DSN = "mysql://x" }},
		{"no region", "the region is never guessed", func(c *Config) { c.Blobs.URL = "s3://ak:sk@127.0.0.1:9000/b" }},
		{"S3 without secret", "blobs.secret_file: is missing", func(c *Config) { c.Blobs.URL = "s3://ak@127.0.0.1:9000/b?region=eu" }},
		{"smarthost without port", "smtp.smarthost.address: ", func(c *Config) { c.SMTP.Smarthost.Address = "relay.example" }},
		{"password in clear", "smtp.smarthost.tls: would send the password in clear", func(c *Config) {
			c.SMTP.Smarthost = Smarthost{Address: "relay.example:25", TLS: "none", Username: "u", Password: Secret{value: "p"}}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := whole()
			test.spoil(c)
			if err := c.Check(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	c := Default()
	err := ApplyEnv(c, []string{
		"FACHWERK_SITES_1_NAME=zwei", "FACHWERK_SITES_0_NETWORKS=10.0.0.0/8,2001:db8::/32", "FACHWERK_SITES_0_NAME=eins",
		"FACHWERK_METADATA_DIRECT_DSN=postgres://u@h/d", "FACHWERK_METADATA_PASSWORD=geheim",
		"FACHWERK_TLS_CERTIFICATES_0_CERT=/a.pem", "FACHWERK_TLS_CERTIFICATES_0_KEY=/a-key.pem",
		"FACHWERK_LIMITS_MESSAGE=1 MiB", "FACHWERK_OIDC_SCOPES_MAIL_READ=imap", "FACHWERK_SMTP_RELAYS=192.0.2.1",
		"FACHWERK_PORT_143_TCP_ADDR=10.0.0.1", "FACHWERK_SERVICE_HOST=10.0.0.1", "FACHWERK_MAIL_PORT=tcp://10.0.0.1:143",
		"FACHWERK_TEST_POSTGRES=x", "FACHWERK_CORPUS=/x", "PATH=/bin",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sites) != 2 || c.Sites[0].Name != "eins" || c.Sites[1].Name != "zwei" || len(c.Sites[0].Networks) != 2 {
		t.Errorf("sites: %+v", c.Sites)
	}
	if one := c.TLS.Certificates; len(one) != 1 || one[0].Cert != "/a.pem" || one[0].Key != "/a-key.pem" {
		t.Errorf("certificates: %+v", one)
	}
	if pw, err := c.Metadata.Password.Read(); pw != "geheim" || err != nil {
		t.Errorf("password: %q, %v", pw, err)
	}
	if c.Metadata.DirectDSN != "postgres://u@h/d" || c.Limits.Message != 1<<20 || c.OIDC.Scopes.MailRead != "imap" || len(c.SMTP.Relays) != 1 {
		t.Errorf("not all variables were obeyed: %+v", c)
	}
}

// Every key has its variable, so nothing can be set in the file alone.
func TestEveryKeyHasAVariable(t *testing.T) {
	samples := map[reflect.Type]string{
		typeSize: "1 MiB", typeDuration: "1h", typePrefixes: "192.0.2.0/24", typeSecret: "/a/file", typeTexts: "a,b",
		reflect.TypeFor[bool](): "true", reflect.TypeFor[int64](): "100", reflect.TypeFor[string](): "text",
	}
	walk("", reflect.ValueOf(Default()).Elem(), func(path string, f field) {
		c := Default()
		value := samples[f.value.Type()]
		if allowed := f.tag.Get("oneof"); allowed != "" {
			value = strings.Split(allowed, ",")[0]
		}
		if high := f.tag.Get("max"); high != "" {
			value = high
		}
		if err := ApplyEnv(c, []string{EnvName(path) + "=" + value}); err != nil {
			t.Errorf("%s: %v", EnvName(path), err)
			return
		}
		if got := lookup(reflect.ValueOf(c).Elem(), path); got.IsZero() {
			t.Errorf("%s=%s left %s empty", EnvName(path), value, path)
		}
	}, nil)
	names := map[string]string{}
	for _, key := range KeyNames() {
		if other, twice := names[EnvName(key)]; twice {
			t.Errorf("%s and %s share %s", key, other, EnvName(key))
		}
		names[EnvName(key)] = key
	}
}

func TestEnvironmentRefuses(t *testing.T) {
	for pair, want := range map[string]string{
		"FACHWERK_LISTEN_IMAPP=:1":      "did you mean FACHWERK_LISTEN_IMAP?",
		"FACHWERK_METADATA_PASWORD=x":   "did you mean FACHWERK_METADATA_PASSWORD?",
		"FACHWERK_SITES_1_NAME=x":       "counted from 0 without gaps",
		"FACHWERK_SITES_0_COLOUR=x":     "no such key",
		"FACHWERK_LIMITS_MESSAGE=many":  "FACHWERK_LIMITS_MESSAGE: ",
		"FACHWERK_COMPLETELY_UNKNOWN=1": "no key has this environment variable",
	} {
		if err := ApplyEnv(Default(), []string{pair}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", pair, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	c := whole()
	c.Metadata.DSN, c.Blobs.URL, c.Keys.Dir = "sqlite:metadata.db", "dir:blobs", "keys"
	c.OIDC.ClientSecret = Secret{File: "secrets/client"}
	text, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "fachwerk.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets", "client"), []byte("geheim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path, []string{"FACHWERK_LOG_LEVEL=debug"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Metadata.DSN != "sqlite:"+dir+"/metadata.db" || got.Blobs.URL != "dir:"+dir+"/blobs" || got.Keys.Dir != dir+"/keys" {
		t.Errorf("paths: %s %s %s", got.Metadata.DSN, got.Blobs.URL, got.Keys.Dir)
	}
	if secret, err := got.OIDC.ClientSecret.Read(); secret != "geheim" || err != nil {
		t.Errorf("secret %q, %v", secret, err)
	}
	if got.Log.Level != "debug" {
		t.Errorf("the environment does not win over the file")
	}
	if !reflect.DeepEqual(got.Sites, c.Sites) {
		t.Errorf("sites %+v", got.Sites)
	}
	if _, err := Load(filepath.Join(dir, "none.yaml"), nil); err == nil || IsProblem(err) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(path, []string{"FACHWERK_SMTP_RELAYS=0.0.0.0/0"}); !IsProblem(err) {
		t.Errorf("0.0.0.0/0 from the environment: %v", err)
	}
}

func TestKeysInABucket(t *testing.T) {
	const bucket = "s3://ak@127.0.0.2:9000/keys?region=r"
	for _, test := range []struct {
		keys Keys
		want string
	}{
		{Keys{URL: bucket, Secret: Secret{File: "s"}, OperatorKeyFile: "k"}, ""},
		{Keys{Dir: "keys", URL: bucket, Secret: Secret{File: "s"}, OperatorKeyFile: "k"}, ""},
		{Keys{URL: bucket, Secret: Secret{File: "s"}}, "keys.operator_key_file: is missing"},
		{Keys{URL: bucket, OperatorKeyFile: "k"}, "keys.secret_file: is missing"},
		{Keys{URL: "s3://ak@h/", Secret: Secret{File: "s"}, OperatorKeyFile: "k"}, "keys.url: is not complete"},
		{Keys{URL: "s3://other@127.0.0.1:9000/content/keys?region=q", Secret: Secret{File: "s"}, OperatorKeyFile: "k"}, "a bucket of their own"},
		{Keys{Dir: "keys", OperatorKeyFile: "k"}, "of no use without keys.url"},
		{Keys{}, "keys.dir: is missing"},
	} {
		c := whole()
		c.Blobs = Blobs{URL: "s3://ak@127.0.0.1:9000/content?region=r", Secret: Secret{File: "s"}}
		c.Keys = test.keys
		err := c.Check()
		if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.keys, err, test.want)
		}
	}
}

func TestPasswordsLeaveTheURL(t *testing.T) {
	for _, dsn := range []string{"s3://ak:s%2Fk@127.0.0.1:7/b?region=r&tls=off", "postgres://u:geheim@h:5/d?sslmode=disable"} {
		clean, password := SplitPassword(dsn)
		if password == "" || strings.Contains(clean, password) {
			t.Errorf("%s: %s, %q", dsn, clean, password)
		}
		if again := WithPassword(clean, password); again != dsn {
			t.Errorf("put back: %s, want %s", again, dsn)
		}
	}
	if clean, password := SplitPassword("sqlite:/a/b"); clean != "sqlite:/a/b" || password != "" {
		t.Errorf("sqlite: %s %s", clean, password)
	}
}

func FuzzParse(f *testing.F) {
	sample, err := os.ReadFile("../../../deploy/fachwerk.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Add([]byte("sites:\n  - name: a\n    networks: [10.0.0.0/8]\n"))
	f.Add([]byte("a: &b [*b]\n? c\n: d\n<<: *b\n"))
	f.Add([]byte("public: |\n  text\n---\n!!str x: 0x7f\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		_ = c.Check()
		again, err := c.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Parse(again); err != nil {
			t.Fatalf("what Marshal wrote is refused: %v\n%s", err, again)
		} else if third, err := back.Marshal(); err != nil || string(third) != string(again) {
			t.Fatalf("not the same after Marshal: %v\n%s\n%s", err, again, third)
		}
	})
}
