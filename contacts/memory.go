package contacts

import (
	"context"
	"io"
	"strings"

	"fachwerk/internal/resource"
)

// Memory is how many bytes the card that Parse makes of a text of size bytes takes at
// most, beside the text, with its searchable form and what is made on the way. A line and
// a parameter take many times what they have in the text, but their number is bounded.
func Memory(size int64) int64 { return min(64*size, 2*size+24<<20) }

// cost is what a text of so many bytes takes with the card made of it.
func cost(size int64) int64 {
	if size <= resource.Small {
		return size
	}
	return size + Memory(size)
}

// Judged is what is known of a card that may be stored.
type Judged struct {
	UID   string
	Facts []byte // its searchable form, of FactsEncoder
	Index *resource.Index
}

// Receive takes in a card that a client sends, however slowly; resource.ErrTooLarge. What
// it answers must be closed.
func Receive(r *resource.Service, who resource.Account, body io.Reader) (*resource.Received, error) {
	return r.Receive(who, body, MaxSize)
}

// Judge reads a card that the person who uses an account wants to store. A large one is
// in memory only meanwhile, and only when there is room for it. The error of a card that
// cannot be kept is an *InvalidError.
func Judge(ctx context.Context, r *resource.Service, who resource.Account, in *resource.Received) (*Judged, error) {
	if in.Size() > MaxSize {
		return nil, tooLarge()
	}
	done, err := r.Room(ctx, who, cost(in.Size()))
	if err != nil {
		return nil, err
	}
	defer done()
	data, err := in.Bytes()
	if err != nil {
		return nil, err
	}
	c, err := Parse(data)
	if err != nil {
		return nil, err
	}
	made := &Judged{UID: strings.Clone(c.UID()), Facts: c.Facts(), Index: c.Index()}
	made.Index.UID = made.UID
	return made, nil
}

// Look lets f look at a stored card; a large one only when there is room for it, and while
// f runs. It is not called where the card has gone; a *InvalidError says that it was stored
// by other rules.
func Look(ctx context.Context, r *resource.Service, c resource.Collection, i resource.Item, f func(*Card) error) error {
	return r.Contents(ctx, c, []resource.Item{i}, cost, func(_ int, body []byte) error {
		card, err := Parse(body)
		if err != nil {
			return err
		}
		return f(card)
	})
}

// Make makes another text of a stored large card that content has, such as what was asked
// for of it. It must be closed.
func Make(ctx context.Context, r *resource.Service, who resource.Account, content io.Reader, size int64,
	f func(body []byte) ([]byte, error),
) (*resource.Received, error) {
	done, err := r.Room(ctx, who, cost(size)+Memory(size)+3*size) // a card, another made of it, and its text
	if err != nil {
		return nil, err
	}
	defer done()
	body := make([]byte, size)
	if _, err := io.ReadFull(content, body); err != nil {
		return nil, err
	}
	text, err := f(body)
	if err != nil {
		return nil, err
	}
	return r.PutAside(who, text)
}
