package budget_test

import (
	"errors"
	"sync"
	"testing"

	"fachwerk/internal/budget"
)

func TestPool(t *testing.T) {
	p := budget.NewPool(400, 50)
	anna, bert, carl := budget.Holder{Tenant: 1, Account: 1}, budget.Holder{Tenant: 1, Account: 2}, budget.Holder{Tenant: 1, Account: 3}
	other, outside := budget.Holder{Tenant: 2, Account: 1}, budget.Holder{}
	for _, step := range []struct {
		of    budget.Holder
		bytes int64
		fits  bool
	}{
		{anna, 100, true}, {anna, 1, false}, {bert, 101, false}, {bert, 100, true}, {carl, 100, true},
		{budget.Holder{Tenant: 1, Account: 4}, 1, false}, {other, 60, true}, {outside, 40, true}, {outside, 1, false}, {other, 1, false},
	} {
		err := p.Take(step.of, step.bytes)
		if (err == nil) != step.fits || err != nil && !errors.Is(err, budget.ErrFull) {
			t.Errorf("%d bytes for %+v: %v", step.bytes, step.of, err)
		}
	}
	if used, total, refused := p.Used(); used != 400 || total != 400 || refused != 5 {
		t.Errorf("used %d of %d, %d refused", used, total, refused)
	}
	p.Give(anna, 100)
	if err := p.Take(other, 40); err != nil {
		t.Error(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if p.Take(anna, 7) == nil {
					p.Give(anna, 7)
				}
			}
		})
	}
	all.Wait()
	if used, _, _ := p.Used(); used != 400-100+40 {
		t.Errorf("used %d after all", used)
	}
	large := budget.NewPool(100, 90)
	if err := errors.Join(large.Take(anna, 60), large.Take(anna, 30)); err != nil {
		t.Errorf("one large thing: %v", err)
	}
	if large.Take(anna, 1) == nil {
		t.Error("more than one large thing")
	}
	if large.TakeOf(other, 1, 11) == nil || large.TakeOf(other, 1, 10) != nil {
		t.Error("10 bytes are left of 100, and 11 or not even 10 may be announced")
	}
	if used, _, _ := large.Used(); used != 91 {
		t.Errorf("%d bytes are taken, what is announced included", used)
	}
	var none *budget.Pool
	if err := none.Take(anna, 1<<40); err != nil {
		t.Error(err)
	}
	none.Give(anna, 1<<40)
}
