package idp

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Lengths of a person's own password. Eight characters is what NIST SP
// 800-63B 5.1.1.2 asks for; beyond that, length is the person's business.
const (
	passwordMin = 8    // characters
	passwordMax = 1024 // bytes
)

// ErrWeak refuses a new password.
var ErrWeak = errors.New("a password has 8 to 1024 characters")

// params are those of argon2id; the memory is in KiB.
type params struct {
	memory, time uint32
	threads      uint8
}

// current is the second recommended choice of RFC 9106 4, for machines where
// two gigabytes for one login are too much: 64 MiB, three passes, four lanes.
var current = params{memory: 64 << 10, time: 3, threads: 4}

const (
	saltLength = 16
	hashLength = 32
)

// HashPassword makes what the store keeps of a person's own password: argon2id
// in PHC form. It takes about a tenth of a second and 64 MiB. ErrWeak if the
// password is too short or too long.
func HashPassword(password string) (phc string, err error) {
	if len(password) > passwordMax || utf8.RuneCountInString(password) < passwordMin {
		return "", ErrWeak
	}
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails; it ends the process instead
	sum := derive(password, salt, current)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		current.memory, current.time, current.threads, b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// VerifyPassword checks a password against a PHC string; an error means that
// the string cannot be read. It takes as long as HashPassword.
func VerifyPassword(phc, password string) (bool, error) {
	p, salt, want, err := parsePHC(phc)
	if err != nil {
		return false, err
	}
	if len(password) > passwordMax {
		password = ""
	}
	got := argon2.IDKey(normal(password), salt, p.time, p.memory, p.threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func derive(password string, salt []byte, p params) []byte {
	return argon2.IDKey(normal(password), salt, p.time, p.memory, p.threads, hashLength)
}

// normal makes one of the ways in which keyboards write the same letters
// (RFC 8265 4.2.2).
func normal(password string) []byte { return norm.NFC.Bytes([]byte(password)) }

// parsePHC reads $argon2id$v=19$m=…,t=…,p=…$salt$hash, within bounds: nobody
// makes the server use gigabytes by writing them into a row.
func parsePHC(phc string) (p params, salt, sum []byte, err error) {
	bad := errors.New("the stored password cannot be read")
	parts := strings.Split(phc, "$")
	if len(phc) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprint("v=", argon2.Version) {
		return p, nil, nil, bad
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); n != 3 || err != nil {
		return p, nil, nil, bad
	}
	if p.memory < 8 || p.memory > 256<<10 || p.time < 1 || p.time > 10 || p.threads < 1 || p.threads > 16 {
		return p, nil, nil, bad
	}
	b64 := base64.RawStdEncoding
	if salt, err = b64.DecodeString(parts[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return p, nil, nil, bad
	}
	if sum, err = b64.DecodeString(parts[5]); err != nil || len(sum) < 16 || len(sum) > 64 {
		return p, nil, nil, bad
	}
	return p, salt, sum, nil
}

// nobody is the hash that unknown names are checked against: the parameters
// are the current ones, and nothing gives that sum.
var nobody = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
	current.memory, current.time, current.threads,
	base64.RawStdEncoding.EncodeToString(make([]byte, saltLength)),
	base64.RawStdEncoding.EncodeToString(make([]byte, hashLength)))
