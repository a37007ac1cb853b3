package blob

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// maxKey bounds a key: 19 digits, 8 digits, 32 digits, two slashes.
const maxKey = 19 + 1 + 8 + 1 + 32

// Keys of the objects that are no tenant's, tenant 0 being none, and that are stored anew:
// the mark says whose objects all others are, the contest that somebody else says so too.
const (
	MarkKey    = "0/00000000/mark"
	ContestKey = "0/00000000/contest"
)

// NewKey makes a key "tenant/yyyymmdd/random" that was never used and never will
// be. The day (UTC) lets orphans of unfinished uploads be found by listing the
// prefixes of past days only.
func NewKey(tenant int64, now time.Time) string {
	var random [16]byte
	rand.Read(random[:]) // never fails, see crypto/rand
	return DayPrefix(tenant, now) + hex.EncodeToString(random[:])
}

// TenantPrefix is what the keys of all objects of a tenant begin with.
func TenantPrefix(tenant int64) string {
	return strconv.FormatInt(tenant, 10) + "/"
}

// DayPrefix is what the keys of a tenant's objects of one day (UTC) begin with.
func DayPrefix(tenant int64, day time.Time) string {
	return TenantPrefix(tenant) + day.UTC().Format("20060102") + "/"
}

// CheckKey fails with ErrKey unless key has the form that NewKey makes: digits,
// eight digits, and 1 to 32 of the characters 0-9 and a-z, joined by slashes.
// All of these sort after the slash, so keys sort as their paths do.
func CheckKey(key string) error {
	if !ValidKey(key) {
		return fmt.Errorf("%w: %.80q", ErrKey, key)
	}
	return nil
}

// ValidKey tells whether CheckKey takes the key.
func ValidKey(key string) bool {
	if len(key) > maxKey {
		return false
	}
	part, length := 0, 0
	for i := 0; i < len(key); i++ {
		c := key[i]
		switch {
		case c == '/':
			if !validPart(part, length) {
				return false
			}
			part, length = part+1, 0
			continue
		case c >= '0' && c <= '9':
		case part == 2 && c >= 'a' && c <= 'z':
		default:
			return false
		}
		length++
	}
	return part == 2 && validPart(part, length)
}

func validPart(part, length int) bool {
	switch part {
	case 0:
		return length >= 1 && length <= 19
	case 1:
		return length == 8
	default:
		return part == 2 && length >= 1 && length <= 32
	}
}
