package store

import (
	"context"
	"errors"
	"fmt"

	"fachwerk/internal/store/meta"
)

// ErrNotOurs says that a database is not the one that it was, or is meant to be.
var ErrNotOurs = errors.New("it is another database than before")

// BelongsTo makes the judge of the database of a site that is not the directory's. The
// directory says now which tenants live there; a database that knows none of them is
// another one, in which every address would be unknown and all mail sent back.
// A tenant is at its home before it is in the directory, so a new one misleads nobody.
func BelongsTo(ctx context.Context, directory *meta.DB, site string) (func(context.Context, *meta.DB) error, error) {
	var tenants []int64
	var b meta.Batch
	b.Query(eachRow(func(r meta.Rows) error {
		var id int64
		err := r.Scan(&id)
		tenants = append(tenants, id)
		return err
	}), `SELECT tenant_id FROM tenant WHERE home_site = $1 AND state = 0 ORDER BY created_at LIMIT 100`, site)
	if err := directory.Read(ctx, &b); err != nil {
		return nil, fmt.Errorf("the tenants of site %s: %w", site, outer(err))
	}
	return func(ctx context.Context, db *meta.DB) error {
		found := 0
		var b meta.Batch
		for _, id := range tenants { // the directory knows all tenants; accounts lie at home alone
			b.Query(eachRow(func(r meta.Rows) error {
				found++
				return nil
			}), `SELECT account_id FROM account WHERE tenant_id = $1 AND kind = 6`, id)
		}
		if len(tenants) == 0 {
			return nil
		}
		if err := db.Read(ctx, &b); err != nil {
			return err
		}
		if found == 0 {
			return fmt.Errorf("%w: none of the %d tenants that live at site %s is in it; name the right database in metadata.dsn, or restore it", ErrNotOurs, len(tenants), site)
		}
		return nil
	}, nil
}
