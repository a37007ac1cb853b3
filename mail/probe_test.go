package mail

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"fachwerk/mail/message"
)

// A text is found wherever it lies in a long one, across the pieces that are
// folded one by one too.
func TestFinderReadsAcrossPieces(t *testing.T) {
	const piece = 32 << 10
	rng := rand.New(rand.NewPCG(1, 2))
	words := []string{"straße ", "Äpfel\n", "日本語", "e\u0301", "x", "İ", "ﬁ", "\u00a0"}
	var filler strings.Builder
	for filler.Len() < 3*piece {
		filler.WriteString(words[rng.IntN(len(words))])
	}
	found := 0
	for _, needle := range []string{"Nadel", "größe im HEU", "naïve e\u0301", strings.Repeat("lang ", 50)} {
		for _, at := range []int{0, 1, piece - 300, piece - 60, piece - 3, piece - 1, piece, piece + 1, 2*piece - 2, filler.Len()} {
			text := strings.ToValidUTF8(filler.String()[:at], "") + needle + strings.ToValidUTF8(filler.String()[at:], "")
			f := newFinder([]string{message.Fold(needle), message.Fold("nirgends")})
			if err := f.read(context.Background(), iotest.HalfReader(strings.NewReader(text))); err != nil {
				t.Fatal(err)
			}
			// A mark that follows may change the needle's last letter.
			want := strings.Contains(message.Fold(text), message.Fold(needle))
			if f.hits[0] != want || f.hits[1] {
				t.Errorf("%.10q at %d: found %v, want %v", needle, at, f.hits, want)
			}
			if want {
				found++
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d needles could be found at all", found)
	}
	// One endless word, and bytes that are no text at all.
	for _, text := range [][]byte{bytes.Repeat([]byte("x"), 5*piece), bytes.Repeat([]byte{0x80}, 5*piece), bytes.Repeat([]byte("ä"), 5*piece)} {
		f := newFinder([]string{"y"})
		if err := f.read(context.Background(), bytes.NewReader(text)); err != nil || f.hits[0] {
			t.Errorf("%v, %v", err, f.hits)
		}
	}
	broken := errors.New("broken")
	if err := newFinder([]string{"y"}).read(context.Background(), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error of the reader: %v", err)
	}
}
