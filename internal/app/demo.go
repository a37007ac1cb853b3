package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/idp"
	"fachwerk/internal/app/config"
	"fachwerk/internal/store"
)

// The demo's tenant.
const (
	demoTenant = "Musterstadt"
	demoDomain = "musterstadt.example"
	demoSite   = "demo"
)

// DemoOptions are what `demo` can be told.
type DemoOptions struct {
	Data     string // the folder where everything lies
	Accounts int    // persons beside the two, person000@ and so on
	Listen   string // address for mail; see demoHosts for the web
	BasePort int    // 0: free ports
	Metadata string // DSN instead of a SQLite file in Data
	Blobs    string // URL instead of a folder in Data
	JSON     string // file to write when everything is ready
	Out      io.Writer
	Log      io.Writer
	LogLevel string
}

// DemoState is what --json writes, and what the demo keeps in demo.json to go on
// with the same passwords.
type DemoState struct {
	PID         int           `json:"pid"`
	IMAP        string        `json:"imap"`
	IMAPS       string        `json:"imaps"`
	LMTP        string        `json:"lmtp"`
	SMTP        string        `json:"smtp"`
	Submission  string        `json:"submission"`
	Submissions string        `json:"submissions"`
	HTTP        string        `json:"http"`   // the origin of the next three
	CalDAV      string        `json:"caldav"` // base URLs
	CardDAV     string        `json:"carddav"`
	WebDAV      string        `json:"webdav"`
	Portal      string        `json:"portal"`
	Issuer      string        `json:"issuer"`
	Ops         string        `json:"ops"`
	CA          string        `json:"ca"` // file of the authority to trust
	Data        string        `json:"data"`
	Accounts    []DemoAccount `json:"accounts"`
}

// DemoAccount is somebody to sign in as.
type DemoAccount struct {
	Address     string `json:"address"`
	Name        string `json:"name,omitempty"`
	Password    string `json:"password"`     // for the login page
	AppPassword string `json:"app_password"` // for mail and other programs
}

// demoPorts are each listener's distance from the base port.
var demoPorts = map[string]int{
	"lmtp": 24, "smtp": 25, "portal": 80, "http": 80, "issuer": 80, "ops": 90,
	"imap": 143, "submissions": 465, "submission": 587, "imaps": 993,
}

// Demo runs all services on loopback until ctx ends. All its data lies
// in one folder; started again, it goes on where it was.
func Demo(ctx context.Context, o DemoOptions) error {
	data, err := filepath.Abs(o.Data)
	if err != nil {
		return err
	}
	o.Data = data
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	unlock, err := lockFolder(o.Data)
	if err != nil {
		return err
	}
	defer unlock()
	before := readDemoState(o.Data)
	c, err := demoConfig(o)
	if err != nil {
		return err
	}
	listeners, err := bindDemo(ctx, o, c, before)
	if err != nil {
		return err
	}
	state, s, err := startDemo(ctx, o, c, listeners, before)
	if err != nil {
		return err
	}
	return errors.Join(s.Run(ctx, func() { demoReady(o, state, s.log) }), s.in.Close())
}

// startDemo opens the installation, fills it and builds the server.
func startDemo(ctx context.Context, o DemoOptions, c *config.Config, listeners Listeners, before DemoState) (DemoState, *Server, error) {
	log := NewLog(o.Log, c.Log)
	probes := newOps(log)
	probes.begin(listeners["ops"])
	in, err := open(ctx, c, log, Renewal{})
	if err != nil {
		return DemoState{}, nil, errors.Join(err, probes.close(), listeners.Close())
	}
	s, err := newServer(ctx, in, listeners, Parts(), probes)
	if err != nil {
		return DemoState{}, nil, errors.Join(err, in.Close())
	}
	// Not the server's authenticator: that one tells people of new passwords.
	quiet, err := in.authenticator(nil, nil)
	if err != nil {
		return DemoState{}, nil, errors.Join(err, s.close(), in.Close())
	}
	defer quiet.Close()
	f := demoFiller{in: in, auth: quiet, mail: s.mail, before: before, out: o.Out}
	accounts, err := f.fill(ctx, o.Accounts)
	if err != nil {
		return DemoState{}, nil, errors.Join(err, s.close(), in.Close())
	}
	return demoState(o, c, listeners, accounts), s, nil
}

func demoState(o DemoOptions, c *config.Config, l Listeners, accounts []DemoAccount) DemoState {
	return DemoState{
		PID: os.Getpid(), IMAP: l.Address("imap"), IMAPS: l.Address("imaps"), LMTP: l.Address("lmtp"), SMTP: l.Address("smtp"),
		Submission: l.Address("submission"), Submissions: l.Address("submissions"),
		HTTP: c.Public.HTTP, CalDAV: c.Public.HTTP + "/calendars/", CardDAV: c.Public.HTTP + "/addressbooks/",
		WebDAV: c.Public.HTTP + "/files/", Portal: c.Public.Portal, Issuer: c.OIDC.Issuer, Ops: "http://" + l.Address("ops"),
		CA: filepath.Join(o.Data, "demo-ca.pem"), Data: o.Data, Accounts: accounts,
	}
}

// demoReady keeps the passwords, tells scripts and people. It runs when every
// listener is served.
func demoReady(o DemoOptions, state DemoState, log *slog.Logger) {
	text, err := json.MarshalIndent(state, "", "  ")
	if err == nil {
		err = writeFile(filepath.Join(o.Data, "demo.json"), append(text, '\n'), 0o600)
	}
	if err == nil && o.JSON != "" {
		err = writeFile(o.JSON, append(text, '\n'), 0o600)
	}
	if err != nil {
		log.Error("the demo's state cannot be written", "error", err)
	}
	printDemo(o.Out, state)
}

// named is an address on loopback by the name that people type: some mail programs
// compare certificates with names only.
func named(address string) string {
	if port, ok := strings.CutPrefix(address, "127.0.0.1:"); ok {
		return "localhost:" + port
	}
	return address
}

func printDemo(w io.Writer, s DemoState) {
	one := s.Accounts[0]
	fmt.Fprintf(w, `
Fachwerk demo is ready. Everything lies in %s.

  In a browser   %s
                 sign in as %s with %s

  In a mail program
                 IMAP      %s (STARTTLS) or %s (TLS)
                 sending   %s (STARTTLS) or %s (TLS)
                 trust     %s

  Calendar, contacts and files
                 CalDAV    %s
                 CardDAV   %s
                 WebDAV    %s

  user name                          password for the browser   password for programs
`, s.Data, s.Portal, one.Address, one.Password, named(s.IMAP), named(s.IMAPS), named(s.Submission), named(s.Submissions), s.CA,
		s.CalDAV, s.CardDAV, s.WebDAV+one.Address+"/")
	const shown = 5
	for i, a := range s.Accounts {
		if i == shown {
			fmt.Fprintf(w, "  … and %d more in %s\n", len(s.Accounts)-shown, filepath.Join(s.Data, "demo.json"))
			break
		}
		fmt.Fprintf(w, "  %-34s %-26s %s\n", a.Address, a.Password, a.AppPassword)
	}
	fmt.Fprintf(w, "\n  Both may use buergeramt@%s. Stop with Ctrl-C; start again to go on.\n", demoDomain)
}

// demoConfig is the demo's configuration, before ports are known.
func demoConfig(o DemoOptions) (*config.Config, error) {
	c := config.Default()
	c.Dir = o.Data
	ca, cert, key, err := demoCA(o.Data, certificateNames(o.Listen), time.Now())
	if err != nil {
		return nil, err
	}
	_ = ca // clients need it, the server does not
	c.TLS = config.TLS{Cert: cert, Key: key, PlainLogin: "loopback"}
	c.Public.Name = "localhost"
	c.Keys.Dir, c.Spool.Dir = filepath.Join(o.Data, "keys"), filepath.Join(o.Data, "spool")
	c.Metadata.DSN = config.SchemeSQLite + filepath.Join(o.Data, "metadata.db")
	c.Blobs.URL = config.SchemeDir + filepath.Join(o.Data, "blobs")
	if err := keepSecret(o.Data, "metadata", o.Metadata, &c.Metadata.DSN, &c.Metadata.Password); err != nil {
		return nil, err
	}
	if err := keepSecret(o.Data, "blobs", o.Blobs, &c.Blobs.URL, &c.Blobs.Secret); err != nil {
		return nil, err
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	c.Sites = []config.Site{{
		Name: demoSite, Operator: "Stadtverwaltung Musterstadt (Demo auf diesem Rechner)", Country: "DE", Place: "Musterstadt",
		Networks: loopback,
	}}
	c.SMTP.Relays, c.LMTP.Trusted = loopback, loopback
	c.SMTP.Postmaster = "anna.schmidt@" + demoDomain
	// A flood of connections from one address is what tests do.
	c.Limits.ConnectionsPerAddress, c.Limits.ConnectionsPerPerson = c.Limits.Connections, 1000
	// A demo is watched, not left alone: queued mail is tried soon.
	c.Queue.FirstRetry, c.Queue.MaxRetry = 2*time.Second, 30*time.Second
	c.Log = config.Log{Level: o.LogLevel, Format: "text"}
	// Providers that its tenants have for their own stand beside it.
	c.OIDC.InternalNetworks = loopback
	// The environment wins here too, for a smarthost or other limits.
	return c, config.ApplyEnv(c, os.Environ())
}

func certificateNames(listen string) []string {
	names := []string{"localhost", "127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"}
	if a, err := netip.ParseAddr(listen); err == nil && !a.IsUnspecified() && !a.IsLoopback() {
		names = append(names, a.String())
	}
	return names
}

// keepSecret takes a DSN or URL from the command line into the configuration,
// its password into a file of its own.
func keepSecret(data, name, given string, dsn *string, secret *config.Secret) error {
	if given == "" {
		return nil
	}
	clean, password := config.SplitPassword(given)
	*dsn = clean
	if password == "" {
		return nil
	}
	secret.File = filepath.Join(data, name+".secret")
	return writeFile(secret.File, []byte(password+"\n"), 0o600)
}

// bindDemo binds the listeners, on the ports of the last time if free ports were
// asked for, and writes the configuration with the addresses they got.
func bindDemo(ctx context.Context, o DemoOptions, c *config.Config, before DemoState) (Listeners, error) {
	hosts := demoHosts(o.Listen)
	set := func(port func(key string) string) {
		l := &c.Listen
		for key, at := range map[string]*string{
			"imap": &l.IMAP, "imaps": &l.IMAPS, "lmtp": &l.LMTP, "smtp": &l.SMTP, "submission": &l.Submission,
			"submissions": &l.Submissions, "http": &l.HTTP, "portal": &l.Portal, "issuer": &l.Issuer, "ops": &l.Ops,
		} {
			*at = net.JoinHostPort(cmp.Or(hosts[key], o.Listen), port(key))
		}
	}
	distance := func(key string) int {
		d := demoPorts[key]
		if hosts[key] == "" { // no address of its own, so a port of its own
			d += map[string]int{"issuer": 1, "http": 2}[key]
		}
		return d
	}
	var listeners Listeners
	var err error
	if o.BasePort != 0 {
		set(func(key string) string { return strconv.Itoa(o.BasePort + distance(key)) })
		if listeners, err = bind(ctx, &c.Listen, Parts()); err != nil {
			return nil, fmt.Errorf("%w: choose other ports by --base-port, or free ones by --base-port 0", err)
		}
	} else {
		last := before.ports()
		set(func(key string) string { return last[key] })
		if listeners, err = bind(ctx, &c.Listen, Parts()); err != nil {
			set(func(string) string { return "0" })
			if listeners, err = bind(ctx, &c.Listen, Parts()); err != nil {
				return nil, err
			}
		}
	}
	set(func(key string) string {
		_, port, _ := net.SplitHostPort(listeners.Address(key))
		return port
	})
	c.Public.Portal, c.OIDC.Issuer, c.Public.HTTP = origin(c.Listen.Portal), origin(c.Listen.Issuer), origin(c.Listen.HTTP)
	if err := errors.Join(c.Check(), writeConfig(o.Data, c)); err != nil {
		return nil, errors.Join(err, listeners.Close())
	}
	return listeners, nil
}

// demoHosts gives portal, provider and HTTP an address each, as they have host
// names in production: they are three origins. The demo's web is not encrypted,
// so it stays on loopback, whatever address mail listens on; on all addresses
// ports tell them apart.
func demoHosts(listen string) map[string]string {
	if a, err := netip.ParseAddr(listen); err == nil && a.IsUnspecified() || err == nil && a.IsLoopback() && listen != "127.0.0.1" {
		return nil
	}
	return map[string]string{"portal": "127.0.0.1", "ops": "127.0.0.1", "issuer": "127.0.0.2", "http": "127.0.0.3"}
}

// origin is the web address of a listener; one on all addresses is reached on
// this machine by loopback.
func origin(address string) string {
	host, port, err := net.SplitHostPort(address)
	if a, perr := netip.ParseAddr(host); err == nil && perr == nil && a.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// ports are those of the last start, "0" where there was none.
func (s DemoState) ports() map[string]string {
	out := map[string]string{}
	for key, address := range map[string]string{
		"imap": s.IMAP, "imaps": s.IMAPS, "lmtp": s.LMTP, "smtp": s.SMTP, "submission": s.Submission, "submissions": s.Submissions,
		"http": s.HTTP, "portal": s.Portal, "issuer": s.Issuer, "ops": s.Ops,
	} {
		_, port, err := net.SplitHostPort(strings.TrimPrefix(address, "http://"))
		if err != nil {
			port = "0"
		}
		out[key] = port
	}
	return out
}

func writeConfig(data string, c *config.Config) error {
	text, err := c.Marshal()
	if err != nil {
		return err
	}
	const head = "# Written by `fachwerk demo` at every start. See deploy/fachwerk.yaml for all keys.\n"
	return writeFile(filepath.Join(data, ConfigName), append([]byte(head), text...), 0o600)
}

func readDemoState(data string) (s DemoState) {
	text, err := os.ReadFile(filepath.Join(data, "demo.json"))
	if err == nil && json.Unmarshal(text, &s) != nil {
		return DemoState{}
	}
	return s
}

// A demoFiller puts people and messages into the demo's store, once.
type demoFiller struct {
	in     *Installation
	auth   *auth.Authenticator
	mail   mailer
	before DemoState
	out    io.Writer
}

// fill makes what is missing and returns everybody who can sign in.
func (f *demoFiller) fill(ctx context.Context, more int) ([]DemoAccount, error) {
	if _, err := f.in.store.TenantByName(ctx, demoTenant); errors.Is(err, store.ErrNotFound) {
		if _, err := f.in.AddTenant(ctx, demoTenant, ""); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	if err := f.in.AddDomain(ctx, demoTenant, demoDomain); err != nil && !errors.Is(err, store.ErrExists) {
		return nil, err
	}
	var accounts []DemoAccount
	fresh := false
	for _, p := range demoPeople {
		a, made, err := f.person(ctx, p.local+"@"+demoDomain, p.name, "", "")
		if err != nil {
			return nil, err
		}
		fresh = fresh || made
		accounts = append(accounts, a)
	}
	if err := f.function(ctx); err != nil {
		return nil, err
	}
	if fresh {
		if err := f.letters(ctx); err != nil {
			return nil, err
		}
		if err := f.belongings(ctx); err != nil {
			return nil, err
		}
	}
	// Whoever was made before stays, with the same passwords.
	rest, err := f.crowd(ctx, max(more, len(f.before.Accounts)-len(demoPeople)))
	return append(accounts, rest...), err
}

// person makes one with both passwords, or finds the passwords of the last time.
// password and phc may be given to save hashing.
func (f *demoFiller) person(ctx context.Context, address, name, password, phc string) (a DemoAccount, made bool, err error) {
	for _, old := range f.before.Accounts {
		if old.Address == address && old.AppPassword != "" {
			if _, err := f.in.store.Resolve(ctx, address); err == nil {
				return old, false, nil
			}
		}
	}
	_, err = f.in.AddAccount(ctx, NewAccount{Address: address, Name: name, Kind: "person"})
	made = err == nil
	if err != nil && !errors.Is(err, store.ErrExists) {
		return a, false, err
	}
	ref, err := f.in.person(ctx, address)
	if err != nil {
		return a, false, err
	}
	if password == "" {
		password = randomPassword()
		if phc, err = idp.HashPassword(password); err != nil {
			return a, false, err
		}
	}
	if err := f.in.store.SetPasswordHash(ctx, ref, phc); err != nil {
		return a, false, err
	}
	_, secret, err := f.auth.NewAppPasswordByOperator(ctx, ref, "Demo", auth.AllScopes, time.Time{})
	if err != nil {
		return a, false, fmt.Errorf("app password for %s: %w", address, err)
	}
	return DemoAccount{Address: address, Name: name, Password: password, AppPassword: secret}, made, nil
}

// function makes the function mailbox that both people may use.
func (f *demoFiller) function(ctx context.Context) error {
	address := "buergeramt@" + demoDomain
	_, err := f.in.AddAccount(ctx, NewAccount{Address: address, Name: "Bürgeramt Musterstadt", Kind: "function"})
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	for i, p := range demoPeople {
		rights := "read,write,send-as"
		if i == 0 {
			rights += ",manage"
		}
		if err := f.in.AddGrant(ctx, address, p.local+"@"+demoDomain, rights); err != nil {
			return err
		}
	}
	return nil
}

// crowd makes person000@ and so on for load tests. They share one password for
// the login page, because hashing takes a tenth of a second each; their app
// passwords are their own.
func (f *demoFiller) crowd(ctx context.Context, n int) ([]DemoAccount, error) {
	if n <= 0 {
		return nil, nil
	}
	password, phc := "", ""
	if n > len(f.before.Accounts)-len(demoPeople) { // else nobody is made
		var err error
		password = randomPassword()
		if phc, err = idp.HashPassword(password); err != nil {
			return nil, err
		}
	}
	show := NewProgress(f.out, "accounts")
	var out []DemoAccount
	for i := range n {
		a, _, err := f.person(ctx, fmt.Sprintf("person%03d@%s", i, demoDomain), fmt.Sprintf("Person %03d", i), password, phc)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
		show.Step(i+1, n)
	}
	show.End()
	return out, nil
}

// randomPassword is one to type from a screen: four groups of four letters and
// digits, 80 bits.
func randomPassword() string {
	text := strings.ToLower(rand.Text())
	return text[0:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:16]
}
