package auth

import (
	"testing"
	"time"
)

// A check that began before a revocation is not remembered after it.
func TestRevocationDuringACheck(t *testing.T) {
	r := newRecent(newClock().now)
	v := verified{Person{AccountRef: AccountRef{1, 2}}, AppPassword{ID: 3}}
	k := r.key("anna", "secret")
	before := r.epoch()
	r.forget(v.person.AccountRef, 3)
	r.put(k, v, before)
	if _, ok := r.get(k); ok {
		t.Error("a revoked password is remembered")
	}
	r.put(k, v, r.epoch())
	if _, ok := r.get(k); !ok {
		t.Error("nothing is remembered")
	}
	// Name and secret do not run together, and another's password stays.
	if r.key("ab", "c") == r.key("a", "bc") {
		t.Error("two logins have one key")
	}
	r.forget(AccountRef{1, 9}, 0)
	r.forget(v.person.AccountRef, 4)
	if _, ok := r.get(k); !ok {
		t.Error("forgotten for another's sake")
	}
	r.forget(v.person.AccountRef, 0)
	if _, ok := r.get(k); ok {
		t.Error("a disabled person's password is remembered")
	}
}

func TestRecentIsBounded(t *testing.T) {
	c := newClock()
	r := newRecent(c.now)
	for n := range 3 * recentMax {
		r.put(r.key("x", string(rune(n))), verified{}, 0)
		c.forward(time.Microsecond)
	}
	if len(r.entries) > recentMax {
		t.Errorf("%d logins are remembered", len(r.entries))
	}
}
