package admin

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Sizes of pages.
const (
	defaultPage = 100
	maxPage     = 1000
)

// page is a part of a list. Next, if there is more, is the cursor for the part after.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
	// Unavailable names the sites that do not answer, where the list is of several.
	Unavailable []string `json:"unavailable,omitempty"`
}

// paged cuts out of a whole list the page that a request asks for by cursor and limit.
// The order is that of key, which is unique, so that what comes and goes between two
// requests neither repeats nor hides another.
func paged[T any](r *http.Request, list []T, key func(T) string) (page[T], error) {
	q, limit := r.URL.Query(), defaultPage
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return page[T]{}, refusal(Malformed, "limit is a number from 1 to "+strconv.Itoa(maxPage)+".")
		}
		limit = n
	}
	after, err := cursorKey(q.Get("cursor"))
	if err != nil {
		return page[T]{}, err
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	begin := 0
	if after != "" {
		begin, _ = slices.BinarySearchFunc(list, after, func(one T, after string) int {
			if key(one) <= after {
				return -1
			}
			return 1
		})
	}
	out := page[T]{Items: append([]T{}, list[begin:min(begin+limit, len(list))]...)}
	if n := len(out.Items); begin+n < len(list) {
		out.Next = base64.RawURLEncoding.EncodeToString([]byte(key(out.Items[n-1])))
	}
	return out, nil
}

// cursorKey is the key of the last one that was seen; "" from the beginning.
func cursorKey(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(text) == 0 || len(text) > 1000 {
		return "", refusal(Malformed, "cursor has to be what next of an earlier answer said; leave it out to begin.")
	}
	return string(text), nil
}
