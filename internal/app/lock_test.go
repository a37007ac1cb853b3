package app

import (
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/app/config"
)

// SQLite and a blob directory serve each part by one process; different parts may
// be different processes, and PostgreSQL with S3 has no such bound.
func TestOneProcessServesLocalEngines(t *testing.T) {
	dir := t.TempDir()
	local := &config.Config{}
	local.Sites = []config.Site{{Name: "nord"}}
	local.Metadata.DSN, local.Blobs.URL = "sqlite:"+filepath.Join(dir, "m.db"), "dir:"+filepath.Join(dir, "blobs")
	first, err := lockServed(local, []string{PartMail})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockServed(local, []string{PartPortal, PartMail}); err == nil || !strings.Contains(err.Error(), "another process serves mail") {
		t.Errorf("a second process: %v", err)
	}
	portal, err := lockServed(local, []string{PartPortal})
	if err != nil {
		t.Errorf("another part: %v", err)
	} else {
		portal()
	}
	first()
	again, err := lockServed(local, []string{PartMail, PartPortal})
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	again()
	remote := &config.Config{}
	remote.Sites = []config.Site{{Name: "nord"}}
	remote.Metadata.DSN, remote.Blobs.URL = "postgres://x/y", "s3://x/y"
	for range 2 {
		if _, err := lockServed(remote, []string{PartMail}); err != nil {
			t.Error(err)
		}
	}
}
