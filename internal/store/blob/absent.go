package blob

import (
	"context"
	"io"
)

// Absent is a store that answers everything with err, without a network.
func Absent(err error) Store { return absent{err} }

type absent struct{ err error }

func (a absent) Put(context.Context, string, Body) error                   { return a.err }
func (a absent) Create(context.Context, string, string) (Writer, error)    { return nil, a.err }
func (a absent) Stat(context.Context, string) (Info, error)                { return Info{}, a.err }
func (a absent) Delete(context.Context, string) error                      { return a.err }
func (a absent) List(context.Context, string, string, int) ([]Info, error) { return nil, a.err }
func (a absent) Check(context.Context) error                               { return a.err }
func (a absent) Get(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return nil, a.err
}
