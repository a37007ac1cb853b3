package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/app"
)

// `check` tells of what only the server reads, by its key: a certificate or a secret
// that is not there, or that cannot be used.
func TestCheckReadsWhatTheServerNeeds(t *testing.T) {
	o := installation(t)
	o.must("tenant", "create", "Musterstadt", "--domain", "musterstadt.example", "--site", "rz1")
	if out := o.must("check"); strings.TrimSpace(out) != "" {
		t.Fatalf("without any such file: %s", out)
	}
	bad := filepath.Join(o.dir, "none.pem")
	if err := os.WriteFile(bad, []byte("this is no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(o.dir, "secret")
	t.Setenv("FACHWERK_TLS_CERT", bad)
	t.Setenv("FACHWERK_TLS_KEY", filepath.Join(o.dir, "missing-key.pem"))
	t.Setenv("FACHWERK_OIDC_CLIENT_SECRET_FILE", secret)
	out, err := o.run("", "check")
	if !errors.Is(err, errFindings) || strings.Count(out, "\n") != 2 ||
		!strings.Contains(out, "configuration: tls.cert, tls.key: ") || !strings.Contains(out, "configuration: oidc.client_secret_file: ") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := os.WriteFile(secret, []byte("geheim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err = o.run("", "check"); !errors.Is(err, errFindings) || strings.Contains(out, "oidc") {
		t.Errorf("with the secret: %v\n%s", err, out)
	}
}

// Where the key directory of a store is missing, no command leaves an empty one: the
// one from the backup would be moved into it.
func TestLostKeysLeaveNoFolder(t *testing.T) {
	o := installation(t)
	o.must("tenant", "create", "Musterstadt", "--domain", "musterstadt.example", "--site", "rz1")
	keys, aside := filepath.Join(o.dir, "keys"), filepath.Join(o.dir, "backup-of-keys")
	if err := os.Rename(keys, aside); err != nil {
		t.Fatal(err)
	}
	o.refused("restore the key directory", "check")
	if _, err := os.Lstat(keys); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of keys is there: %v", err)
	}
	if err := os.Mkdir(keys, 0o700); err != nil { // an operator's own, such as a mount
		t.Fatal(err)
	}
	o.refused("restore the key directory", "check")
	if list, err := os.ReadDir(keys); err != nil || len(list) > 1 {
		t.Errorf("the operator's own folder: %v, %v", list, err)
	}
	if err := errors.Join(os.RemoveAll(keys), os.Rename(aside, keys)); err != nil {
		t.Fatal(err)
	}
	o.must("check")
}

// What an operator bound is shown again: who a person is at a provider.
func TestAccountShowNamesSubjects(t *testing.T) {
	o := installation(t)
	o.must("tenant", "create", "Musterstadt", "--domain", "musterstadt.example", "--site", "rz1")
	const issuer = "https://login.land.example"
	o.must("issuer", "bind", issuer, "--client-id", "portal")
	o.must("account", "add", "jan@musterstadt.example", "--issuer", issuer, "--subject", "4711")
	o.must("account", "add", "amt@musterstadt.example", "--kind", "function")
	if out := o.must("account", "show", "jan@musterstadt.example"); !strings.Contains(out, issuer+"  4711\n") {
		t.Errorf("%s", out)
	}
	var shown app.Account
	if err := json.Unmarshal([]byte(o.must("account", "show", "jan@musterstadt.example", "--json")), &shown); err != nil ||
		len(shown.Subjects) != 1 || shown.Subjects[0].Issuer != issuer || shown.Subjects[0].Subject != "4711" {
		t.Errorf("%v: %+v", err, shown)
	}
	if out := o.must("account", "show", "amt@musterstadt.example"); strings.Contains(out, "SUBJECT") {
		t.Errorf("a function mailbox: %s", out)
	}
}
