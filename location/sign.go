package location

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	jose "github.com/go-jose/go-jose/v4"
)

// reportType is the typ of the signature's header (RFC 7515, section 4.1.9): a
// signature made for something else is no report.
const reportType = "fachwerk-location-report"

// maxReport bounds what Verify reads, bytes.
const maxReport = 16 << 20

var (
	// ErrSignature says that a report is not what the key's owner signed.
	ErrSignature = errors.New("location report: the signature does not fit")

	// ErrChain says that reports do not follow each other without a gap.
	ErrChain = errors.New("location report: the chain is broken")
)

// Signer signs reports with one Ed25519 key (RFC 8037, section 3.1).
type Signer struct {
	signer jose.Signer
	public ed25519.PublicKey
	id     string
}

// NewSigner makes a signer.
func NewSigner(private ed25519.PrivateKey) (*Signer, error) {
	if len(private) != ed25519.PrivateKeySize {
		return nil, errors.New("location report: the key is not an Ed25519 private key")
	}
	public := private.Public().(ed25519.PublicKey)
	id, err := KeyID(public)
	if err != nil {
		return nil, err
	}
	options := (&jose.SignerOptions{}).WithType(reportType)
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: id}}, options)
	if err != nil {
		return nil, fmt.Errorf("location report: %w", err)
	}
	return &Signer{signer: s, public: public, id: id}, nil
}

// Public returns the key that verifies.
func (s *Signer) Public() ed25519.PublicKey { return s.public }

// ID returns the key's id, as KeyID makes it.
func (s *Signer) ID() string { return s.id }

// KeyID is the thumbprint of a key (RFC 7638, with the members of RFC 8037,
// appendix A.3), base64url.
func KeyID(public ed25519.PublicKey) (string, error) {
	k := jose.JSONWebKey{Key: public}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("location report: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// Sign returns the report as a JWS in compact serialization (RFC 7515, section
// 3.1), whose payload is the report as JSON.
func (s *Signer) Sign(r Report) (string, error) {
	payload, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("location report: %w", err)
	}
	signed, err := s.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("location report: sign: %w", err)
	}
	return signed.CompactSerialize()
}

// Digest is what the next report says of a signed one: the SHA-256 of its
// compact serialization, in hexadecimal.
func Digest(jws string) string {
	sum := sha256.Sum256([]byte(jws))
	return hex.EncodeToString(sum[:])
}

// VerifyJWS checks the signature of a report in compact serialization and
// returns what was signed. Only EdDSA and only this key count, whatever the
// header says; errors wrap ErrSignature.
func VerifyJWS(jws string, public ed25519.PublicKey) (Report, error) {
	var r Report
	if len(public) != ed25519.PublicKeySize {
		return r, errors.New("location report: the key is not an Ed25519 public key")
	}
	if len(jws) > maxReport {
		return r, fmt.Errorf("%w: longer than %d bytes", ErrSignature, maxReport)
	}
	signed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return r, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if typ, _ := signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string); typ != reportType {
		return r, fmt.Errorf("%w: it signs a %q, not a report", ErrSignature, typ)
	}
	payload, err := signed.Verify(public)
	if err != nil {
		return r, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := json.Unmarshal(payload, &r); err != nil {
		return Report{}, fmt.Errorf("%w: the content is no report: %w", ErrSignature, err)
	}
	return r, nil
}
