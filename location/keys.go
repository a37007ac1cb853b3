package location

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	jose "github.com/go-jose/go-jose/v4"
)

const publicBlock = "PUBLIC KEY" // SubjectPublicKeyInfo, RFC 8410

// PublicPEM is the public key as other programs read it.
func PublicPEM(public ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("location report: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der}), nil
}

// ParsePublic reads a public key: a PEM block PUBLIC KEY, or a JWK (RFC 8037,
// section 2).
func ParsePublic(text []byte) (ed25519.PublicKey, error) {
	text = bytes.TrimSpace(text)
	if bytes.HasPrefix(text, []byte("{")) {
		var k jose.JSONWebKey
		if err := json.Unmarshal(text, &k); err != nil {
			return nil, fmt.Errorf("location report: the key is not a JWK: %w", err)
		}
		if public, ok := k.Key.(ed25519.PublicKey); ok {
			return public, nil
		}
		return nil, errors.New("location report: the JWK is not an Ed25519 public key")
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != publicBlock {
		return nil, errors.New("location report: the key is neither a PEM block PUBLIC KEY nor a JWK")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("location report: the key cannot be read: %w", err)
	}
	public, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("location report: the key is not an Ed25519 key")
	}
	return public, nil
}
