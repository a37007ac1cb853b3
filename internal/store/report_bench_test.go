package store_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
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
			fillMillion(b, p, e)
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
			if !slices.Contains([]string{"login", location.KindTenant, location.KindDomains}, row.Kind) {
				items += row.Items
			}
		}
		if items != want {
			b.Fatalf("the report tells of %d items, want %d", items, want)
		}
	}
}

// fillMillion writes rows and counters as deliveries and uploads leave them: every second
// item is an object's, the others' contents are inline, of a size at which they lie in
// the row.
func fillMillion(b *testing.B, p *storetest.Parts, e storetest.Engines) {
	b.Helper()
	for i := range reportPeople {
		key := p.Person(b, fmt.Sprintf("p%d", i)).Key
		err := p.DB.Update(b.Context(), func(tx meta.Tx) error { return fillPerson(b.Context(), tx, key, e) })
		must(b, err)
	}
}

func fillPerson(ctx context.Context, tx meta.Tx, key store.Key, e storetest.Engines) error {
	var batch meta.Batch
	id, filling := "CAST(printf('%016d', i) AS BLOB)", "zeroblob(1000)"
	if e == storetest.Remote {
		id, filling = "convert_to(lpad(CAST(i AS TEXT), 16, '0'), 'UTF8')", "convert_to(repeat(md5(CAST(i AS TEXT)), 31), 'UTF8')"
	}
	const numbers = " WITH RECURSIVE n(i) AS (SELECT %[1]d + 1 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d + %[2]d) "
	for kind := 1; kind <= 4; kind++ {
		collection := 1000 + kind
		batch.Exec(fmt.Sprintf(`INSERT INTO collection (tenant_id, account_id, collection_id, kind, name, uidvalidity, uidnext, modseq, self_modseq,
				items, bytes, object_items, object_bytes, created_at)
			VALUES ($1, $2, %d, %d, 'viel', 1, %[3]d + 1, %[3]d, 1, %[3]d, %[3]d * 2000, %[3]d / 2, %[3]d / 2 * 2000, {now})`,
			collection, kind, reportMembers), key.Tenant, key.Account)
		batch.Exec(fmt.Sprintf(`INSERT INTO content (tenant_id, account_id, content_id, size, sealed, object_key, inline, created_at)`+numbers+`
			SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), %[3]s, 2000, 2050, CASE WHEN i %% 2 = 1 THEN CAST(i AS TEXT) ELSE '' END,
				CASE WHEN i %% 2 = 0 THEN %[4]s END, {now} FROM n`, kind*1_000_000, reportMembers, id, filling), key.Tenant, key.Account)
		batch.Exec(fmt.Sprintf(`INSERT INTO item (tenant_id, account_id, collection_id, uid, item_id, object_id, modseq, created_modseq, size,
				internal_date, save_date, stored, name, content_id)`+numbers+`
			SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), %[3]d, i, i, i, i, i, 2000, {now}, {now}, i %% 2, '', %[4]s FROM n`,
			kind*1_000_000, reportMembers, collection, id), key.Tenant, key.Account)
	}
	return tx.Run(ctx, &batch)
}
