package meta

import (
	"cmp"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// one reads the one row that a statement answers.
func one(dest ...any) func(Rows) error {
	return func(r Rows) error {
		if !r.Next() {
			if err := r.Err(); err != nil {
				return err
			}
			return ErrNotFound
		}
		return r.Scan(dest...)
	}
}

// maybe reads a row that may be missing.
func maybe(found *bool, dest ...any) func(Rows) error {
	return func(r Rows) error {
		*found = r.Next()
		if !*found {
			return r.Err()
		}
		return r.Scan(dest...)
	}
}

// each calls read for every row.
func each(read func(scan func(...any) error) error) func(Rows) error {
	return func(r Rows) error {
		for r.Next() {
			if err := read(r.Scan); err != nil {
				return err
			}
		}
		return r.Err()
	}
}

// A statement with many rows comes in sizes that are powers of two, so that few
// different texts exist and prepared statements are found again.
const (
	rowSizes  = 7 // 1, 2, 4 … 64 rows of VALUES
	listSizes = 9 // 1, 2, 4 … 256 members of IN
)

// table is a statement with a list of rows in it, head VALUES (…), (…) tail, in
// every size.
type table [rowSizes]string

// newTable makes the texts. columns are the parameters of a row: "" where the
// database infers the type, else the type; "$1" and the like stand as they are.
// The rows' own parameters are numbered from $3 on: $1 and $2 are the key.
func newTable(head, tail string, columns ...string) *table {
	t := new(table)
	for size := range t {
		var s strings.Builder
		s.WriteString(head)
		n := 3
		for i := range 1 << size {
			if i > 0 {
				s.WriteByte(',')
			}
			s.WriteByte('(')
			for j, c := range columns {
				if j > 0 {
					s.WriteByte(',')
				}
				switch {
				case strings.HasPrefix(c, "$"):
					s.WriteString(c)
					continue
				case c == "":
					s.WriteString("$" + strconv.Itoa(n))
				default:
					s.WriteString("CAST($" + strconv.Itoa(n) + " AS " + c + ")")
				}
				n++
			}
			s.WriteByte(')')
		}
		s.WriteString(tail)
		t[size] = s.String()
	}
	return t
}

// add queues the statement for n rows; row appends the i-th row's parameters.
func (t *table) add(b *Batch, key Key, n int, row func(i int, args []any) []any) {
	for from := 0; from < n; {
		size := min(bits.Len(uint(n-from)), rowSizes) - 1
		args := []any{key.Tenant, key.Account}
		for i := from; i < from+1<<size; i++ {
			args = row(i, args)
		}
		b.Exec(t[size], args...)
		from += 1 << size
	}
}

// list is a statement with `IN (…)` in it, in every size, after some fixed
// parameters.
type list [listSizes]string

func newList(head, tail string, fixed int) *list {
	l := new(list)
	for size := range l {
		l[size] = head + " IN (" + placeholders(fixed+1, 1<<size) + ")" + tail
	}
	return l
}

// newJoin is a list whose values are a table v with a column x that comes first in
// a join with item i, which is read by an index.
func newJoin(kind string, fixed int, columns, index, where string) *list {
	l := new(list)
	for size := range l {
		var values strings.Builder
		for i := range 1 << size {
			if i > 0 {
				values.WriteByte(',')
			}
			values.WriteString("(CAST($" + strconv.Itoa(fixed+1+i) + " AS " + kind + "))")
		}
		l[size] = "WITH v (x) AS (VALUES " + values.String() + ") SELECT " + columns +
			" FROM (SELECT DISTINCT x FROM v) v CROSS JOIN item i /*by " + index + "*/" + ofItem + where
	}
	return l
}

// ofItem begins the conditions of a join with item i.
const ofItem = " WHERE i.tenant_id = $1 AND i.account_id = $2 AND i.collection_id = $3"

// query queues the statement for all values, 256 at a time.
func (l *list) query(b *Batch, read func(Rows) error, values []int64, fixed ...any) {
	l.each(values, fixed, func(text string, args []any) { b.Query(read, text, args...) })
}

// exec is query for a statement whose result does not matter.
func (l *list) exec(b *Batch, values []int64, fixed ...any) {
	l.each(values, fixed, func(text string, args []any) { b.Exec(text, args...) })
}

func (l *list) each(values []int64, fixed []any, f func(text string, args []any)) {
	eachList(l, values, fixed, f)
}

// eachList calls f for as many statements as the values need; it fills a size up by
// repeating the last value.
func eachList[T any](l *list, values []T, fixed []any, f func(text string, args []any)) {
	for len(values) > 0 {
		n := min(len(values), 1<<(listSizes-1))
		size := bits.Len(uint(n - 1))
		args := slices.Grow(slices.Clone(fixed), 1<<size)
		for i := range 1 << size {
			args = append(args, values[min(i, n-1)])
		}
		f(l[size], args)
		values = values[n:]
	}
}

// placeholders is "$from,$from+1,…", n of them.
func placeholders(from, n int) string {
	var s strings.Builder
	for i := range n {
		if i > 0 {
			s.WriteByte(',')
		}
		s.WriteByte('$')
		s.WriteString(strconv.Itoa(from + i))
	}
	return s.String()
}

// blob is an argument for a column of bytes; nil is NULL.
func blob(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// ascending is the set of values, sorted.
func ascending(values []int64) []int64 {
	if slices.IsSorted(values) {
		return slices.Compact(slices.Clone(values))
	}
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}

// keepUIDs orders items by UID and drops those that a range brought along.
func keepUIDs(items []Item, uids []int64) []Item {
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.UID, b.UID) })
	return slices.DeleteFunc(items, func(i Item) bool {
		_, wanted := slices.BinarySearch(uids, i.UID)
		return !wanted
	})
}

func contains(sorted []int64, v int64) bool {
	_, found := slices.BinarySearch(sorted, v)
	return found
}

func sortMetas(metas []Meta) {
	slices.SortFunc(metas, func(a, b Meta) int { return cmp.Compare(a.ObjectID, b.ObjectID) })
}
