package resource_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
)

// Content that came is what is stored, whether it was held or spooled.
func TestReceive(t *testing.T) {
	s, anna := uploads(t)
	const limit = 3 << 20
	for _, size := range []int{0, 1, resource.Small, resource.Small + 1, limit} {
		plain := bytes.Repeat([]byte("Bebauungsplan "), size/14+1)[:size]
		in, err := s.Receive(anna, iotest.HalfReader(bytes.NewReader(plain)), limit)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r, err := in.Open()
			if err != nil {
				t.Fatal(err)
			}
			opened, err := io.ReadAll(r)
			whole, also := in.Bytes()
			if err := errors.Join(err, also, r.Close()); err != nil || !bytes.Equal(opened, plain) || !bytes.Equal(whole, plain) || in.Size() != int64(size) {
				t.Errorf("%d bytes come back as %d, %d and %d: %v", size, in.Size(), len(opened), len(whole), err)
			}
		}
		u, err := s.Upload(t.Context(), anna, in, resource.Item{})
		if err != nil || u.Size() != int64(size) {
			t.Errorf("an upload of %d bytes: %v", size, err)
		}
		if err := errors.Join(u.Close(), in.Close(), in.Close()); err != nil {
			t.Error(err)
		}
		aside, err := s.PutAside(anna, plain)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := aside.Bytes(); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes put aside come back as %d, %v", size, len(got), err)
		}
		_ = aside.Close()
	}
	for _, most := range []int64{10, resource.Small, limit} {
		if _, err := s.Receive(anna, strings.NewReader(strings.Repeat("x", int(most)+1)), most); !errors.Is(err, resource.ErrTooLarge) {
			t.Errorf("one more than %d bytes: %v", most, err)
		}
	}
	broken := errors.New("broken")
	for _, before := range []int{0, 10, 200_000} {
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", before)), iotest.ErrReader(broken))
		if _, err := s.Receive(anna, r, limit); !errors.Is(err, broken) {
			t.Errorf("it breaks off after %d bytes: %v", before, err)
		}
	}
}

// Contents come in order, each large one with room for what it costs; what has gone is
// left out, if its content has gone too.
func TestContentsHaveRoom(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		_, anna := e.Person(t, "anna")
		c := e.Collection(t, anna, resource.Calendar, "calendar")
		var items []resource.Item
		var right []string
		for i := range 40 {
			body := fmt.Sprint("content ", i)
			if i%7 == 3 {
				body += strings.Repeat(" and more", 20_000)
			}
			items, right = append(items, e.Write(t, c, resource.Root, fmt.Sprintf("%03d.ics", i), body)), append(right, body)
		}
		gone := []int{5, 10, 39}
		for _, i := range gone {
			must(t, e.Remove(ctx, c, items[i], resource.Guard{}))
		}
		var seen []int
		must(t, e.Contents(ctx, c, items, func(size int64) int64 { return 1 << 40 }, func(i int, body []byte) error {
			if string(body) != right[i] {
				t.Errorf("item %d is %.20q", i, body)
			}
			if large := len(body) > resource.Small; large {
				short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
				defer cancel()
				if _, err := e.Room(short, resource.Account{Person: 77}, resource.Small+1); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("there is room for others while all of it is taken: %v", err)
				}
			}
			seen = append(seen, i)
			return nil
		}))
		var want []int
		for i := range items {
			if !slices.Contains(gone, i) {
				want = append(want, i)
			}
		}
		seen = slices.DeleteFunc(seen, func(i int) bool { return slices.Contains(gone, i) })
		if !slices.Equal(seen, want) {
			t.Errorf("seen %v", seen)
		}
		done, err := e.Room(ctx, anna, 1<<40)
		must(t, err)
		done()
		stop := errors.New("enough")
		if err := e.Contents(ctx, c, items[3:4], func(size int64) int64 { return size }, func(int, []byte) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("it ends with %v", err)
		}
	})
}
