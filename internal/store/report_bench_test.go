package store_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
)

// The million of BenchmarkReportOfAMillion: people with four collections each.
const (
	reportPeople  = 200
	reportMembers = 1250 // of a collection
)

// BenchmarkReportOfAMillion makes signed reports of a tenant with a million items, and
// tells where they are. By hand; docs/performance.md has what came of it.
func BenchmarkReportOfAMillion(b *testing.B) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		b.Run(e.String(), func(b *testing.B) {
			p := storetest.Open(b, e, nil)
			_, private, err := ed25519.GenerateKey(nil)
			must(b, err)
			signer, err := location.NewSigner(private)
			must(b, err)
			guard, err := location.New([]location.Site{storetest.Site})
			must(b, err)
			r := &location.Reporter{Issuer: "Kommunale IT Musterland", Guard: guard, Ledger: p, Counter: p, Signer: signer}
			of := location.Of{Tenant: p.Tenant.ID}
			b.Run("nothing", func(b *testing.B) { reports(b, r, of, 0) })
			fillMillion(b, p)
			b.Run("report", func(b *testing.B) { reports(b, r, of, reportPeople*4*reportMembers) })
			b.Run("where", func(b *testing.B) {
				for b.Loop() {
					counted, err := p.Count(b.Context(), of)
					must(b, err)
					location.Compose(guard.Sites(), counted, nil)
				}
			})
			b.Run("where of a person", func(b *testing.B) {
				one, err := p.Resolve(b.Context(), "p0@musterstadt.example")
				must(b, err)
				for b.Loop() {
					_, err := p.Count(b.Context(), location.Of{Tenant: p.Tenant.ID, Person: one.Key.Account})
					must(b, err)
				}
			})
		})
	}
}

func reports(b *testing.B, r *location.Reporter, of location.Of, want int64) {
	b.Helper()
	for b.Loop() {
		report, _, err := r.Make(b.Context(), of)
		must(b, err)
		var items int64
		for _, row := range report.Rows {
			if row.Kind != "login" {
				items += row.Items
			}
		}
		if items != want {
			b.Fatalf("the report tells of %d items, want %d", items, want)
		}
	}
}

// fillMillion writes rows and counters as deliveries and uploads leave them, without
// contents, for nobody reads those to count: every second item is an object's.
func fillMillion(b *testing.B, p *storetest.Parts) {
	b.Helper()
	for i := range reportPeople {
		key := p.Person(b, fmt.Sprintf("p%d", i)).Key
		err := p.DB.Update(b.Context(), func(tx meta.Tx) error { return fillPerson(b.Context(), tx, key) })
		must(b, err)
	}
}

func fillPerson(ctx context.Context, tx meta.Tx, key store.Key) error {
	var batch meta.Batch
	for kind := 1; kind <= 4; kind++ {
		collection := 1000 + kind
		batch.Exec(fmt.Sprintf(`INSERT INTO collection (tenant_id, account_id, collection_id, kind, name, uidvalidity, uidnext, modseq, self_modseq,
				items, bytes, object_items, object_bytes, created_at)
			VALUES ($1, $2, %d, %d, 'viel', 1, %[3]d + 1, %[3]d, 1, %[3]d, %[3]d * 2000, %[3]d / 2, %[3]d / 2 * 2000, {now})`,
			collection, kind, reportMembers), key.Tenant, key.Account)
		batch.Exec(fmt.Sprintf(`INSERT INTO item (tenant_id, account_id, collection_id, uid, item_id, object_id, modseq, created_modseq, size,
				internal_date, save_date, stored, name)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), %d, i, i + %[3]d, i + %[3]d, i, i, 2000, {now}, {now}, i %% 2, '' FROM n`,
			reportMembers, collection, kind*1_000_000), key.Tenant, key.Account)
	}
	return tx.Run(ctx, &batch)
}
