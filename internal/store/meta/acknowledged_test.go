package meta

import "testing"

func TestAcknowledged(t *testing.T) {
	var a acknowledged
	one, two := Key{1, 1}, Key{1, 2}
	operation := make([]byte, 16)
	a.expect(operation, one, 5)
	if a.newest(one) != 0 {
		t.Error("what is not committed is taken for acknowledged")
	}
	a.settle(operation, true)
	a.expect(operation, one, 9)
	a.expect(operation, two, 3)
	a.drop(operation) // it is run again
	a.expect(operation, two, 4)
	a.settle(operation, true)
	a.note(one, 4) // an older answer that came late
	if a.newest(one) != 5 || a.newest(two) != 4 || len(a.expected) != 0 {
		t.Error(a.newest(one), a.newest(two), a.expected)
	}
	for n := range int64(remembered) {
		a.note(Key{2, n}, 1)
	}
	if all := a.all(); all[one] != 5 || len(all) != remembered+2 {
		t.Errorf("%d of %d are kept", len(all), remembered+2)
	}
	a.note(one, 6) // what changes stays with the newest
	for n := range int64(2*remembered - 1) {
		a.note(Key{3, n}, 1)
	}
	if all := a.all(); len(all) > 2*remembered {
		t.Errorf("%d are kept", len(all))
	}
	a.note(one, 7)
	a.forget()
	if len(a.all()) != 0 {
		t.Error("something is kept beyond a new generation")
	}
}

func TestDescends(t *testing.T) {
	for _, c := range []struct {
		now, then string
		want      bool
	}{
		{"7/1/5", "7/1/5", true}, {"7/3/5", "7/1/5", true}, {"7/10/5", "7/9/5", true},
		{"7/1/5", "7/2/5", false}, // the primary of before
		{"8/2/5", "7/1/5", false}, {"7/2/6", "7/1/5", false},
		{"7/2/5", lostMark + "7/2/5", false}, {"7/2/5", "", false}, {"7/x/5", "7/1/5", false},
	} {
		if descends(c.now, c.then) != c.want {
			t.Errorf("%q after %q: %v", c.now, c.then, !c.want)
		}
	}
}
