package content

import (
	"crypto/hkdf"
	"crypto/sha256"
)

const keySize = 32

// What keys are derived for. A label is the beginning of HKDF's info; each ends
// so that no label is the beginning of another, and what varies follows it.
const (
	labelTenantKey  = "fachwerk/1 tenant-key."  // wraps tenant keys, from the operator's key
	labelAccountKey = "fachwerk/1 account-key." // wraps account keys, from a tenant key
	labelDerive     = "fachwerk/1 derive."      // + purpose; KeyDir.Derive
	labelSmall      = "fachwerk/1 small."       // + purpose; SealSmall at all three levels
	labelMeta       = "fachwerk/1 meta."        // + encoder version
	labelTag        = "fachwerk/1 tag."         // + purpose; Tag
	labelStream     = "fachwerk/1 stream."      // + purpose, content id
)

// derive is HKDF-SHA256 (RFC 5869) to 32 bytes.
func derive(secret, salt []byte, info string) []byte {
	key, err := hkdf.Key(sha256.New, secret, salt, info, keySize)
	if err != nil {
		panic("content: HKDF of a fixed length failed: " + err.Error()) // only a length above 8160 does
	}
	return key
}
