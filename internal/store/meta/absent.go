package meta

import (
	"context"
	"io/fs"
)

// Absent is a database that answers everything with err: what stands in for the
// database of a tenant that does not exist, or whose home cannot be learnt now. It
// keeps nothing and needs no Close.
func Absent(err error) *DB {
	db := &DB{engine: absent{err}, epochs: map[int64]int64{}}
	db.lanes.init(db, false)
	db.close = func() error { return nil }
	return db
}

type absent struct{ err error }

func (a absent) View(context.Context, func(Tx) error) error   { return a.err }
func (a absent) Read(context.Context, *Batch) error           { return a.err }
func (a absent) Update(context.Context, func(Tx) error) error { return a.err }
func (a absent) Migrate(context.Context, fs.FS) error         { return a.err }
func (a absent) Identity(context.Context) (string, error)     { return "", a.err }
func (a absent) Ping(context.Context) error                   { return a.err }
func (a absent) Shares() bool                                 { return false }
func (a absent) Close() error                                 { return nil }
