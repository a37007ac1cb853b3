package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"fachwerk/internal/testenv/need"
)

// composeFile has the keys of the compose specification that ours uses; decoding is
// strict, so that a misspelt one fails.
type composeFile struct {
	Name     string                    `yaml:"name"`
	Logging  composeLogging            `yaml:"x-logging"`
	Services map[string]composeService `yaml:"services"`
	Networks map[string]struct {
		Internal bool `yaml:"internal"`
		IPAM     struct {
			Config []struct {
				Subnet string `yaml:"subnet"`
			} `yaml:"config"`
		} `yaml:"ipam"`
	} `yaml:"networks"`
	Volumes map[string]struct{} `yaml:"volumes"`
	Secrets map[string]struct {
		File string `yaml:"file"`
	} `yaml:"secrets"`
}

type composeLogging struct {
	Driver  string            `yaml:"driver"`
	Options map[string]string `yaml:"options"`
}

type composeService struct {
	Image string `yaml:"image"`
	Build struct {
		Context    string `yaml:"context"`
		Dockerfile string `yaml:"dockerfile"`
	} `yaml:"build"`
	Restart         string            `yaml:"restart"`
	StopGracePeriod string            `yaml:"stop_grace_period"`
	SharedMemory    string            `yaml:"shm_size"`
	Logging         composeLogging    `yaml:"logging"`
	ReadOnly        bool              `yaml:"read_only"`
	CapDrop         []string          `yaml:"cap_drop"`
	SecurityOpt     []string          `yaml:"security_opt"`
	Sysctls         map[string]int    `yaml:"sysctls"`
	Command         []string          `yaml:"command"`
	Entrypoint      []string          `yaml:"entrypoint"`
	Environment     map[string]string `yaml:"environment"`
	EnvFile         string            `yaml:"env_file"`
	Networks        any               `yaml:"networks"`
	NetworkMode     string            `yaml:"network_mode"`
	Ports           []string          `yaml:"ports"`
	Volumes         []string          `yaml:"volumes"`
	Secrets         []string          `yaml:"secrets"`
	DependsOn       map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Healthcheck struct {
		Test     []string `yaml:"test"`
		Interval string   `yaml:"interval"`
		Timeout  string   `yaml:"timeout"`
		Retries  int      `yaml:"retries"`
	} `yaml:"healthcheck"`
}

func compose(t *testing.T) (c composeFile) {
	t.Helper()
	if err := yaml.UnmarshalWithOptions([]byte(read(t, "deploy/compose/compose.yaml")), &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return c
}

// names lists what a service's networks key names, in either of its forms.
func names(networks any) (out []string) {
	switch v := networks.(type) {
	case []any:
		for _, one := range v {
			out = append(out, one.(string))
		}
	case map[string]any:
		for one := range v {
			out = append(out, one)
		}
	}
	return out
}

func TestComposeHangsTogether(t *testing.T) {
	c := compose(t)
	pinned := regexp.MustCompile(`^[\w.-]+\.[a-z]+/[\w./-]+:v?\d+\.\d+(\.\d+)?[\w.-]*$`)
	for name, s := range c.Services {
		if s.Build.Dockerfile == "" && !pinned.MatchString(s.Image) {
			t.Errorf("%s: the image %q names no registry and version", name, s.Image)
		}
		if s.Restart != "" && s.Logging.Options["max-size"] == "" {
			t.Errorf("%s: its log grows for ever", name)
		}
		if strings.Contains(s.Image, "minio") {
			t.Errorf("%s: %s is no longer maintained", name, s.Image)
		}
		for _, n := range names(s.Networks) {
			if _, ok := c.Networks[n]; !ok {
				t.Errorf("%s: there is no network %s", name, n)
			}
		}
		for _, n := range s.Secrets {
			if _, ok := c.Secrets[n]; !ok {
				t.Errorf("%s: there is no secret %s", name, n)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if _, ok := c.Volumes[source]; !ok && !strings.HasPrefix(source, "./") {
				t.Errorf("%s: there is no volume %s", name, source)
			}
		}
		for n, d := range s.DependsOn {
			other, ok := c.Services[n]
			if !ok || !slices.Contains([]string{"service_started", "service_healthy", "service_completed_successfully"}, d.Condition) {
				t.Errorf("%s depends on %s, %s", name, n, d.Condition)
			}
			if d.Condition == "service_healthy" && len(other.Healthcheck.Test) == 0 {
				t.Errorf("%s waits for the health of %s, which has no check", name, n)
			}
		}
		for key := range s.Environment {
			if strings.HasSuffix(key, "PASSWORD") || strings.HasSuffix(key, "SECRET") {
				t.Errorf("%s: %s stands in the file", name, key)
			}
		}
	}
	for _, name := range []string{"database", "objects"} {
		if got := names(c.Services[name].Networks); len(got) != 1 || !c.Networks[got[0]].Internal || len(c.Services[name].Ports) > 0 {
			t.Errorf("%s can be reached from outside: %v", name, got)
		}
	}
	// What the location report declares is what the engine gives.
	if inside := c.Networks["inside"].IPAM.Config; len(inside) != 1 ||
		!strings.Contains(read(t, "deploy/compose/fachwerk.yaml"), "networks: ["+inside[0].Subnet+"]") {
		t.Errorf("the network inside, %v, is not what the site declares", inside)
	}
	// While its image sets a new database up, PostgreSQL answers at its socket alone. Asked
	// there it would seem healthy too early.
	if !slices.Contains(c.Services["database"].Healthcheck.Test, "--host=127.0.0.1") {
		t.Error("the database is asked at its socket, where it answers before it is ready")
	}
	ours := c.Services["fachwerk"]
	if !ours.ReadOnly || !slices.Equal(ours.CapDrop, []string{"ALL"}) || !slices.Equal(ours.SecurityOpt, []string{"no-new-privileges:true"}) {
		t.Error("the server has more rights than it needs")
	}
	for _, p := range ours.Ports {
		if strings.HasSuffix(p, ":9090") && !strings.HasPrefix(p, "127.0.0.1:") {
			t.Errorf("metrics are public: %s", p)
		}
	}
}

// prepare.sh writes every file that compose wants, twice the same, and a certificate
// for all names of the configuration.
func TestComposeIsPrepared(t *testing.T) {
	need.Program(t, "openssl")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "deploy", "compose"))); err != nil {
		t.Fatal(err)
	}
	prepare := func(arguments ...string) (string, error) {
		out, err := exec.Command("sh", append([]string{filepath.Join(dir, "prepare.sh")}, arguments...)...).CombinedOutput()
		return string(out), err
	}
	for _, bad := range [][]string{nil, {"neustadt.example; rm -rf /"}, {".example"}} {
		if out, err := prepare(bad...); err == nil {
			t.Errorf("%q is taken: %s", bad, out)
		}
	}
	secret := filepath.Join(dir, "private", "secrets", "database_password")
	var before []byte
	for range 2 {
		if out, err := prepare("neustadt.example"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text, err := os.ReadFile(secret)
		if err != nil || len(text) < 40 {
			t.Fatalf("a password of %d characters, %v", len(text), err)
		}
		if before != nil && string(before) != string(text) {
			t.Error("run again it changes a secret")
		}
		before = text
	}
	if info, err := os.Stat(filepath.Join(dir, "private")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the secrets lie open: %v, %v", info.Mode(), err)
	}
	c := compose(t)
	wanted := []string{".env"}
	for _, s := range c.Secrets {
		wanted = append(wanted, s.File)
	}
	for _, s := range c.Services {
		if s.EnvFile != "" {
			wanted = append(wanted, s.EnvFile)
		}
		for _, v := range s.Volumes {
			if source, _, _ := strings.Cut(v, ":"); strings.HasPrefix(source, "./") {
				wanted = append(wanted, source)
			}
		}
	}
	for _, name := range wanted {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("compose wants %s: %v", name, err)
		}
	}
	// What compose itself reads in the file, with the variables that prepare.sh wrote.
	check := exec.Command(tool(t, "docker-compose"), "config", "--quiet")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("compose config: %v\n%s", err, out)
	}
	config, err := os.ReadFile(filepath.Join(dir, "fachwerk.yaml"))
	if err != nil || strings.Contains(string(config), "musterstadt.example") {
		t.Errorf("the domain was not replaced: %v", err)
	}
	tls := filepath.Join(dir, "private", "tls")
	for _, host := range []string{"mail", "portal", "dav", "login"} {
		out, err := exec.Command("openssl", "verify", "-CAfile", filepath.Join(tls, "ca.pem"), "-verify_hostname", host+".neustadt.example",
			filepath.Join(tls, "fullchain.pem")).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", host, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(tls, "ca-key.pem")); err == nil {
		t.Error("the authority's key was kept")
	}
}

// Keycloak's realm and our configuration fit together.
func TestRealmFitsTheConfiguration(t *testing.T) {
	var realm struct {
		Realm        string `json:"realm"`
		SSL          string `json:"sslRequired"`
		Registration bool   `json:"registrationAllowed"`
		Scopes       []struct {
			Name    string `json:"name"`
			Mappers []struct {
				Mapper string            `json:"protocolMapper"`
				Config map[string]string `json:"config"`
			} `json:"protocolMappers"`
		} `json:"clientScopes"`
		Clients []struct {
			ID         string            `json:"clientId"`
			Public     bool              `json:"publicClient"`
			Implicit   bool              `json:"implicitFlowEnabled"`
			Direct     bool              `json:"directAccessGrantsEnabled"`
			Secret     string            `json:"secret"`
			Redirects  []string          `json:"redirectUris"`
			Attributes map[string]string `json:"attributes"`
			Default    []string          `json:"defaultClientScopes"`
			Optional   []string          `json:"optionalClientScopes"`
		} `json:"clients"`
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/compose/realm.json")), &realm); err != nil {
		t.Fatal(err)
	}
	var ours, sample struct {
		OIDC struct {
			Issuer   string            `yaml:"issuer"`
			Client   string            `yaml:"client_id"`
			Audience string            `yaml:"audience"`
			Scopes   map[string]string `yaml:"scopes"`
		} `yaml:"oidc"`
	}
	for name, into := range map[string]any{"deploy/compose/fachwerk.yaml": &ours, "deploy/fachwerk.yaml": &sample} {
		if err := yaml.Unmarshal([]byte(read(t, name)), into); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.HasSuffix(ours.OIDC.Issuer, "/realms/"+realm.Realm) || realm.SSL != "all" || realm.Registration {
		t.Errorf("realm %s (%s) and issuer %s", realm.Realm, realm.SSL, ours.OIDC.Issuer)
	}
	audience, scopes := "", []string{"basic", "profile", "email", "offline_access"} // Keycloak's own
	for _, s := range realm.Scopes {
		scopes = append(scopes, s.Name)
		for _, m := range s.Mappers {
			if m.Mapper == "oidc-audience-mapper" {
				audience = m.Config["included.custom.audience"]
			}
		}
	}
	if audience != ours.OIDC.Audience || audience == "" {
		t.Errorf("tokens are for %q, we are %q", audience, ours.OIDC.Audience)
	}
	found := false
	for _, c := range realm.Clients {
		if c.Implicit || c.Direct || c.Attributes["pkce.code.challenge.method"] != "S256" {
			t.Errorf("%s may sign in without PKCE", c.ID)
		}
		for _, s := range append(slices.Clone(c.Default), c.Optional...) {
			if !slices.Contains(scopes, s) {
				t.Errorf("%s has the scope %s, which is not there", c.ID, s)
			}
		}
		if !slices.Contains(c.Default, "fachwerk-services") {
			t.Errorf("tokens of %s are not for us", c.ID)
		}
		if c.Public {
			for _, s := range sample.OIDC.Scopes {
				if s == "" { // none is asked for
					continue
				}
				if !slices.Contains(c.Optional, s) {
					t.Errorf("mail programs cannot ask for %s", s)
				}
			}
			continue
		}
		if found = c.ID == ours.OIDC.Client; !found || !slices.Equal(c.Redirects, []string{"${FACHWERK_PORTAL}/login/callback"}) ||
			c.Attributes["backchannel.logout.url"] != "${FACHWERK_PORTAL}/logout/back-channel" || c.Secret != "${FACHWERK_PORTAL_CLIENT_SECRET}" {
			t.Errorf("the portal's client: %+v", c)
		}
	}
	if !found {
		t.Errorf("there is no client %s", ours.OIDC.Client)
	}
}
