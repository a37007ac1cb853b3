package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxAppPasswords is how many a person may have at a time.
const MaxAppPasswords = 40

// Fresh is how old a sign-in may be for changes that matter, such as making
// an app password.
const Fresh = 10 * time.Minute

// HashKeys are the keys under which app passwords are hashed. A new key is
// added, made Current, and the old one stays until the last password hashed
// under it has gone.
type HashKeys struct {
	Current int16
	Keys    map[int16][]byte // each at least 32 bytes
}

func (k HashKeys) check() error {
	if _, ok := k.Keys[k.Current]; !ok {
		return fmt.Errorf("app password key %d is missing", k.Current)
	}
	for id, key := range k.Keys {
		if len(key) < 32 {
			return fmt.Errorf("app password key %d is shorter than 32 bytes", id)
		}
	}
	return nil
}

// alphabet is Crockford's base 32: no i, l, o, u, so that nothing typed from
// a screen is mistaken.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	secretBytes  = 15 // 120 bits
	secretLength = secretBytes * 8 / 5
	secretGroup  = 4
)

// newSecret gives the canonical form; groups makes it readable.
func newSecret() string {
	var b [secretBytes]byte
	_, _ = rand.Read(b[:]) // never fails; it ends the process instead
	out := make([]byte, 0, secretLength)
	for i := 0; i < secretBytes; i += 5 {
		v := uint64(b[i])<<32 | uint64(binary.BigEndian.Uint32(b[i+1:]))
		for shift := 35; shift >= 0; shift -= 5 {
			out = append(out, alphabet[v>>shift&31])
		}
	}
	return string(out)
}

// groups writes a canonical secret as people type it: xxxx-xxxx-…
func groups(secret string) string {
	var b strings.Builder
	for i := 0; i < len(secret); i += secretGroup {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(secret[i:min(i+secretGroup, len(secret))])
	}
	return b.String()
}

// canonical undoes what people and clients do to a secret: case, spaces,
// dashes, and the letters that Crockford reads as digits. What cannot be one
// of our secrets gives false.
func canonical(typed string) (string, bool) {
	if len(typed) > 4*secretLength {
		return "", false
	}
	out := make([]byte, 0, secretLength)
	for _, r := range strings.ToLower(typed) {
		switch r {
		case ' ', '-', '\t', '\u00a0', '\u2010', '\u2011', '\u2013':
			continue
		case 'i', 'l':
			r = '1'
		case 'o':
			r = '0'
		}
		if r >= utf8.RuneSelf || !strings.ContainsRune(alphabet, r) {
			return "", false
		}
		out = append(out, byte(r))
	}
	return string(out), len(out) == secretLength
}

// hashSecret binds the hash to its owner, so that a row copied to another
// account by someone who can write the database opens nothing.
func hashSecret(key []byte, ref AccountRef, secret string) []byte {
	m := hmac.New(sha256.New, key)
	var owner [16]byte
	binary.BigEndian.PutUint64(owner[:8], uint64(ref.Tenant))
	binary.BigEndian.PutUint64(owner[8:], uint64(ref.Account))
	m.Write([]byte("fachwerk app password 1\x00"))
	m.Write(owner[:])
	m.Write([]byte(secret))
	return m.Sum(nil)
}

// match finds the app password that secret opens. The work does not tell how
// many there are, nor whether one matched: every key makes one hash, and
// MaxAppPasswords comparisons follow. hashed is told of each hash.
func (k HashKeys) match(ref AccountRef, list []AppPassword, secret string, hashed func()) (AppPassword, bool) {
	hashes := make(map[int16][]byte, len(k.Keys))
	for id, key := range k.Keys {
		hashes[id] = hashSecret(key, ref, secret)
		hashed()
	}
	none := make([]byte, sha256.Size)
	found := -1
	for i := range max(len(list), MaxAppPasswords) {
		stored, made := none, hashes[k.Current]
		if i < len(list) {
			if h, ok := hashes[list[i].HashKey]; ok {
				stored, made = list[i].Hash, h
			}
		}
		if hmac.Equal(stored, made) {
			found = i
		}
	}
	if found < 0 || found >= len(list) {
		return AppPassword{}, false
	}
	return list[found], true
}

// NewAppPassword makes an app password for the person behind by, which must
// be a portal session with a sign-in less than ten minutes old, else
// ErrStale. expires zero: never. secret is shown once and kept nowhere.
// ErrTooMany beyond MaxAppPasswords.
func (a *Authenticator) NewAppPassword(ctx context.Context, by *Principal, name string, scopes Scope, expires time.Time) (made AppPassword, secret string, err error) {
	// No app password and no token makes another: only a session does.
	if by == nil || by.Method != BySession {
		return AppPassword{}, "", fmt.Errorf("app password: %w", ErrScope)
	}
	if by.AuthTime.IsZero() || a.now().Sub(by.AuthTime) >= Fresh {
		return AppPassword{}, "", fmt.Errorf("app password: %w", ErrStale)
	}
	return a.NewAppPasswordByOperator(ctx, AccountRef{by.Tenant, by.Account}, name, scopes, expires)
}

// NewAppPasswordByOperator makes one for the command line and the demo. The
// owner gets the same message.
func (a *Authenticator) NewAppPasswordByOperator(ctx context.Context, ref AccountRef, name string, scopes Scope, expires time.Time) (made AppPassword, secret string, err error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "" || utf8.RuneCountInString(name) > 80 || strings.ContainsFunc(name, isControl) || !utf8.ValidString(name):
		return AppPassword{}, "", fmt.Errorf("app password: %w: a name of 1 to 80 characters is needed", ErrMalformed)
	case scopes == 0 || scopes&^AllScopes != 0:
		return AppPassword{}, "", fmt.Errorf("app password: %w: at least one service is needed", ErrMalformed)
	case !expires.IsZero() && !expires.After(a.now()):
		return AppPassword{}, "", fmt.Errorf("app password: %w: the expiry lies in the past", ErrMalformed)
	}
	person, err := a.cfg.People.PersonByRef(ctx, ref)
	if err != nil {
		return AppPassword{}, "", fmt.Errorf("app password: %w", err)
	}
	if person.Disabled {
		return AppPassword{}, "", fmt.Errorf("app password: %w", ErrNotFound)
	}
	secret = newSecret()
	made, err = a.cfg.AppPasswords.AddAppPassword(ctx, AppPassword{
		AccountRef: ref, Name: name, Scopes: scopes, Expires: expires,
		HashKey: a.cfg.HashKeys.Current,
		Hash:    hashSecret(a.cfg.HashKeys.Keys[a.cfg.HashKeys.Current], ref, secret),
	}, MaxAppPasswords)
	if err != nil {
		return AppPassword{}, "", fmt.Errorf("app password: %w", err)
	}
	if a.cfg.Notifier != nil {
		// The password exists; a message that cannot be sent does not undo it.
		if err := a.cfg.Notifier.AppPasswordMade(ctx, person, made); err != nil {
			a.log.Error("app password made, its owner could not be told", "tenant", ref.Tenant, "account", ref.Account, "err", err)
		}
	}
	return made, groups(secret), nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// RevokeAppPassword ends one and, in this process, at once what it opened.
func (a *Authenticator) RevokeAppPassword(ctx context.Context, ref AccountRef, id int64) error {
	err := a.cfg.AppPasswords.RevokeAppPassword(ctx, ref, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("app password: %w", err)
	}
	a.Ended(ref, id)
	return err
}
