package content

import "crypto/rand"

// Ephemeral returns an Account whose key exists in this process's memory only:
// what it seals (spool files of what is being received) is unreadable once the
// process ends.
func (k *KeyDir) Ephemeral() *Account {
	key := make([]byte, keySize)
	rand.Read(key) // never fails, see crypto/rand
	return newAccount(k.codec, 0, 0, key)
}
