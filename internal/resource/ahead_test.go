package resource_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
)

func TestAhead(t *testing.T) {
	var wrong = errors.New("wrong")
	if n, err := resource.Ahead(func() (int, error) { return 7, wrong })(); n != 7 || !errors.Is(err, wrong) {
		t.Errorf("%d, %v", n, err)
	}
	wait := resource.Ahead(func() (int, error) { panic("here") })
	defer func() {
		if got := recover(); got != "here" {
			t.Errorf("the panic came as %v", got)
		}
	}()
	_, _ = wait()
	t.Error("the panic was lost")
}

// TestBodiesInOrder reads more contents than are read at once, small and large ones,
// and leaves out one that has gone.
func TestBodiesInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		_, anna := e.Person(t, "anna")
		c := e.Collection(t, anna, resource.Calendar, "calendar")
		var items []resource.Item
		var right []string
		for i := range 300 {
			body := fmt.Sprint("content ", i)
			if i%60 == 7 {
				body += strings.Repeat(" and more", 100_000)
			}
			item := e.Write(t, c, resource.Root, fmt.Sprintf("%03d.ics", i), body)
			items, right = append(items, item), append(right, body)
		}
		must(t, e.Remove(ctx, c, items[150], resource.Guard{}))
		next := 0
		must(t, e.Bodies(ctx, c, items, func(i int, body []byte) error {
			if next == 150 && i == 151 {
				next++
			}
			if i != next || string(body) != right[i] {
				t.Fatalf("item %d instead of %d: %.20q", i, next, body)
			}
			next++
			return nil
		}))
		if next != len(items) {
			t.Errorf("ended at %d", next)
		}
		stop := errors.New("enough")
		calls := 0
		if err := e.Bodies(ctx, c, items, func(int, []byte) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
			t.Errorf("%v after %d calls", err, calls)
		}
	})
}
