package smtp

import (
	"strconv"
	"strings"
)

// chunk is the argument of BDAT (RFC 3030 2).
type chunk struct {
	size int64
	last bool
}

// maxChunkDigits keeps sizes far from overflow; 15 digits are a petabyte.
const maxChunkDigits = 15

// parseChunk reads "n" or "n LAST". Where it fails the place of the next
// command is unknown, so the connection cannot go on.
func parseChunk(s string) (chunk, bool) {
	number, rest, _ := strings.Cut(s, " ")
	if number == "" || len(number) > maxChunkDigits {
		return chunk{}, false
	}
	for i := 0; i < len(number); i++ {
		if number[i] < '0' || number[i] > '9' {
			return chunk{}, false
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return chunk{}, false
	}
	rest = strings.Trim(rest, " \t")
	if rest == "" {
		return chunk{size: n}, true
	}
	return chunk{n, true}, strings.EqualFold(rest, "LAST")
}
