package meta

import (
	"context"
	"errors"
	"fmt"
)

// ResourceAcross moves a named item into another account, in which its content has been
// sealed anew.
type ResourceAcross struct {
	// Put puts it in place there, or Settle does with what was staged there.
	Put    *PutResource
	Settle *Transfer
	// Gone takes it away from where it was.
	Gone Removal
}

// MoveResourceAcross puts a named item in place in one account and takes it away from the
// other in one transaction: it is at one of the places always, and whole. Errors are those
// of Put, MoveResource and RemoveResource.
func (db *DB) MoveResourceAcross(ctx context.Context, from, to Key, a ResourceAcross) (Transferred, error) {
	m := &resourceAcross{a: a}
	var err error
	if from == to {
		err = db.write(ctx, to, m)
	} else {
		err = db.both(ctx, from, to, m.wantBoth, m.decideBoth)
	}
	if err != nil {
		return Transferred{}, fmt.Errorf("move across: %w", err)
	}
	return m.result, nil
}

// resourceAcross is a job where both collections are of one account.
type resourceAcross struct {
	a      ResourceAcross
	gone   *removeResource
	put    *putResource
	settle *transfer
	result Transferred
}

func (m *resourceAcross) want(w *work) error   { return m.wantBoth(w, w) }
func (m *resourceAcross) decide(w *work) error { return m.decideBoth(w, w) }

func (m *resourceAcross) wantBoth(giver, taker *work) error {
	m.gone, m.put, m.settle = &removeResource{r: m.a.Gone}, nil, nil
	if err := m.gone.want(giver); err != nil {
		return err
	}
	switch {
	case m.a.Put != nil:
		m.put = &putResource{p: *m.a.Put}
		return m.put.want(taker)
	case m.a.Settle != nil:
		m.settle = &transfer{t: *m.a.Settle, move: true}
		return m.settle.want(taker)
	}
	return errors.New("nothing to be put in place")
}

func (m *resourceAcross) decideBoth(giver, taker *work) error {
	m.gone.r.Judge = true // look before anything is changed
	if err := m.gone.decide(giver); err != nil {
		return err
	}
	if m.put != nil {
		if err := m.put.decide(taker); err != nil {
			return err
		}
		m.result = Transferred(m.put.result)
	} else {
		if err := m.settle.decide(taker); err != nil {
			return err
		}
		m.result = m.settle.result
	}
	m.gone.r.Judge = false
	return m.gone.decide(giver)
}
