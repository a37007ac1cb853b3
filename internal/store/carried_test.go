package store

import (
	"math"
	"math/rand/v2"
	"testing"

	"fachwerk/internal/store/meta"
)

func TestCarriedHintsArriveWhole(t *testing.T) {
	here, there := newCarried(), newCarried()
	here.add(Key{Tenant: 1, Account: 2})
	if said := here.say(); len(said) != 0 {
		t.Errorf("%d texts while nobody carries", len(said))
	}
	here.open()
	want := map[Key]bool{}
	for range 1000 {
		key := Key{Tenant: math.MaxInt64 - rand.Int64N(9), Account: rand.Int64N(math.MaxInt64) + 1}
		want[key] = true
		here.add(key)
	}
	here.addQueue()
	queue := false
	for _, text := range here.say() {
		if len(text) > meta.MaxHint {
			t.Errorf("a text of %d bytes", len(text))
		}
		if own, q := here.read(text); len(own) > 0 || q {
			t.Error("a process hears itself")
		}
		keys, q := there.read(text)
		queue = queue || q
		for _, key := range keys {
			if !want[key] {
				t.Errorf("%v was not said", key)
			}
			delete(want, key)
		}
	}
	if len(want) > 0 || !queue {
		t.Errorf("%d of 1,000 accounts did not arrive, queue %v", len(want), queue)
	}
	if said := here.say(); len(said) != 0 {
		t.Errorf("%d texts are said twice", len(said))
	}
}

func TestCarriedHintsAreBounded(t *testing.T) {
	c := newCarried()
	c.open()
	for n := range int64(maxCarried + 10) {
		c.add(Key{Tenant: 1, Account: n + 1})
	}
	if len(c.accounts) != maxCarried {
		t.Errorf("%d accounts wait", len(c.accounts))
	}
	c.close()
	if said := c.say(); len(said) != 0 {
		t.Errorf("%d texts after the connection was lost", len(said))
	}
}

func FuzzCarriedRead(f *testing.F) {
	f.Add("name 1.2 q 3.4")
	f.Add("x . .. q.q -1.5 zzzzzzzzzzzzzzzzzzz.1")
	c := newCarried()
	f.Fuzz(func(t *testing.T, text string) {
		keys, _ := c.read(text)
		for _, key := range keys {
			if key.Tenant <= 0 || key.Account <= 0 {
				t.Errorf("%v from %q", key, text)
			}
		}
	})
}
