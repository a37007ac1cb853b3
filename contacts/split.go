package contacts

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Split reads a file of cards, such as an export (RFC 6350 section 3.2), and yields each
// from BEGIN to END byte for byte. What lies between cards is passed over. A card that is
// larger than MaxSize or does not end is yielded as an *InvalidError and the reading goes
// on; any other error is the reader's and the last.
func Split(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		s := splitter{in: bufio.NewReaderSize(r, 64<<10)}
		for {
			card, err := s.next()
			if errors.Is(err, io.EOF) || !yield(card, err) {
				return
			}
			var bad *InvalidError
			if err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}
}

type splitter struct {
	in      *bufio.Reader
	pending []byte // a BEGIN that came too early
}

// line reads one line with its end, which is CRLF, LF or CR. Of a longer one than
// MaxSize the first part comes as a line.
func (s *splitter) line() (line []byte, err error) {
	for {
		part, err := s.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) <= MaxSize:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return line, nil
		case err != nil && len(line) > 0 && errors.Is(err, io.EOF):
			return line, nil
		}
		return line, err
	}
}

func marks(line []byte, marker string) bool {
	line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	return bytes.EqualFold(bytes.TrimSpace(line), []byte(marker))
}

// next reads one card.
func (s *splitter) next() ([]byte, error) {
	card, depth := s.pending, 0
	s.pending = nil
	if card != nil {
		depth = 1
	}
	dropped := false
	for {
		line, err := s.line()
		switch {
		case errors.Is(err, io.EOF) && depth > 0:
			return nil, invalid("The last card has no END:VCARD.")
		case err != nil:
			return nil, err
		case marks(line, "BEGIN:VCARD"):
			depth++
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			if depth > 2 { // version 2.1 may have one as AGENT; more are ends that were lost
				s.pending = line
				return nil, invalid("A card has no END:VCARD.")
			}
		case depth == 0:
			continue
		case marks(line, "END:VCARD"):
			depth--
		}
		if dropped = dropped || len(card)+len(line) > MaxSize; !dropped {
			card = append(card, line...)
		} else {
			card = nil
		}
		switch {
		case depth > 0:
		case dropped:
			return nil, &InvalidError{Condition: MaxResource, Reason: fmt.Sprintf("A card may have %d bytes.", MaxSize)}
		default:
			return card, nil
		}
	}
}
