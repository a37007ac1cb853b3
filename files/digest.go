package files

import (
	"crypto/md5"  //nolint:gosec // what clients send, checked against accidents
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/adler32"
	"strings"

	"fachwerk/internal/resource"
)

// Algorithm names a digest. The numbers are those of stored facts: never reused.
type Algorithm byte

// The algorithms that clients use. Only SHA256 and SHA512 say anything about
// malice; the others find accidents.
const (
	SHA256  Algorithm = 1
	SHA1    Algorithm = 2
	MD5     Algorithm = 3
	Adler32 Algorithm = 4
	SHA512  Algorithm = 5
)

// algorithms has the name as in OC-Checksum and the size in bytes.
var algorithms = map[Algorithm]struct {
	name string
	size int
	make func() hash.Hash
}{
	SHA256:  {"SHA256", sha256.Size, sha256.New},
	SHA1:    {"SHA1", sha1.Size, sha1.New},
	MD5:     {"MD5", md5.Size, md5.New},
	Adler32: {"ADLER32", adler32.Size, func() hash.Hash { return adler32.New() }},
	SHA512:  {"SHA512", sha512.Size, sha512.New},
}

// String is the name as in OC-Checksum: "SHA1".
func (a Algorithm) String() string {
	if known, ok := algorithms[a]; ok {
		return known.name
	}
	return fmt.Sprintf("algorithm %d", byte(a))
}

// Size is the number of bytes of a digest, 0 for an unknown algorithm.
func (a Algorithm) Size() int { return algorithms[a].size }

// AlgorithmNamed finds an algorithm by a name in any case, with or without the
// hyphen that HTTP writes: "sha-256", "SHA256".
func AlgorithmNamed(name string) (Algorithm, bool) {
	name = strings.ToUpper(name)
	switch name {
	case "SHA-256":
		return SHA256, true
	case "SHA-512":
		return SHA512, true
	case "SHA", "SHA-1":
		return SHA1, true
	}
	for a, known := range algorithms {
		if known.name == name {
			return a, true
		}
	}
	return 0, false
}

// Digest is one digest of a file's content.
type Digest struct {
	Algorithm Algorithm
	Sum       []byte
}

// String is the form of OC-Checksum: "SHA1:da39…".
func (d Digest) String() string { return d.Algorithm.String() + ":" + hex.EncodeToString(d.Sum) }

// DigestError says that content is not what its sender said it is. It wraps
// resource.ErrDigest.
type DigestError struct{ Algorithm Algorithm }

func (e *DigestError) Error() string {
	return "the content does not have the " + e.Algorithm.String() + " digest it was sent with"
}

// Unwrap makes it resource.ErrDigest.
func (e *DigestError) Unwrap() error { return resource.ErrDigest }

// expectations are the digests to compute on the way and what they must be.
type expectations struct {
	want   []Digest
	hashes map[string]hash.Hash
}

// expect prepares to check digests; SHA-256 is computed by the upload itself.
func expect(want []Digest) (expectations, error) {
	e := expectations{want: want, hashes: map[string]hash.Hash{}}
	for _, d := range want {
		known, ok := algorithms[d.Algorithm]
		if !ok || len(d.Sum) != known.size {
			return e, &DigestError{d.Algorithm}
		}
		if d.Algorithm != SHA256 {
			e.hashes[known.name] = known.make()
		}
	}
	return e, nil
}

// check compares when all bytes have gone through, and answers what is worth
// keeping: SHA-256 first, then what the client sent.
func (e expectations) check(sha [sha256.Size]byte) ([]Digest, error) {
	kept := []Digest{{SHA256, sha[:]}}
	for _, d := range e.want {
		sum := sha[:]
		if d.Algorithm != SHA256 {
			sum = e.hashes[d.Algorithm.String()].Sum(nil)
		}
		if !d.Equal(Digest{d.Algorithm, sum}) {
			return nil, &DigestError{d.Algorithm}
		}
		if _, twice := find(kept, d.Algorithm); !twice {
			kept = append(kept, d)
		}
	}
	return kept, nil
}

// Equal compares two digests.
func (d Digest) Equal(other Digest) bool {
	return d.Algorithm == other.Algorithm && subtle.ConstantTimeCompare(d.Sum, other.Sum) == 1
}

func find(list []Digest, a Algorithm) (Digest, bool) {
	for _, d := range list {
		if d.Algorithm == a {
			return d, true
		}
	}
	return Digest{}, false
}
