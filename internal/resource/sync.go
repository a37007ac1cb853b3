package resource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fachwerk/internal/store"
)

// token is a place in the journal of a collection, as clients hold it.
type token struct {
	generation, collection int64
	at                     store.Token
}

// String is generation, collection, modseq and item id, with dots between.
func (t token) String() string {
	return fmt.Sprintf("%d.%d.%d.%d", t.generation, t.collection, t.at.ModSeq, t.at.ItemID)
}

func parseToken(text string) (t token, ok bool) {
	parts := strings.Split(text, ".")
	numbers := []*int64{&t.generation, &t.collection, &t.at.ModSeq, &t.at.ItemID}
	if len(parts) != len(numbers) {
		return t, false
	}
	for i, p := range parts {
		n, err := strconv.ParseInt(p, 10, 64)
		if err != nil || n < 0 {
			return t, false
		}
		*numbers[i] = n
	}
	return t, t.String() == text && t.at.ModSeq > 0
}

// Changes answers up to limit changes since a token, removed ones first; the empty
// token lists all that is there. ErrToken where it is not of this collection, of
// another generation or older than the history kept.
func (s *Service) Changes(ctx context.Context, c Collection, since string, limit int) (Changes, error) {
	t := token{generation: s.o.Store.Generation(c.Account.Key.Tenant), collection: c.ID}
	if since != "" {
		known, ok := parseToken(since)
		if !ok || known.generation != t.generation || known.collection != c.ID {
			return Changes{}, ErrToken
		}
		t = known
	}
	var out Changes
	var now store.Collection
	var next store.Token
	var err error
	if c.Kind == Drive {
		out, now, next, err = s.driveChanges(ctx, c, t.at, limit)
	} else {
		out, now, next, err = s.flatChanges(ctx, c, t.at, limit)
	}
	if errors.Is(err, store.ErrTooOld) || err == nil && t.at.ModSeq > now.ModSeq {
		err = ErrToken
	}
	if err != nil {
		return Changes{}, err
	}
	t.at = next
	out.Token = t.String()
	return out, nil
}

func (s *Service) driveChanges(ctx context.Context, c Collection, since store.Token, limit int) (Changes, store.Collection, store.Token, error) {
	d, err := s.o.Store.DriveChanges(ctx, c.Account.Key, c.ID, since, limit)
	out := Changes{More: d.More}
	for _, path := range d.Removed {
		out.List = append(out.List, Change{Path: path, Removed: true})
	}
	for _, i := range d.Items {
		out.List = append(out.List, Change{Path: i.Path, Item: s.item(c, i.Item)})
	}
	return out, d.Collection, d.Next, err
}

// flatChanges tells a name once: where it is in use again, by what bears it now.
func (s *Service) flatChanges(ctx context.Context, c Collection, since store.Token, limit int) (Changes, store.Collection, store.Token, error) {
	d, err := s.o.Store.Changes(ctx, c.Account.Key, c.ID, since, limit)
	out := Changes{More: d.More}
	told := make(map[string]bool, len(d.Items))
	for _, i := range d.Items {
		told[i.Name] = true
	}
	for _, r := range d.Removed {
		if !told[r.Name] {
			told[r.Name] = true
			out.List = append(out.List, Change{Path: r.Name, Removed: true})
		}
	}
	slices.SortFunc(d.Items, func(a, b store.Item) int { return cmp.Or(cmp.Compare(a.ModSeq, b.ModSeq), cmp.Compare(a.ID, b.ID)) })
	for _, i := range d.Items {
		out.List = append(out.List, Change{Path: i.Name, Item: s.item(c, i)})
	}
	return out, d.Collection, d.Next, err
}
