package content

import (
	"encoding/binary"
	"fmt"
)

// smallVersion is the first byte of wrapped keys, small secrets and metadata
// records: version, then XAES-256-GCM's nonce, ciphertext and tag.
const smallVersion = 1

// SmallOverhead is how many bytes longer a small secret is when sealed.
const SmallOverhead = 1 + xaesNonce + gcmTag

// sealSmall appends the sealed form of plain to dst. The associated data are the
// ids of tenant and account and whatever else the place of the bytes is.
func sealSmall(dst []byte, key *xaes, tenant, account int64, aad, plain []byte) []byte {
	dst = append(dst, smallVersion)
	return key.seal(dst, plain, placeOf(tenant, account, aad))
}

// openSmall appends the plain form of what sealSmall appended.
func openSmall(dst []byte, key *xaes, tenant, account int64, aad, sealed []byte) ([]byte, error) {
	if len(sealed) < SmallOverhead {
		return dst, fmt.Errorf("%w: %d sealed bytes are too few", ErrCorrupt, len(sealed))
	}
	if sealed[0] != smallVersion {
		return dst, fmt.Errorf("%w: unknown version %d", ErrCorrupt, sealed[0])
	}
	return key.open(dst, sealed[1:], placeOf(tenant, account, aad))
}

// placeOf joins the associated data: two numbers of fixed length, then the rest.
func placeOf(tenant, account int64, aad []byte) []byte {
	place := make([]byte, 16, 64)
	binary.BigEndian.PutUint64(place, uint64(tenant))
	binary.BigEndian.PutUint64(place[8:], uint64(account))
	return append(place, aad...)
}
