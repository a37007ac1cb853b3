package app

import (
	"bytes"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/app/config"
	"fachwerk/internal/testenv/need"
)

// An installation with keys in a bucket starts again with the same ones alone: every
// other file, bucket or prefix is one sentence, and nothing is made instead.
func TestKeysInABucket(t *testing.T) {
	bucket, err := url.Parse(need.S3(t))
	must(t, err)
	dir := t.TempDir()
	operator, another := filepath.Join(dir, "operator.key"), filepath.Join(dir, "another.key")
	must(t, os.WriteFile(operator, bytes.Repeat([]byte{1}, 32), 0o400))
	must(t, os.WriteFile(another, bytes.Repeat([]byte{2}, 32), 0o400))
	open := func(at url.URL, file string) (string, *Installation) {
		c := config.Default()
		c.Metadata.DSN, c.Blobs.URL, c.Spool.Dir = "sqlite:"+filepath.Join(dir, "m.db"), "dir:"+filepath.Join(dir, "blobs"), filepath.Join(dir, "spool")
		c.Keys = config.Keys{URL: at.String(), OperatorKeyFile: file}
		c.Sites = []config.Site{{Name: "nord", Operator: "Kommunale IT", Country: "DE", Place: "Musterstadt",
			Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
		in, err := open(t.Context(), c, slog.New(slog.DiscardHandler), Renewal{})
		if err != nil {
			return err.Error(), nil
		}
		return "", in
	}
	said, in := open(*bucket, operator)
	if in == nil {
		t.Fatal(said)
	}
	_, err = in.store.CreateTenant(t.Context(), "musterstadt", "nord")
	must(t, err)
	must(t, in.Close())

	lost, missing := *bucket, *bucket
	lost.Path += "/elsewhere"
	missing.Path = "/there-is-none"
	for _, test := range []struct {
		at         url.URL
		file, want string
	}{
		{*bucket, operator, ""},
		{*bucket, another, "wrong key"},
		{*bucket, filepath.Join(dir, "none.key"), "none.key is missing"},
		{lost, operator, "holds the key of none of the 1 tenants"},
		{missing, operator, "correct keys.url"},
	} {
		said, in := open(test.at, test.file)
		if in != nil {
			must(t, in.Close())
		}
		password, _ := bucket.User.Password()
		if (in != nil) != (test.want == "") || !strings.Contains(said, test.want) || strings.Contains(said, ":"+password+"@") {
			t.Errorf("%s, %s: %q, want %q", test.at.Path, test.file, said, test.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none.key")); err == nil {
		t.Error("a key was made")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
