package store_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
)

func tenantTables(t *testing.T) (tables []string) {
	t.Helper()
	made := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`)
	entries, err := fs.ReadDir(meta.Migrations(), ".")
	must(t, err)
	for _, e := range entries {
		text, err := fs.ReadFile(meta.Migrations(), e.Name())
		must(t, err)
		for _, m := range made.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[2], "tenant_id") {
				tables = append(tables, m[1])
			}
		}
	}
	if len(tables) < 30 {
		t.Fatalf("only the tables %v were found", tables)
	}
	return tables
}

// A tenant that is removed while all others are used leaves nothing: no row in any
// table of any site, no key, no object. The others lose nothing.
func TestRemoveTenantUnderLoad(t *testing.T) {
	onTwoSites(t, func(o *store.Options) { o.Retention = time.Nanosecond }, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		var doomed, inboxes [2]store.Account
		var mailboxes [2]store.Collection
		for i, tenant := range w.Tenants {
			must(t, w.BindIssuer(ctx, store.Issuer{Tenant: tenant.ID, URL: "https://login.example", Own: true, Secret: "geheim"}))
			inboxes[i] = w.Account(t, i, store.Person, "anna")
			var err error
			mailboxes[i], err = w.CreateCollection(ctx, inboxes[i].Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
			must(t, err)
			furnish(t, w, i, inboxes[i])
		}
		doomed = inboxes
		add := func(i, size int) error {
			spool := w.NewSpool(0)
			defer spool.Close()
			if _, err := spool.Write(incompressible(size)); err != nil {
				return err
			}
			_, err := w.AddObjects(context.WithoutCancel(ctx), doomed[i].Key, mailboxes[i].ID, []store.NewObject{{Body: spool, ThreadKeys: []string{"<a@b>"}}})
			return err
		}
		keepVersions(t, w)
		for range 5 {
			must(t, add(0, 100_000))
			must(t, add(0, 100))
		}
		// Both are written to while one goes.
		stop := make(chan struct{})
		var writing sync.WaitGroup
		var kept int
		for i := range w.Tenants {
			writing.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					err := add(i, 100+70_000*(n%2))
					if i == 1 && err != nil {
						t.Errorf("the other tenant: %v", err)
						return
					}
					if i == 1 {
						kept++
					}
				}
			})
		}
		before := w.Tenants[0].ID
		running, end := context.WithCancel(ctx)
		defer end()
		var background sync.WaitGroup
		for range 2 { // as two processes do
			s := w.Replica(t, w.Options)
			background.Go(func() { s.Maintain(running, time.Hour) })
		}
		must(t, w.RemoveTenant(ctx, before))
		if err := w.Options.Keys.CheckTenantKey(before); !errors.Is(err, content.ErrNoKey) {
			t.Errorf("its key: %v", err)
		}
		eventually(t, "the tenant is gone", func() bool {
			_, err := w.Tenant(ctx, before)
			return errors.Is(err, store.ErrNotFound)
		})
		close(stop)
		writing.Wait()
		end()
		background.Wait()
		must(t, w.MaintainOnce(ctx))

		for _, at := range w.Options.Sites {
			for _, table := range tenantTables(t) {
				if n := rows(t, at.DB, "SELECT count(*) FROM "+table+" WHERE tenant_id = $1", before); n > 0 {
					t.Errorf("%s: %d rows of it are left in %s", at.Name, n, table)
				}
			}
			list, err := at.Blobs.List(ctx, blob.TenantPrefix(before), "", 0)
			if err != nil || len(list) > 0 {
				t.Errorf("%s: %d objects of it are left, %v", at.Name, len(list), err)
			}
		}
		if n := versions(t, w, before); n > 0 {
			t.Errorf("%d versions of its objects are left", n)
		}
		if w.Buckets != nil && versions(t, w, w.Tenants[1].ID) == 0 {
			t.Error("no versions are seen of objects that are there")
		}
		entries, err := os.ReadDir(filepath.Join(w.Folder, "keys", "tenants"))
		must(t, err)
		if len(entries) != 1 {
			t.Errorf("the key directory holds %v", entries)
		}
		c, err := w.Collection(ctx, doomed[1].Key, mailboxes[1].ID)
		if err != nil || c.Items != int64(kept) {
			t.Errorf("the other one has %d messages of %d, %v", c.Items, kept, err)
		}
		findings, err := w.CheckAll(ctx, store.CheckOptions{})
		must(t, err)
		if len(findings) > 0 {
			t.Error(findings)
		}
	})
}

// bucket is that of a site, where it is one.
func bucket(t *testing.T, url string) (*minio.Client, s3.Config) {
	t.Helper()
	c, err := s3.Parse(url)
	must(t, err)
	client, err := minio.New(c.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(c.Access, c.Secret, ""), Secure: c.TLS, Region: c.Region})
	must(t, err)
	return client, c
}

// keepVersions has the buckets keep every version of every object.
func keepVersions(t *testing.T, w *storetest.Towns) {
	t.Helper()
	for _, url := range w.Buckets {
		client, c := bucket(t, url)
		if err := client.EnableVersioning(t.Context(), c.Bucket); err != nil {
			t.Log("the S3 service keeps no versions, so none are looked for: " + err.Error())
			w.Buckets = nil
			return
		}
	}
}

func versions(t *testing.T, w *storetest.Towns, tenant int64) (n int) {
	t.Helper()
	for _, url := range w.Buckets {
		client, c := bucket(t, url)
		for o := range client.ListObjects(t.Context(), c.Bucket, minio.ListObjectsOptions{
			Prefix: c.Prefix + blob.TenantPrefix(tenant), Recursive: true, WithVersions: true}) {
			must(t, o.Err)
			n++
		}
	}
	return n
}

// furnish gives a tenant something in as many tables as there are.
func furnish(t *testing.T, w *storetest.Towns, town int, anna store.Account) {
	t.Helper()
	ctx, id := t.Context(), w.Tenants[town].ID
	office := w.Account(t, town, store.Function, "amt")
	must(t, w.AddAlias(ctx, office.Key, "info@"+w.Tenants[town].Name+".example"))
	must(t, w.BindSubject(ctx, anna.Key, "https://login.example", "s1"))
	must(t, w.SetGroups(ctx, anna.Key, "https://login.example", []string{"bau"}))
	must(t, w.AddGroupGrant(ctx, office.Key, "bau", store.RightRead))
	must(t, w.AddGrant(ctx, office.Key, anna.Key, store.RightRead))
	must(t, w.SetPasswordHash(ctx, auth.AccountRef(anna.Key), "$argon2id$x"))
	var picture bytes.Buffer
	must(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))))
	must(t, w.SetTenantLogo(ctx, id, "image/png", picture.Bytes()))
	must(t, w.SaveReport(ctx, location.Of{Tenant: id}, location.Kept{Number: 1, At: time.Now(), JWS: "x"}))
	must(t, w.SaveReport(ctx, location.Of{Tenant: id, Person: anna.Key.Account}, location.Kept{Number: 1, At: time.Now(), JWS: "x"}))
	_, err := w.Enqueue(ctx, id, store.QueueMessage{ReversePath: anna.Address,
		Recipients: []store.QueueRecipient{{ForwardPath: "b@elsewhere.example", NextHop: "elsewhere.example", Expires: time.Now().Add(time.Hour)}}},
		nil, text(t, w.Store, 100_000))
	must(t, err)
	drive, err := w.CreateCollection(ctx, anna.Key, store.Drive, "Dateien", "", store.CollectionOptions{})
	must(t, err)
	up, err := w.NewUpload(ctx, anna.Key, store.UploadOptions{Size: 100_000})
	must(t, err)
	defer up.Close()
	_, err = up.Write(incompressible(100_000))
	must(t, errors.Join(err, up.Finish()))
	put, err := w.PutResource(ctx, anna.Key, store.PutResource{Collection: drive.ID, Name: "a.bin", Upload: up})
	must(t, err)
	must(t, w.TrashResource(ctx, anna.Key, drive.ID, put.Item, store.Guard{}))
}
