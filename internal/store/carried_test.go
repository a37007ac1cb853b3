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
	for range 5000 { // more than are told at once
		key := Key{Tenant: math.MaxInt64 - rand.Int64N(9), Account: rand.Int64N(math.MaxInt64) + 1}
		want[key] = true
		here.add(key)
	}
	here.addQueue()
	here.addDirectory()
	queue, directory := false, false
	for len(here.wake) > 0 {
		<-here.wake
		texts := here.say()
		if len(texts) > maxTexts {
			t.Errorf("%d texts at once", len(texts))
		}
		for _, text := range texts {
			if len(text) > meta.MaxHint {
				t.Errorf("a text of %d bytes", len(text))
			}
			if own := here.read(text); len(own.accounts) > 0 || own.queue || own.directory {
				t.Error("a process hears itself")
			}
			said := there.read(text)
			queue, directory = queue || said.queue, directory || said.directory
			for _, key := range said.accounts {
				if !want[key] {
					t.Errorf("%v was not said", key)
				}
				delete(want, key)
			}
		}
	}
	if len(want) > 0 || !queue || !directory {
		t.Errorf("%d of 5,000 accounts did not arrive, queue %v, directory %v", len(want), queue, directory)
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
		for _, key := range c.read(text).accounts {
			if key.Tenant <= 0 || key.Account <= 0 {
				t.Errorf("%v from %q", key, text)
			}
		}
	})
}
