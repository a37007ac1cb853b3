package content

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
)

var (
	// ErrCorrupt says that sealed bytes are not what this account sealed under
	// this id and purpose: cut, changed, moved from elsewhere, or not sealed.
	ErrCorrupt = errors.New("content: corrupt")

	// ErrNoKey says that a key is missing: never made, destroyed, or lost.
	ErrNoKey = errors.New("content: no key")

	// ErrWrongKey says that a wrapped key does not open with the key above it.
	ErrWrongKey = errors.New("content: wrong key")

	// ErrTooLarge says that a plaintext passes MaxSize.
	ErrTooLarge = errors.New("content: too large")
)

const (
	// ChunkSize is the number of plain bytes in every chunk but the last.
	ChunkSize = 64 << 10

	// MaxSize is the largest plaintext of one content, in bytes (64 GiB).
	MaxSize = 1 << 36
)

// ID names one content of an account. It is random, never from a counter, so
// that no key is derived twice even after a lost database.
type ID [16]byte

// NewID makes an ID that was never used.
func NewID() ID {
	var id ID
	rand.Read(id[:]) // never fails, see crypto/rand
	return id
}

// ParseID reads the 16 bytes of an ID from a database column.
func ParseID(b []byte) (ID, error) {
	var id ID
	if len(b) != len(id) {
		return id, fmt.Errorf("content: id of %d bytes, want %d", len(b), len(id))
	}
	copy(id[:], b)
	return id, nil
}

// String is the ID in hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Purpose says what a sealed stream is for. Bytes sealed for one purpose do not
// open for another. Its number is part of the format.
type Purpose byte

// The purposes of streams. Records of metadata have SealMeta instead.
const (
	PurposeContent Purpose = 1 // a message, an object, a file
	PurposeQueue   Purpose = 2 // a body that waits for delivery
	PurposeSpool   Purpose = 3 // a temporary file of this process
)
