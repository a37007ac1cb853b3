package dav_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"fachwerk/dav"
	"fachwerk/internal/resource"
)

// virtualHead has one made-up collection beside those of the store.
type virtualHead struct {
	*plainHead
	source *madeUp
}

func (h *virtualHead) Virtual(_ context.Context, a resource.Account) ([]dav.Virtual, error) {
	if !a.Own() {
		return nil, nil
	}
	return []dav.Virtual{{Collection: h.source.collection(), Source: h.source}}, nil
}

// madeUp is a collection of any size.
type madeUp struct{ count int }

func (*madeUp) collection() resource.Collection {
	return resource.Collection{Name: "verzeichnis", CTag: "1", Token: "1", Kind: resource.Calendar}
}

func item(i int) resource.Item {
	return resource.Item{ID: int64(i + 1), Name: fmt.Sprintf("m%06d", i), ETag: strconv.Itoa(i), Size: 6, Modified: time.Unix(1e9, 0)}
}

func (m *madeUp) index(name string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "m"))
	return n, err == nil && n >= 0 && n < m.count
}

func (m *madeUp) Walk(_ context.Context, _ resource.Collection, _ int64, names []string) ([]resource.Item, error) {
	if i, ok := m.index(names[0]); ok {
		return []resource.Item{item(i)}, nil
	}
	return nil, nil
}

func (m *madeUp) Members(_ context.Context, _ resource.Collection, _ int64, after string, limit int) (list []resource.Item, err error) {
	from := 0
	if after != "" {
		from, _ = m.index(after)
		from++
	}
	for i := from; i < m.count && len(list) < limit; i++ {
		list = append(list, item(i))
	}
	return list, nil
}

func (m *madeUp) Named(_ context.Context, _ resource.Collection, _ int64, names []string) (list []resource.Item, err error) {
	for _, n := range names {
		if i, ok := m.index(n); ok {
			list = append(list, item(i))
		} else {
			list = append(list, resource.Item{})
		}
	}
	return list, nil
}

func (m *madeUp) Bodies(_ context.Context, _ resource.Collection, items []resource.Item, f func(int, []byte) error) error {
	for i := range items {
		if err := f(i, fmt.Appendf(nil, "body %d", items[i].ID-1)); err != nil {
			return err
		}
	}
	return nil
}

func (m *madeUp) Facts(context.Context, resource.Collection, []resource.Item, func(int, int16, []byte) error) error {
	return nil
}

func (m *madeUp) Properties(context.Context, resource.Collection, []int64) (map[int64][]resource.Property, error) {
	return nil, nil
}

func (m *madeUp) Changes(_ context.Context, _ resource.Collection, token string, limit int) (c resource.Changes, err error) {
	from, _ := strconv.Atoi(token)
	for i := from; i < m.count && len(c.List) < limit; i++ {
		c.List = append(c.List, resource.Change{Path: item(i).Name, Item: item(i)})
	}
	end := from + len(c.List)
	c.Token, c.More = strconv.Itoa(end), end < m.count
	return c, nil
}

// count counts how often a word stands in a stream, and its bytes.
func count(t testing.TB, r io.Reader, word string) (found, size int) {
	t.Helper()
	b := bufio.NewReader(r)
	for {
		s, err := b.ReadString('>')
		size += len(s)
		if strings.HasSuffix(s, word) {
			found++
		}
		if err == io.EOF {
			return found, size
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
