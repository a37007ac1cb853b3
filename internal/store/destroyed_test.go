package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob/dir"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/storetest"
)

// A key in a bucket that one process destroyed opens no account's key in another from
// then on; what that one has opened already is forgotten when it hears of it, or finds
// it by polling, and not only when its time is over.
func TestDestroyedKeyOpensNothingElsewhere(t *testing.T) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) {
			ctx := t.Context()
			bucket, err := dir.Open(filepath.Join(t.TempDir(), "bucket"))
			must(t, err)
			t.Cleanup(func() { must(t, bucket.Close()) })
			operator := filepath.Join(t.TempDir(), "operator.key")
			must(t, os.WriteFile(operator, bytes.Repeat([]byte{7}, 32), 0o400))
			open := func() *content.KeyDir {
				k, err := content.OpenKeyBucket(ctx, bucket, "keys", operator)
				must(t, err)
				t.Cleanup(func() { must(t, k.Close()) })
				return k
			}
			var o store.Options
			p := storetest.Open(t, e, func(with *store.Options) {
				with.Keys, with.Poll = open(), time.Hour // nothing is found by polling
				o = *with
			})
			o.Keys = open()
			other, err := store.New(context.WithoutCancel(ctx), o)
			must(t, err)
			t.Cleanup(func() { must(t, other.Close()) })
			must(t, other.LoadDirectory(ctx))

			anna, bert := p.Person(t, "anna"), p.Person(t, "bert")
			body := func(who store.Account) func() error {
				box := mailbox(t, p, who.Key, "INBOX")
				added := add(t, p, who.Key, box.ID, []byte("Subject: geheim\r\n\r\n"))
				items, err := p.ItemsByUID(ctx, who.Key, box.ID, []int64{added.UID})
				must(t, err)
				return func() error {
					b, err := other.Body(ctx, who.Key, items[0].Content)
					if err != nil {
						return err
					}
					r, err := b.Open(ctx, 0, -1)
					if err != nil {
						return err
					}
					return r.Close()
				}
			}
			annas, berts := body(anna), body(bert)
			must(t, annas())
			must(t, o.Keys.CheckTenantKey(p.Tenant.ID))

			if e == storetest.Remote { // the other one listens
				eventually(t, "hints arrive", func() bool {
					heard := make(chan struct{}, 1)
					defer other.Watch(bert.Key, func() {
						select {
						case heard <- struct{}{}:
						default:
						}
					})()
					must(t, p.SetDisabled(ctx, bert.Key, false))
					select {
					case <-heard:
						return true
					case <-time.After(100 * time.Millisecond):
						return false
					}
				})
			}
			must(t, p.RemoveTenant(ctx, p.Tenant.ID))
			wantErr(t, berts(), store.ErrNotFound)
			if e == storetest.Embedded {
				must(t, other.LoadDirectory(ctx)) // as polling does
				wantErr(t, annas(), store.ErrNotFound)
			}
			eventually(t, "what was opened is forgotten", func() bool { return errors.Is(annas(), store.ErrNotFound) })
			if err := o.Keys.CheckTenantKey(p.Tenant.ID); !errors.Is(err, content.ErrNoKey) {
				t.Errorf("the tenant's key: %v", err)
			}
		})
	}
}
