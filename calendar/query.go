package calendar

import (
	"context"
	"time"

	"fachwerk/calendar/ical"
	"fachwerk/internal/resource"
)

// pageSize is how many objects a query reads at once.
const pageSize = 500

// Match is an object that fulfils a query.
type Match struct {
	Item resource.Item
	// Body and Object are nil where the index alone decided, and of large objects, for
	// which nobody has room meanwhile. They are valid during the call only.
	Body   []byte
	Object *ical.Object
}

// Query calls f with each object of a calendar that fulfils the filter, oldest
// resource first. Floating times are read in the zone floating. The calendar may
// change meanwhile; what is there all the time is seen.
func (s *Service) Query(ctx context.Context, c resource.Collection, filter Filter, floating *time.Location, f func(Match) error) error {
	w, exact, never := filter.window()
	if never {
		return nil
	}
	return s.candidates(ctx, c, w, func(page []resource.Item) error {
		if exact {
			for _, i := range page {
				if err := f(Match{Item: i}); err != nil {
					return err
				}
			}
			return nil
		}
		return s.resources.Split(ctx, c, page, func(i int, body []byte) error {
			o, ok := Stored(body)
			if !ok {
				return nil
			}
			if ok, err := s.matches(ctx, o, filter, floating); err != nil || !ok {
				return err
			}
			return f(Match{page[i], body, o})
		}, func(i int) (err error) {
			found := false
			err = s.large(ctx, c, page[i], func(o *ical.Object) (err error) {
				found, err = s.matches(ctx, o, filter, floating)
				return err
			})
			if err != nil || !found {
				return err
			}
			return f(Match{Item: page[i]}) // who needs it reads it again when there is room
		})
	})
}

// Matches tells whether one object fulfils the filter; one that has gone does not.
func (s *Service) Matches(ctx context.Context, c resource.Collection, i resource.Item, filter Filter, floating *time.Location) (ok bool, err error) {
	judge := func(o *ical.Object) (err error) {
		ok, err = s.matches(ctx, o, filter, floating)
		return err
	}
	err = s.resources.Split(ctx, c, []resource.Item{i}, func(_ int, body []byte) error {
		if o, known := Stored(body); known {
			return judge(o)
		}
		return nil
	}, func(int) error { return s.large(ctx, c, i, judge) })
	return ok, err
}

func (s *Service) matches(ctx context.Context, o *ical.Object, filter Filter, floating *time.Location) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return filter.Matches(ctx, o, floating)
}

// candidates calls f with pages of what the index finds.
func (s *Service) candidates(ctx context.Context, c resource.Collection, w resource.Window, f func([]resource.Item) error) error {
	var after int64
	for {
		page, err := s.resources.Candidates(ctx, c, w, after, pageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := f(page); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		after = page[len(page)-1].UID
	}
}

// Stored makes an object of what was judged when it was stored. It is false for
// what an older program took and this one does not: such a resource is
// reached by its name alone.
func Stored(body []byte) (*ical.Object, bool) {
	c, err := ical.Parse(body)
	if err != nil {
		return nil, false
	}
	o, err := ical.NewObject(c)
	return o, err == nil
}
