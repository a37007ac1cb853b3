package content

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
)

const (
	xaesNonce = 24
	gcmNonce  = 12
	gcmTag    = 16
)

// xaes is XAES-256-GCM (C2SP): AES-256-GCM under a key derived, by CMAC over the
// first half of a 24-byte nonce, for each message. Nonces may be random without
// any practical bound on the number of messages of one key (2^80 at a risk of
// 2^-32). Its parts are AES and GCM of the standard library alone.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte // CMAC's first subkey (NIST SP 800-38B)
}

func newXAES(key []byte) *xaes {
	block, err := aes.NewCipher(key)
	if err != nil || len(key) != keySize {
		panic("content: an AES-256 key has 32 bytes")
	}
	x := &xaes{block: block}
	block.Encrypt(x.k1[:], x.k1[:])
	var carry byte
	for i := len(x.k1) - 1; i >= 0; i-- {
		x.k1[i], carry = x.k1[i]<<1|carry, x.k1[i]>>7
	}
	x.k1[len(x.k1)-1] ^= 0b10000111 * carry
	return x
}

// gcm is the AEAD for all messages whose nonces begin with these 12 bytes.
func (x *xaes) gcm(nonce []byte) cipher.AEAD {
	var key [keySize]byte
	for i, half := range [2][]byte{key[:aes.BlockSize], key[aes.BlockSize:]} {
		half[1], half[2] = byte(i+1), 'X'
		copy(half[4:], nonce[:gcmNonce])
		subtle.XORBytes(half, half, x.k1[:])
		x.block.Encrypt(half, half)
	}
	return newGCM(key[:])
}

// seal appends a random nonce and the sealed plain bytes to dst.
func (x *xaes) seal(dst, plain, aad []byte) []byte {
	var nonce [xaesNonce]byte
	rand.Read(nonce[:]) // never fails, see crypto/rand
	dst = append(dst, nonce[:]...)
	return x.gcm(nonce[:]).Seal(dst, nonce[gcmNonce:], plain, aad)
}

// open appends the plain bytes of what seal appended to dst.
func (x *xaes) open(dst, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < xaesNonce+gcmTag {
		return dst, ErrCorrupt
	}
	nonce, sealed := sealed[:xaesNonce], sealed[xaesNonce:]
	plain, err := x.gcm(nonce).Open(dst, nonce[gcmNonce:], sealed, aad)
	if err != nil {
		return dst, ErrCorrupt
	}
	return plain, nil
}

func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("content: an AES-256 key has 32 bytes")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("content: GCM over AES failed: " + err.Error()) // only another block size does
	}
	return aead
}
