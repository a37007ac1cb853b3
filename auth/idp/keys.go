package idp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"fachwerk/auth"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// A key signs for keyPeriod, is published keyLead before it signs, so that
// everyone has fetched it by then, and stays published until nothing that it
// signed is valid any more.
const (
	keyPeriod = 30 * 24 * time.Hour
	keyLead   = 2 * time.Hour
	keyStays  = 2*keyPeriod + 24*time.Hour
	keysFor   = time.Minute // how long a replica believes what it has read
)

// Key tickets have one owner, so that they can be listed.
const (
	ticketKey = "idp.key"
	keyOwner  = "idp"
)

// signingKey is one as its ticket holds it (sealed by the store). It
// implements op.SigningKey and, by its public half, op.Key.
type signingKey struct {
	JWK  jose.JSONWebKey `json:"jwk"`
	From time.Time       `json:"from"` // it signs from then on
}

func (k signingKey) ID() string                                  { return k.JWK.KeyID }
func (k signingKey) Key() any                                    { return k.JWK.Key }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }

type publicKey struct{ jwk jose.JSONWebKey }

func (k publicKey) ID() string                         { return k.jwk.KeyID }
func (k publicKey) Key() any                           { return k.jwk.Key }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }

// keyring holds the keys: made when needed, shared through the tickets.
type keyring struct {
	tickets auth.Tickets
	now     func() time.Time

	mu   sync.Mutex
	keys []signingKey // newest first
	read time.Time
}

// load gives all published keys, newest first, making the one that is due.
func (r *keyring) load(ctx context.Context) ([]signingKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if r.keys != nil && now.Sub(r.read) < keysFor {
		return r.keys, nil
	}
	keys, err := r.list(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 || now.Add(keyLead).Sub(keys[0].From) >= keyPeriod {
		from := now
		if len(keys) > 0 {
			from = now.Add(keyLead)
		}
		// The id is the same for all replicas, so that one of them wins.
		id := "period-" + strconv.FormatInt(now.Add(keyLead).Unix()/int64(keyPeriod/time.Second), 10)
		if err := r.add(ctx, id, from); err != nil {
			return nil, err
		}
		if keys, err = r.list(ctx); err != nil {
			return nil, err
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: the provider has no signing key", auth.ErrUnavailable)
	}
	r.keys, r.read = keys, now
	return keys, nil
}

func (r *keyring) list(ctx context.Context) ([]signingKey, error) {
	tickets, err := r.tickets.TicketsOf(ctx, 0, ticketKey, keyOwner)
	if err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	keys := make([]signingKey, 0, len(tickets))
	for _, t := range tickets {
		var k signingKey
		if err := json.Unmarshal(t.Value, &k); err != nil {
			return nil, fmt.Errorf("signing key %s: %w", t.ID, err)
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b signingKey) int { return b.From.Compare(a.From) })
	return keys, nil
}

func (r *keyring) add(ctx context.Context, id string, from time.Time) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	k := signingKey{JWK: jose.JSONWebKey{Key: private, KeyID: rand.Text()[:16], Use: "sig", Algorithm: string(jose.ES256)}, From: from}
	value, err := json.Marshal(k)
	if err != nil {
		return err
	}
	_, err = r.tickets.AddTicket(ctx, auth.Ticket{
		Kind: ticketKey, ID: id, Owner: keyOwner, Value: value, Expires: r.now().Add(keyStays),
	})
	return err
}

// signing is the key that signs now: the newest whose time has come.
func (r *keyring) signing(ctx context.Context) (signingKey, error) {
	keys, err := r.load(ctx)
	if err != nil {
		return signingKey{}, err
	}
	now := r.now()
	for _, k := range keys {
		if !k.From.After(now) {
			return k, nil
		}
	}
	return keys[len(keys)-1], nil
}

func (r *keyring) public(ctx context.Context) ([]op.Key, error) {
	keys, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]op.Key, 0, len(keys))
	for _, k := range keys {
		list = append(list, publicKey{k.JWK.Public()})
	}
	return list, nil
}

// RotateKey makes a new signing key and uses it at once, ahead of the
// schedule; the old ones stay published. Other replicas follow in a minute.
func (p *Provider) RotateKey(ctx context.Context) error {
	r := p.keys
	if err := r.add(ctx, "extra-"+rand.Text(), r.now()); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	r.mu.Lock()
	r.keys = nil
	r.mu.Unlock()
	return nil
}
