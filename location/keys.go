package location

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	jose "github.com/go-jose/go-jose/v4"
)

const (
	privateBlock = "PRIVATE KEY" // PKCS #8, RFC 8410
	publicBlock  = "PUBLIC KEY"  // SubjectPublicKeyInfo, RFC 8410
)

// NewKey makes a key that signs reports, as PEM. It is a secret: who has it can sign
// reports that were never made.
func NewKey() ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}), nil
}

// ParseKey reads what NewKey has made.
func ParseKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != privateBlock {
		return nil, errors.New("location report: the key is not a PEM block PRIVATE KEY")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("location report: the key is not in PKCS #8") // the cause might quote it
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("location report: the key is not an Ed25519 key")
	}
	return private, nil
}

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
