package app

import "testing"

func TestBar(t *testing.T) {
	for _, x := range []struct {
		done, all int
		want      string
	}{
		{0, 0, "[..............................]   0 %"},
		{1, 2, "[###############...............]  50 %"},
		{7, 7, "[##############################] 100 %"},
		{9, 7, "[##############################] 100 %"},
	} {
		if got := bar(x.done, x.all); got != x.want {
			t.Errorf("%d of %d: %s, want %s", x.done, x.all, got, x.want)
		}
	}
}
