package meta

import "context"

// Carrier is an engine that carries hints between the processes that share its
// storage (PostgreSQL: LISTEN and NOTIFY). An engine for one process has none.
type Carrier interface {
	// Carry connects and carries until ctx ends or the connection is lost,
	// which is its error. A hint may be lost or doubled at any time.
	Carry(ctx context.Context, h Hints) error
}

// Hints are what one process says and wants to hear. The functions must not block.
type Hints struct {
	// Connected is called when everything said from now on will be heard.
	Connected func()
	// Heard gets each text that a process said, this one included.
	Heard func(text string)
	// Wake tells that there is something to say; Say then gives the texts, of
	// at most MaxHint bytes each.
	Wake <-chan struct{}
	Say  func() []string
}

// MaxHint is the longest text that can be carried, in bytes (PostgreSQL: less than
// 8,000).
const MaxHint = 7900

// wrapped is an engine around another one.
type wrapped interface{ Unwrap() Engine }

// Carrier is the engine's, if it carries hints.
func (db *DB) Carrier() (Carrier, bool) { return innermost[Carrier](db.engine) }

// innermost finds what an engine can do beyond Engine, through what is around it.
func innermost[T any](e Engine) (found T, ok bool) {
	for e != nil {
		if found, ok = e.(T); ok {
			return found, true
		}
		w, around := e.(wrapped)
		if !around {
			break
		}
		e = w.Unwrap()
	}
	return found, false
}
