package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/admin/admintest"
	"fachwerk/internal/testenv/need"
)

const twoSites = `listen: {imap: "", imaps: "", lmtp: "", smtp: "", submission: "", submissions: "", http: "", portal: "", issuer: "", ops: ""}
tls: {web: false}
public: {name: mail.example, portal: "https://portal.example"}
keys: {dir: keys}
spool: {dir: spool}
oidc: {embedded: false, issuer: "https://login.example", client_id: portal, audience: "urn:mail"}
directory: nord
sites:
  - {name: nord, operator: Kommunale IT, country: DE, place: Hafen, networks: [10.0.0.0/16],
     metadata: {dsn: "sqlite:nord.db"}, blobs: {url: "dir:nord"}}
  - {name: sued, operator: Landesrechenzentrum, country: DE, place: Tal, networks: [10.1.0.0/16],
     metadata: {dsn: "sqlite:sued.db"}, blobs: {url: "dir:sued"}}
`

// The control API on installations of two sites.
func TestControlAPI(t *testing.T) {
	t.Run("SQLite+directory", func(t *testing.T) { controlAPI(t, twoSites) })
	t.Run("PostgreSQL+S3", func(t *testing.T) {
		text := twoSites
		for _, site := range []string{"nord", "sued"} {
			text = strings.Replace(text, "sqlite:"+site+".db", need.Postgres(t), 1)
			text = strings.Replace(text, "dir:"+site, need.S3(t), 1)
		}
		controlAPI(t, text)
	})
}

func controlAPI(t *testing.T, configuration string) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ConfigName), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() *Installation {
		in, err := Open(t.Context(), Where{Data: dir}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		})
		return in
	}
	// The second stands for another process: it shares nothing with the first but the stores.
	admintest.Suite(t, admintest.Options{Backend: control{open()}, Other: control{open()}, SiteA: "nord", SiteB: "sued", Issuer: "https://login.example"})
}
