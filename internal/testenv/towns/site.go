package towns

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"fachwerk/internal/testenv/need"
)

// Site is where a site's data lies, for looking at it from outside. Of each pair one
// is set.
type Site struct {
	SQLite, Postgres string // the database's file, or its DSN
	Folder, Bucket   string // of objects: a folder, or a URL with the secret in it

	text string // of the configuration
}

func newSite(t testing.TB, dir string, i int, o Options) (s Site) {
	t.Helper()
	metadata, objects := "", ""
	if o.Services {
		s.Postgres, s.Bucket = need.Postgres(t), need.S3(t)
		at := s.Bucket
		if o.Bucket != nil {
			at = o.Bucket(i, at)
		}
		metadata = apart(t, dir, fmt.Sprint("database", i), "dsn", "password_file", s.Postgres)
		objects = apart(t, dir, fmt.Sprint("bucket", i), "url", "secret_file", at)
	} else {
		database, folder := fmt.Sprintf("site%d.db", i), fmt.Sprintf("blobs%d", i)
		s.SQLite, s.Folder = filepath.Join(dir, database), filepath.Join(dir, folder)
		metadata, objects = "dsn: 'sqlite:"+database+"'", "url: 'dir:"+folder+"'"
	}
	if o.Metadata != nil {
		metadata += further(o.Metadata(i))
	}
	s.text = fmt.Sprintf("- {name: site%d, operator: Stadtwerke, country: DE, place: Musterstadt, networks: [127.0.0.0/8], durability: local, metadata: {%s}, blobs: {%s}}\n",
		i, metadata, objects)
	return s
}

// apart puts the password of an address into a file, as the configuration wants it, and
// gives the members that name both.
func apart(t testing.TB, dir, name, key, fileKey, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	password, has := "", false
	if u.User != nil {
		password, has = u.User.Password()
	}
	if !has {
		return fmt.Sprintf("%s: '%s'", key, address)
	}
	file := filepath.Join(dir, name+".secret")
	must(t, os.WriteFile(file, []byte(password), 0o600))
	u.User = url.User(u.User.Username())
	return fmt.Sprintf("%s: '%s', %s: '%s'", key, u, fileKey, file)
}
