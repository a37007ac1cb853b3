package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// Whoever sends a token chooses its issuer among those bound, and a tenant's own issuer
// chooses its keys: so what a check costs is bounded here and not by them. Checking a
// signature cannot be broken off.
const (
	tokenMax     = 64 << 10 // bytes of a token
	keysMax      = 64       // keys of a set
	keysTried    = 4        // of those that fit a token
	rsaMin       = 2048     // bits of a modulus (RFC 7518 3.3)
	rsaMax       = 8192     // likewise: a check takes about a millisecond
	exponentMax  = 1 << 24  // the customary one is 65,537
	signatureMax = rsaMax / 8
)

// usable leaves out what is not a public signing key we know (RFC 7517 5).
func usable(raw []json.RawMessage) []jose.JSONWebKey {
	keys := make([]jose.JSONWebKey, 0, len(raw))
	for _, r := range raw[:min(len(raw), keysMax)] {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(r) != nil || !k.IsPublic() || !k.Valid() || !cheap(k) {
			continue
		}
		if (k.Use != "" && k.Use != "sig") || (k.Algorithm != "" && !slices.Contains(algorithms, k.Algorithm)) {
			continue
		}
		keys = append(keys, k)
	}
	return keys
}

// cheap tells whether a check by the key takes about as long as by anybody's.
func cheap(k jose.JSONWebKey) bool {
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		n := key.N.BitLen()
		return n >= rsaMin && n <= rsaMax && key.N.Bit(0) == 1 && key.E >= 3 && key.E <= exponentMax && key.E%2 == 1
	case *ecdsa.PublicKey: // of one of three curves
		return true
	case ed25519.PublicKey:
		return true
	}
	return false
}

// byID gives the keys that may be meant by a kid; all where a token names none.
func byID(keys []jose.JSONWebKey, kid string) []jose.JSONWebKey {
	if kid == "" {
		return keys
	}
	var found []jose.JSONWebKey
	for _, k := range keys {
		if k.KeyID == kid {
			found = append(found, k)
		}
	}
	return found
}

// fitting gives the keys that a signature by an algorithm is tried with: of the
// algorithm's type, in the set's order, and few.
func fitting(keys []jose.JSONWebKey, alg string) []jose.JSONWebKey {
	var fit []jose.JSONWebKey
	for _, k := range keys {
		if (k.Algorithm == "" || k.Algorithm == alg) && makes(k, alg) {
			fit = append(fit, k)
		}
		if len(fit) == keysTried {
			break
		}
	}
	return fit
}

// makes tells whether signatures of an algorithm are made by keys of this type.
func makes(k jose.JSONWebKey, alg string) bool {
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return alg == oidc.RS256 || alg == oidc.PS256
	case *ecdsa.PublicKey:
		return alg == oidc.ES256 && key.Params().BitSize == 256
	case ed25519.PublicKey:
		return alg == oidc.EdDSA
	}
	return false
}

// parseToken reads a compact JWS with one signature by an algorithm of the list. What no
// key here can have signed is refused by its length, before anything is asked.
func parseToken(token string) (*jose.JSONWebSignature, error) {
	if len(token) > tokenMax {
		return nil, errors.New("the token is too long")
	}
	if len(token)-1-strings.LastIndexByte(token, '.') > base64.RawURLEncoding.EncodedLen(signatureMax) {
		return nil, errors.New("the token's signature is too long")
	}
	allowed := make([]jose.SignatureAlgorithm, len(algorithms))
	for n, a := range algorithms {
		allowed[n] = jose.SignatureAlgorithm(a)
	}
	jws, err := jose.ParseSignedCompact(token, allowed)
	if err != nil {
		return nil, fmt.Errorf("malformed token: %w", err)
	}
	if len(jws.Signatures) != 1 {
		return nil, errors.New("a token has one signature")
	}
	return jws, nil
}
