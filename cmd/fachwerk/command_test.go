package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
	"fachwerk/internal/testenv/child"
)

const testConfig = `listen: {imap: "", imaps: "", lmtp: "", smtp: "", submission: "", submissions: "", http: "", portal: "", issuer: "127.0.0.1:0", ops: ""}
tls: {web: false}
public: {name: mail.musterstadt.example}
metadata: {dsn: "sqlite:metadata.db"}
blobs: {url: "dir:blobs"}
keys: {dir: keys}
spool: {dir: spool}
oidc: {issuer: "https://login.musterstadt.example"}
sites:
  - {name: rz1, operator: Stadtwerke Musterstadt, country: DE, place: Musterstadt, networks: [10.0.0.0/8]}
`

// installation makes an empty one.
func installation(t *testing.T) *operator {
	t.Helper()
	return operatorOf(t, testConfig)
}

// An operator runs commands on an installation.
type operator struct {
	t    *testing.T
	dir  string
	told string // on standard error, by the last command
}

func operatorOf(t *testing.T, config string) *operator {
	t.Helper()
	o := &operator{t: t, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(o.dir, app.ConfigName), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return o
}

// run runs one, and gives what it printed.
func (o *operator) run(stdin string, args ...string) (string, error) {
	var out bytes.Buffer
	var errs child.Said // as a real standard error, several write to it at the same time
	cmd := command(strings.NewReader(stdin), &out, &errs)
	cmd.SetArgs(append(args, "--data", o.dir))
	err := cmd.ExecuteContext(o.t.Context())
	o.told = errs.String()
	return out.String(), err
}

// given wants one to work that reads from standard input.
func (o *operator) given(stdin string, args ...string) string {
	o.t.Helper()
	out, err := o.run(stdin, args...)
	if err != nil {
		o.t.Fatalf("fachwerk %v: %v", args, err)
	}
	return out
}

func (o *operator) must(args ...string) string {
	o.t.Helper()
	return o.given("", args...)
}

// refused wants a refusal that says so.
func (o *operator) refused(want string, args ...string) {
	o.t.Helper()
	if _, err := o.run("", args...); err == nil || !strings.Contains(err.Error(), want) {
		o.t.Errorf("%v: %v, want %q", args, err, want)
	}
}

// An operator sets up a tenant and looks at everything.
func TestAnOperatorsFirstDay(t *testing.T) {
	o := installation(t)
	must, run := o.must, o.run
	must("tenant", "add", "Musterstadt")
	must("domain", "add", "musterstadt.example")
	must("account", "add", "anna@musterstadt.example", "--name", "Anna Schmidt", "--quota", "1 GiB")
	must("account", "add", "amt@musterstadt.example", "--kind", "function")
	if _, err := run("", "account", "add", "jan@musterstadt.example", "--issuer", "https://login.land.example", "--subject", "4711"); err == nil || !strings.Contains(err.Error(), "issuer bind") {
		t.Errorf("a person of an unbound issuer: %v", err)
	}
	must("issuer", "bind", "https://login.land.example", "--client-id", "portal")
	must("account", "add", "jan@musterstadt.example", "--issuer", "https://login.land.example", "--subject", "4711")
	must("alias", "add", "rathaus@musterstadt.example", "amt@musterstadt.example")
	o.refused("by amt@musterstadt.example, a function account", "account", "add", "rathaus@musterstadt.example")
	o.refused(`tenant "Musterstadt"`, "domain", "add", "musterstadt.example")
	o.refused("anna@musterstadt.example is a person account", "grant", "add", "anna@musterstadt.example", "amt@musterstadt.example", "read")
	o.refused("which group", "grant", "group", "add", "amt@musterstadt.example", "", "read")
	o.refused("known are mail.read", "app-password", "add", "anna@musterstadt.example", "--scopes", "mail")
	o.refused("app-password list anna@musterstadt.example", "app-password", "revoke", "anna@musterstadt.example", "77")
	must("grant", "add", "amt@musterstadt.example", "anna@musterstadt.example", "read,send-as")
	if _, err := run("ein langes Passwort\n", "password", "set", "anna@musterstadt.example"); err != nil {
		t.Fatalf("password set: %v", err)
	}
	var made app.AppPassword
	decode(t, must("app-password", "add", "anna@musterstadt.example", "--name", "Telefon", "--scopes", "mail.read", "--expires", "90d", "--json"), &made)
	if made.Secret == "" || made.Scopes != "mail.read" || made.Expires == nil {
		t.Errorf("app password: %+v", made)
	}

	var accounts []app.Account
	decode(t, must("account", "list", "--json"), &accounts)
	if len(accounts) != 3 || accounts[1].Address != "anna@musterstadt.example" || accounts[1].QuotaBytes != 1<<30 || accounts[0].Kind != "function" {
		t.Errorf("accounts: %+v", accounts)
	}
	var aliases []app.Alias
	decode(t, must("alias", "list", "--json"), &aliases)
	if len(aliases) != 1 || aliases[0].Account != "amt@musterstadt.example" {
		t.Errorf("aliases: %+v", aliases)
	}
	var grants []app.Grant
	decode(t, must("grant", "list", "amt@musterstadt.example", "--json"), &grants)
	if len(grants) != 1 || grants[0].Rights != "read,send-as" {
		t.Errorf("grants: %+v", grants)
	}
	var list []app.AppPassword
	decode(t, must("app-password", "list", "anna@musterstadt.example", "--json"), &list)
	if len(list) != 1 || list[0].Secret != "" {
		t.Errorf("app passwords: %+v", list)
	}
	for _, args := range [][]string{{"tenant", "list"}, {"domain", "list"}, {"queue", "list"}, {"check"}} {
		var any []map[string]any
		decode(t, must(append(args, "--json")...), &any)
	}

	must("app-password", "revoke", "anna@musterstadt.example", "1")
	must("grant", "remove", "amt@musterstadt.example", "anna@musterstadt.example")
	must("alias", "remove", "rathaus@musterstadt.example")
	must("account", "disable", "anna@musterstadt.example")
	must("account", "enable", "anna@musterstadt.example")
	must("account", "remove", "anna@musterstadt.example", "--yes")
	must("store", "new-generation", "--yes")
	must("check")
	must("tenant", "remove", "Musterstadt", "--yes")
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Errorf("not the JSON expected: %v\n%s", err, text)
	}
}

// Mistakes are told in words that help, with the exit status of a wrong command
// line.
func TestMistakesAreTold(t *testing.T) {
	run := installation(t).run
	for _, c := range []struct {
		want  string
		usage bool
		args  []string
	}{
		{`did you mean list?`, true, []string{"account", "lst"}},
		{"there is no command", true, []string{"acount"}},
		{"accepts 1 arg", true, []string{"account", "add"}},
		{"unknown flag", true, []string{"account", "list", "--jsn"}},
		{"there is no part", true, []string{"serve", "mial"}},
		{"is not a size", true, []string{"account", "add", "a@b.example", "--quota", "1 GB"}},
		{"say --yes", true, []string{"account", "remove", "a@b.example"}},
		{"belongs to no tenant", false, []string{"account", "add", "a@b.example"}},
		{"is no kind of account", false, []string{"account", "add", "a@b.example", "--kind", "robot"}},
		{"there is no account", false, []string{"account", "disable", "a@b.example"}},
		{"NAME@DOMAIN", false, []string{"account", "show", "anna"}},
		{"NAME@DOMAIN", false, []string{"account", "add", "anna"}},
		{"there is no alias", false, []string{"alias", "remove", "a@b.example"}},
		{"`fachwerk domain list`", false, []string{"domain", "remove", "b.example"}},
		{"is no domain", false, []string{"domain", "remove", "b example"}},
		{"`fachwerk location verify`", false, []string{"location", "accept", "rz1", "database", "certificate"}},
		{"there is no tenant yet", false, []string{"domain", "add", "b.example"}},
		{"is not a number", true, []string{"queue", "show", "one"}},
		{"no message 7 waits", false, []string{"queue", "show", "7"}},
		{"or say --all", true, []string{"queue", "retry"}},
	} {
		_, err := run("", c.args...)
		var usage usageError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &usage) != c.usage {
			t.Errorf("%v: %v, want %q, a usage error %v", c.args, err, c.want, c.usage)
		}
	}
}

// each calls f for every command that does something.
func each(t *testing.T, f func(root, cmd *cobra.Command)) {
	t.Helper()
	root := command(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})
	seen := 0
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no short help", cmd.CommandPath())
		}
		if !cmd.HasSubCommands() {
			seen++
			f(root, cmd)
		}
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look(root)
	if seen < 50 {
		t.Errorf("only %d commands were seen", seen)
	}
}

// Every command says what it does; every one that works on an installation finds
// it by the same two flags.
func TestEveryCommandExplainsItself(t *testing.T) {
	alone := []string{"fachwerk version", "fachwerk demo", "fachwerk location verify-report"}
	each(t, func(_, cmd *cobra.Command) {
		if !slices.Contains(alone, cmd.CommandPath()) && (cmd.Flags().Lookup("config") == nil || cmd.Flags().Lookup("data") == nil) {
			t.Errorf("%s lacks --config or --data", cmd.CommandPath())
		}
	})
}

// Every command has an example, and every example is a command line of that command.
func TestEveryExampleIsRight(t *testing.T) {
	each(t, func(root, cmd *cobra.Command) {
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for line := range strings.Lines(strings.ReplaceAll(cmd.Example, "\\\n", " ")) {
			_, line, ok := strings.Cut(strings.TrimSpace(line), "fachwerk ")
			if !ok {
				t.Errorf("%s: the example is no command line: %q", cmd.CommandPath(), cmd.Example)
				continue
			}
			line, _, _ = strings.Cut(line, " && ")
			line, _, _ = strings.Cut(line, " >")
			args := words(line)
			found, rest, err := root.Find(args)
			if err != nil || found != cmd {
				t.Errorf("%s: its example is another's: %v, %v", cmd.CommandPath(), args, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %v: %v", cmd.CommandPath(), args, err)
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: %v: %v", cmd.CommandPath(), args, err)
			}
		}
	})
}

// words splits a command line as a shell does that knows double quotes alone.
func words(line string) (list []string) {
	quoted, word, begun := false, "", false
	for _, r := range line + " " {
		switch {
		case r == '"':
			quoted, begun = !quoted, true
		case r == ' ' && !quoted:
			if begun {
				list = append(list, word)
			}
			word, begun = "", false
		default:
			word, begun = word+string(r), true
		}
	}
	return list
}

// What lists or shows something does so as JSON too.
func TestWhatShowsHasJSON(t *testing.T) {
	shows := []string{"list", "show", "sites", "verify", "where", "check", "version", "invite", "account", "imap", "dav"}
	each(t, func(_, cmd *cobra.Command) {
		if slices.Contains(shows, cmd.Name()) && cmd.Flags().Lookup("json") == nil {
			t.Errorf("%s has no --json", cmd.CommandPath())
		}
	})
}
