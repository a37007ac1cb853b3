package sqlite

import (
	"context"

	sqlite3 "modernc.org/sqlite/lib"

	"fachwerk/internal/store/meta"
)

// Facts tells the file; a SQLite database has no copies that it knows of.
func (e *engine) Facts(context.Context) meta.Facts {
	return meta.Facts{Store: "SQLite " + sqlite3.SQLITE_VERSION, Path: e.path}
}
