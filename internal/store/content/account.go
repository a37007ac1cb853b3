package content

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// Account seals and opens what belongs to one account. It holds the account's
// key in memory and may be used concurrently.
type Account struct {
	tenant, account int64
	key             []byte
	codec           *codec

	mu   sync.RWMutex
	meta map[byte]*xaes // by encoder version
}

func newAccount(c *codec, tenant, account int64, key []byte) *Account {
	return &Account{tenant: tenant, account: account, key: key, codec: c, meta: make(map[byte]*xaes)}
}

// MetaOverhead is how many bytes longer a metadata record is when sealed.
const MetaOverhead = SmallOverhead

// SealMeta appends the sealed form of the metadata record of an object to dst.
// version is the encoder's: a record does not open under another one's.
// Records are not compressed: at their usual 900 bytes that would save less than
// half and make reading them five times slower (docs/decisions/0002).
func (a *Account) SealMeta(dst []byte, objectID int64, version byte, plain []byte) []byte {
	dst = append(dst, smallVersion)
	place := a.metaPlace(objectID, version)
	return a.metaKey(version).seal(dst, plain, place[:])
}

// OpenMeta appends the plain form of a metadata record to dst, or fails with
// ErrCorrupt. A dst with capacity saves an allocation.
func (a *Account) OpenMeta(dst []byte, objectID int64, version byte, sealed []byte) ([]byte, error) {
	if len(sealed) < MetaOverhead || sealed[0] != smallVersion {
		return dst, ErrCorrupt
	}
	place := a.metaPlace(objectID, version)
	return a.metaKey(version).open(dst, sealed[1:], place[:])
}

// metaPlace is the associated data of a record: tenant, account, object, version.
func (a *Account) metaPlace(objectID int64, version byte) (place [25]byte) {
	binary.BigEndian.PutUint64(place[0:], uint64(a.tenant))
	binary.BigEndian.PutUint64(place[8:], uint64(a.account))
	binary.BigEndian.PutUint64(place[16:], uint64(objectID))
	place[24] = version
	return place
}

// metaKey derives the key of an encoder version once: doing so for every record
// costs more than opening it.
func (a *Account) metaKey(version byte) *xaes {
	a.mu.RLock()
	key := a.meta[version]
	a.mu.RUnlock()
	if key == nil {
		key = newXAES(derive(a.key, nil, labelMeta+string([]byte{version})))
		a.mu.Lock()
		a.meta[version] = key
		a.mu.Unlock()
	}
	return key
}

// SealSmall seals a short secret of a column, such as a queue row's envelope.
// purpose names the column; aad is what OpenSmall must be given again, such as
// the row's id.
func (a *Account) SealSmall(purpose string, aad, plain []byte) []byte {
	return sealSmall(nil, a.smallKey(purpose), a.tenant, a.account, aad, plain)
}

// OpenSmall opens what SealSmall sealed, or fails with ErrCorrupt.
func (a *Account) OpenSmall(purpose string, aad, sealed []byte) ([]byte, error) {
	return openSmall(nil, a.smallKey(purpose), a.tenant, a.account, aad, sealed)
}

func (a *Account) smallKey(purpose string) *xaes {
	return newXAES(derive(a.key, nil, labelSmall+purpose))
}

// Tag is a keyed hash of data for a purpose (HMAC-SHA256, cut to 16 bytes): equal
// data of one account have equal tags, and without its key nobody can tell what
// they were, nor compare two accounts.
func (a *Account) Tag(purpose string, data []byte) (tag [16]byte) {
	mac := hmac.New(sha256.New, derive(a.key, nil, labelTag+purpose))
	mac.Write(data)
	copy(tag[:], mac.Sum(nil))
	return tag
}
