package idp

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// server is the library's, with what it leaves open or does otherwise: PKCE
// for every client, codes and refresh tokens that count once, and access
// tokens for the resource and nobody else.
type server struct {
	*op.LegacyServer
	p *Provider
}

// CodeExchange is RFC 6749 4.1.3 with RFC 7636 4.6.
func (s server) CodeExchange(ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	p := s.p
	var g grant
	ok, err := p.take(ctx, ticketCode, r.Data.Code, &g)
	if err != nil {
		return nil, oidc.ErrServerError().WithParent(err)
	}
	if !ok {
		p.usedAgain(ctx, r.Data.Code)
		return nil, oidc.ErrInvalidGrant().WithDescription("the code is unknown, used or too old")
	}
	if err := p.spend(ctx, r.Data.Code, &g); err != nil {
		return nil, oidc.ErrServerError().WithParent(err)
	}
	if g.Request.ClientID != r.Client.GetID() {
		return nil, oidc.ErrInvalidGrant().WithDescription("the code is another client's")
	}
	if g.Request.RedirectURI != r.Data.RedirectURI {
		return nil, oidc.ErrInvalidGrant().WithDescription("redirect_uri differs")
	}
	// The library skips this for confidential clients that send no verifier.
	challenge := &oidc.CodeChallenge{Challenge: g.Request.Challenge, Method: oidc.CodeChallengeMethodS256}
	if err := op.AuthorizeCodeChallenge(r.Data.CodeVerifier, challenge); err != nil {
		return nil, oidc.ErrInvalidGrant().WithDescription("the code verifier is wrong").WithParent(err)
	}
	return p.respond(ctx, &g, g.Request.Scopes, true)
}

// RefreshToken is RFC 6749 6 with rotation (RFC 9700 4.14.2).
func (s server) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	p := s.p
	var g grant
	// Looked at before it is taken: another client's attempt costs the owner nothing.
	ok, err := p.get(ctx, ticketRefresh, r.Data.RefreshToken, &g)
	if err == nil && ok {
		if g.Request.ClientID != r.Client.GetID() {
			return nil, oidc.ErrInvalidGrant().WithDescription("the token is another client's")
		}
		for _, scope := range r.Data.Scopes {
			if !slices.Contains(g.Request.Scopes, scope) {
				return nil, oidc.ErrInvalidScope()
			}
		}
		// Noted before it is taken: where nothing may be written now, it stays.
		if err := p.spend(ctx, r.Data.RefreshToken, &g); err != nil {
			return nil, oidc.ErrServerError().WithParent(err)
		}
		// Without its family it is one of a program that was ended.
		var again grant
		if ok, err = p.lives(ctx, &g); err == nil && ok {
			ok, err = p.take(ctx, ticketRefresh, r.Data.RefreshToken, &again)
		}
	}
	if err != nil {
		return nil, oidc.ErrServerError().WithParent(err)
	}
	if !ok {
		p.usedAgain(ctx, r.Data.RefreshToken)
		return nil, oidc.ErrInvalidGrant().WithDescription("the token is unknown, used or too old")
	}
	g.Request.Nonce = "" // belongs to the first ID token only
	scopes := g.Request.Scopes
	if len(r.Data.Scopes) > 0 { // fewer, for this access token
		scopes = r.Data.Scopes
	}
	return p.respond(ctx, &g, scopes, false)
}

// JWTProfile is not offered (RFC 7523).
func (s server) JWTProfile(context.Context, *op.Request[oidc.JWTProfileGrantRequest]) (*op.Response, error) {
	return nil, oidc.ErrUnsupportedGrantType()
}

func (p *Provider) spend(ctx context.Context, token string, g *grant) error {
	return p.put(ctx, ticketSpent, token, g.Subject, spent{g.Subject, g.Family, p.now()}, spentFor)
}

// usedAgain ends what came of a token that comes a second time, unless that is
// a moment later: then a client may have lost the answer.
func (p *Provider) usedAgain(ctx context.Context, token string) {
	var s spent
	ok, err := p.get(ctx, ticketSpent, token, &s)
	if err == nil && ok && p.now().Sub(s.At) >= reuseGrace {
		p.log.Warn("a code or refresh token was used again: its tokens end", "subject", s.Subject)
		err = p.endFamily(ctx, s.Subject, s.Family)
	}
	if err != nil {
		p.log.Error("tokens could not be ended", "err", err)
	}
}

// respond makes the tokens of a grant; first: for its code.
func (p *Provider) respond(ctx context.Context, g *grant, scopes []string, first bool) (*op.Response, error) {
	who, active, err := p.person(ctx, g.Subject)
	if err != nil {
		return nil, oidc.ErrServerError().WithParent(err)
	}
	if !active {
		return nil, oidc.ErrInvalidGrant().WithDescription("the person cannot sign in")
	}
	answer := &oidc.AccessTokenResponse{TokenType: oidc.BearerToken, ExpiresIn: uint64(p.clients[g.Request.ClientID].accessLifetime().Seconds()), Scope: scopes}
	if answer.AccessToken, err = p.accessToken(ctx, g, scopes); err != nil {
		return nil, oidc.ErrServerError().WithParent(err)
	}
	if slices.Contains(scopes, oidc.ScopeOpenID) {
		if answer.IDToken, err = p.idToken(ctx, g, answer.AccessToken); err != nil {
			return nil, oidc.ErrServerError().WithParent(err)
		}
	}
	if p.clients[g.Request.ClientID].Refresh && slices.Contains(g.Request.Scopes, oidc.ScopeOfflineAccess) {
		if first {
			if err := p.begin(ctx, g, who); err != nil {
				return nil, oidc.ErrServerError().WithParent(err)
			}
		}
		answer.RefreshToken, err = p.keep(ctx, g)
		switch {
		case err != nil:
			return nil, oidc.ErrServerError().WithParent(err)
		case answer.RefreshToken == "": // ended at this moment
			return nil, oidc.ErrInvalidGrant().WithDescription("the token is unknown, used or too old")
		}
	}
	return op.NewResponse(answer), nil
}

const typAccess = "at+jwt" // RFC 9068 2.1

// accessToken makes a JWT for the resource (RFC 9068 2). It is not the
// library's, whose access tokens share type and audience with ID tokens.
func (p *Provider) accessToken(ctx context.Context, g *grant, scopes []string) (string, error) {
	now := p.now()
	claims := map[string]any{
		"iss": p.cfg.Issuer, "sub": g.Subject, "aud": p.cfg.Resource, "client_id": g.Request.ClientID,
		"iat": now.Unix(), "exp": now.Add(p.clients[g.Request.ClientID].accessLifetime()).Unix(), "jti": secret()[:22],
		"auth_time": g.AuthTime.Unix(), "scope": strings.Join(scopes, " "),
	}
	if err := p.addGroups(ctx, claims, g.Subject); err != nil {
		return "", err
	}
	return p.sign(ctx, typAccess, claims)
}

// addGroups tells the person's groups, also that there are none.
func (p *Provider) addGroups(ctx context.Context, claims map[string]any, subject string) error {
	ref, ok := refOf(subject)
	if p.cfg.Groups == nil || !ok {
		return nil
	}
	groups, err := p.cfg.Groups(ctx, ref)
	claims["groups"] = append([]string{}, groups...)
	return err
}

// idToken tells the client who signed in (OpenID Connect Core 2).
func (p *Provider) idToken(ctx context.Context, g *grant, accessToken string) (string, error) {
	now := p.now()
	hash, err := oidc.ClaimHash(accessToken, jose.ES256)
	if err != nil {
		return "", err
	}
	claims := map[string]any{
		"iss": p.cfg.Issuer, "sub": g.Subject, "aud": g.Request.ClientID, "azp": g.Request.ClientID,
		"iat": now.Unix(), "exp": now.Add(idTokenFor).Unix(), "auth_time": g.AuthTime.Unix(),
		"amr": []string{"pwd"}, "sid": g.SID, "at_hash": hash, // RFC 8176 2
	}
	if g.Request.Nonce != "" {
		claims["nonce"] = g.Request.Nonce
	}
	if err := p.addGroups(ctx, claims, g.Subject); err != nil {
		return "", err
	}
	return p.sign(ctx, "JWT", claims)
}

// sign makes a JWT of that typ.
func (p *Provider) sign(ctx context.Context, typ string, claims map[string]any) (string, error) {
	key, err := p.keys.signing(ctx)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.SignatureAlgorithm(), Key: key.JWK},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

var errNotOffered = errors.New("not offered")

// storage is what the library's own parts ask: clients, keys, revocation. Requests, codes and tokens do not pass through it.
type storage struct{ p *Provider }

// GetClientByClientID is op.Storage's.
func (s storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if c, ok := s.p.clients[id]; ok {
		return c, nil
	}
	return nil, oidc.ErrInvalidClient().WithDescription("the client is unknown")
}

// AuthorizeClientIDSecret is op.Storage's.
func (s storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if c, ok := s.p.clients[id]; ok && c.knows(secret) {
		return nil
	}
	return oidc.ErrInvalidClient()
}

// SigningKey is op.Storage's.
func (s storage) SigningKey(ctx context.Context) (op.SigningKey, error) { return s.p.keys.signing(ctx) }

// SignatureAlgorithms is op.Storage's.
func (s storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

// KeySet is op.Storage's.
func (s storage) KeySet(ctx context.Context) ([]op.Key, error) { return s.p.keys.public(ctx) }

// GetRefreshTokenInfo is op.Storage's.
func (s storage) GetRefreshTokenInfo(ctx context.Context, clientID, token string) (subject, tokenID string, err error) {
	var g grant
	ok, err := s.p.get(ctx, ticketRefresh, token, &g)
	if err != nil {
		return "", "", err
	}
	if !ok || g.Request.ClientID != clientID {
		return "", "", op.ErrInvalidRefreshToken
	}
	return g.Subject, token, nil
}

// RevokeToken ends a refresh token and its family (RFC 7009 2.1). An access
// token runs out by itself within the hour.
func (s storage) RevokeToken(ctx context.Context, token, _, clientID string) *oidc.Error {
	var g grant
	ok, err := s.p.get(ctx, ticketRefresh, token, &g)
	if err == nil && ok && g.Request.ClientID == clientID {
		err = s.p.endFamily(ctx, g.Subject, g.Family)
	}
	if err != nil {
		return oidc.ErrServerError().WithParent(err)
	}
	return nil
}

// Health is op.Storage's.
func (s storage) Health(context.Context) error { return nil }

// The rest of op.Storage belongs to grants and endpoints that are not offered.

func (s storage) CreateAuthRequest(context.Context, *oidc.AuthRequest, string) (op.AuthRequest, error) {
	return nil, errNotOffered
}
func (s storage) AuthRequestByID(context.Context, string) (op.AuthRequest, error) {
	return nil, errNotOffered
}
func (s storage) AuthRequestByCode(context.Context, string) (op.AuthRequest, error) {
	return nil, errNotOffered
}
func (s storage) SaveAuthCode(context.Context, string, string) error     { return errNotOffered }
func (s storage) DeleteAuthRequest(context.Context, string) error        { return errNotOffered }
func (s storage) TerminateSession(context.Context, string, string) error { return errNotOffered }
func (s storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return "", time.Time{}, errNotOffered
}
func (s storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errNotOffered
}
func (s storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errNotOffered
}
func (s storage) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return errNotOffered
}
func (s storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return errNotOffered
}
func (s storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, errNotOffered
}
func (s storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotOffered
}
func (s storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotOffered
}
func (s storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNotOffered
}
