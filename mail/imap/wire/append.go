package wire

import (
	"strconv"
	"time"
)

// AppendString appends s as a quoted string if it can be one, else as a literal (section 4.3). With utf8 a quoted
// string may hold UTF-8 (RFC 6855 3).
func AppendString(dst []byte, s string, utf8 bool) []byte {
	if !quotable(s, utf8) {
		dst = AppendLiteral(dst, int64(len(s)))
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// maxQuoted keeps quoted strings below the line lengths that clients are known to stand.
const maxQuoted = 2000

func quotable(s string, utf8 bool) bool {
	if len(s) > maxQuoted {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' || c >= 0x80 && !utf8 {
			return false
		}
	}
	return !utf8 || validUTF8(s)
}

// AppendLiteral appends a literal's announcement; its n bytes must follow.
func AppendLiteral(dst []byte, n int64) []byte {
	dst = append(dst, '{')
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, '}', '\r', '\n')
}

// AppendMailbox appends a mailbox name (UTF-8): as it is when the session speaks UTF-8, in modified UTF-7 otherwise.
func AppendMailbox(dst []byte, name string, utf8 bool) []byte {
	if !utf8 {
		name = EncodeUTF7(name)
	}
	if name != "" && len(name) < 200 && isAtom(name) && name != "NIL" {
		return append(dst, name...)
	}
	return AppendString(dst, name, utf8)
}

func isAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		if !atomChar[s[i]] {
			return false
		}
	}
	return true
}

// AppendUint appends a number.
func AppendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

// AppendUIDs appends ascending numbers as a set, runs as ranges; they must not be empty.
func AppendUIDs(dst []byte, nums []uint32) []byte {
	for i := 0; i < len(nums); {
		j := i
		for j+1 < len(nums) && nums[j+1] == nums[j]+1 {
			j++
		}
		dst = appendRange(dst, i > 0, nums[i], nums[j])
		i = j + 1
	}
	return dst
}

// AppendRanges appends ranges as a set.
func AppendRanges(dst []byte, ranges []Range) []byte {
	for i, r := range ranges {
		dst = appendRange(dst, i > 0, r.First, r.Last)
	}
	return dst
}

func appendRange(dst []byte, comma bool, first, last uint32) []byte {
	if comma {
		dst = append(dst, ',')
	}
	dst = strconv.AppendUint(dst, uint64(first), 10)
	if last != first {
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, uint64(last), 10)
	}
	return dst
}

// AppendDateTime appends a date-time with its quotes, in UTC (section 9, date-time).
func AppendDateTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, `"_2-Jan-2006 15:04:05 -0700"`)
}
