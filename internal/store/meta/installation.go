package meta

import (
	"context"
	"time"
)

// Installation tells of whose database this is: when it was made, which no copy and no
// restore changes, Unix microseconds, and in which generation it is now.
func (db *DB) Installation(ctx context.Context) (made, generation int64, err error) {
	var b Batch
	b.Query(one(&made, &generation), "SELECT created_at, generation FROM installation WHERE one = 1")
	err = db.engine.Read(ctx, &b)
	return made, generation, err
}

// Began is when a generation began, by the database's clock; long ago for the first.
func Began(generation int64) time.Time { return time.Unix(generationEpoch+generation, 0) }
