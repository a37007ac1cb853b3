package app

import (
	"context"
	"fmt"
	"strings"

	"fachwerk/internal/app/config"
	"fachwerk/internal/store/meta/sqlite"
)

// Backup writes a site's database as it is now to a new file, beside a running server, and
// answers which site's it is (command `store backup`). site may be empty where there is one.
func Backup(ctx context.Context, w Where, site, file string) (string, error) {
	c, err := w.Load()
	if err != nil {
		return "", err
	}
	if site, err = chosenSite(c, site); err != nil {
		return "", fmt.Errorf("which site's database? %w", err)
	}
	for i, s := range c.Sites {
		if s.Name != site {
			continue
		}
		m, _ := c.EnginesOf(i)
		path, local := strings.CutPrefix(m.DSN, config.SchemeSQLite)
		if !local {
			return "", fmt.Errorf("the database of site %s is PostgreSQL, which has tools of its own: "+
				"pg_basebackup with an archive of the log (WAL), or pg_dump", site)
		}
		err = sqlite.Backup(ctx, path, file)
	}
	return site, err
}
