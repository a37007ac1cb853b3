package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Exchange is one SASL exchange (RFC 4422). The head does base64, line limits
// and the cancel response; Next is called first with the initial response,
// nil if there was none (an empty one is not nil), then with each further
// one, until done or an error. When done is false the challenge, possibly
// empty, goes to the client. Errors are those of Password and ErrMalformed.
type Exchange interface {
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)
	// Principal is set once Next has returned done without an error.
	Principal() *Principal
}

const (
	usernameMax = 320      // bytes of an address, more than RFC 5321 allows
	passwordMax = 1024     // bytes of what is typed for a password
	plainMax    = 4 << 10  // bytes of a PLAIN message
	oauthMax    = 64 << 10 // bytes of an OAUTHBEARER or XOAUTH2 message
)

// Mechanisms lists what SASL offers, tokens before passwords; OAUTHBEARER and
// XOAUTH2 only if an issuer is configured.
func (a *Authenticator) Mechanisms() []string {
	if a.providers == nil {
		return []string{"PLAIN", "LOGIN"}
	}
	return []string{"OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"}
}

// SASL begins an exchange: "PLAIN", "LOGIN", "XOAUTH2" or "OAUTHBEARER", in
// any case; ErrMechanism for another. at.Username is filled in by the
// exchange. Whether the line is secret enough is the head's to know.
func (a *Authenticator) SASL(mech string, at Attempt) (Exchange, error) {
	at.Username = ""
	switch strings.ToUpper(mech) {
	case "PLAIN":
		return &plain{exchange{a: a, at: at}}, nil
	case "LOGIN":
		return &login{exchange: exchange{a: a, at: at}}, nil
	case "OAUTHBEARER":
		if a.providers != nil {
			return &oauth{exchange: exchange{a: a, at: at}, parse: parseOAuthBearer}, nil
		}
	case "XOAUTH2":
		if a.providers != nil {
			return &oauth{exchange: exchange{a: a, at: at}, parse: parseXOAuth2, old: true}, nil
		}
	}
	return nil, ErrMechanism
}

// exchange is what all of them hold.
type exchange struct {
	a         *Authenticator
	at        Attempt
	principal *Principal
	over      bool
}

func (e *exchange) Principal() *Principal { return e.principal }

// end closes the exchange with an outcome.
func (e *exchange) end(p *Principal, err error) ([]byte, bool, error) {
	e.over = true
	if err != nil {
		return nil, true, err
	}
	e.principal = p
	return nil, true, nil
}

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }

// plain is RFC 4616.
type plain struct{ exchange }

func (e *plain) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if e.over {
		return nil, true, malformed("the exchange is over")
	}
	if response == nil {
		return []byte{}, false, nil
	}
	authzid, authcid, password, err := parsePlain(response)
	if err != nil {
		return e.end(nil, err)
	}
	e.at.Username = authcid
	p, err := e.a.Password(ctx, e.at, password)
	if err != nil {
		return e.end(nil, err)
	}
	// An authorization identity must be the person's own, or an account
	// granted to them; who signed in stays the person.
	if authzid != "" && !strings.EqualFold(authzid, authcid) {
		may, err := e.a.mayUse(ctx, Person{AccountRef: AccountRef{p.Tenant, p.Account}, Address: p.Address}, authzid)
		if err != nil {
			return e.end(nil, err)
		}
		if !may {
			return e.end(nil, ErrDenied)
		}
	}
	return e.end(p, nil)
}

// parsePlain reads [authzid] NUL authcid NUL passwd (RFC 4616 2).
func parsePlain(message []byte) (authzid, authcid, password string, err error) {
	if len(message) > plainMax {
		return "", "", "", malformed("the message is too long")
	}
	if !utf8.Valid(message) {
		return "", "", "", malformed("the message is not UTF-8")
	}
	parts := bytes.Split(message, []byte{0})
	if len(parts) != 3 {
		return "", "", "", malformed("PLAIN has three parts")
	}
	authzid, authcid, password = string(parts[0]), string(parts[1]), string(parts[2])
	switch {
	case authcid == "" || password == "":
		return "", "", "", malformed("a user name and a password are needed")
	case len(authzid) > usernameMax || len(authcid) > usernameMax || len(password) > passwordMax:
		return "", "", "", malformed("a part is too long")
	}
	return authzid, authcid, password, nil
}

// login is the mechanism that some clients, Outlook among them, still use
// (draft-murchison-sasl-login): two prompts, two answers.
type login struct {
	exchange
	named bool
}

func (e *login) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	switch {
	case e.over:
		return nil, true, malformed("the exchange is over")
	case !e.named && response == nil:
		return []byte("Username:"), false, nil
	case !utf8.Valid(response) || bytes.IndexByte(response, 0) >= 0:
		return e.end(nil, malformed("the answer is not UTF-8 text"))
	case !e.named:
		if len(response) == 0 || len(response) > usernameMax {
			return e.end(nil, malformed("a user name is needed"))
		}
		e.at.Username, e.named = string(response), true
		return []byte("Password:"), false, nil
	case len(response) == 0 || len(response) > passwordMax:
		return e.end(nil, malformed("a password is needed"))
	}
	return e.end(e.a.Password(ctx, e.at, string(response)))
}

// oauth is OAUTHBEARER (RFC 7628) and its forerunner XOAUTH2. Both answer a
// refused token with a challenge that says why, which the client acknowledges
// before the exchange fails.
type oauth struct {
	exchange
	parse  func([]byte) (username, token string, err error)
	old    bool // XOAUTH2
	failed error
}

func (e *oauth) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	switch {
	case e.over:
		return nil, true, malformed("the exchange is over")
	case e.failed != nil: // RFC 7628 3.2.3: the client has sent its ^A
		return e.end(nil, e.failed)
	case response == nil:
		return []byte{}, false, nil
	}
	username, token, err := e.parse(response)
	if err != nil {
		return e.end(nil, err)
	}
	e.at.Username = username
	p, err := e.a.Bearer(ctx, e.at, token)
	if errors.Is(err, ErrDenied) || errors.Is(err, ErrScope) {
		e.failed = err
		return e.refusal(err), false, nil
	}
	return e.end(p, err)
}

// refusal is the server's error message (RFC 7628 3.2.2).
func (e *oauth) refusal(err error) []byte {
	answer := map[string]string{"scope": e.at.Scope.String()}
	switch {
	case e.old:
		answer["status"], answer["schemes"] = "401", "Bearer"
	case errors.Is(err, ErrScope):
		answer["status"] = "insufficient_scope"
	default:
		answer["status"] = "invalid_token"
	}
	if url := e.a.providers.tellable(); url != "" && !e.old {
		answer["openid-configuration"] = strings.TrimSuffix(url, "/") + "/.well-known/openid-configuration"
	}
	b, _ := json.Marshal(answer) // strings cannot fail
	return b
}

// parseOAuthBearer reads gs2-header ^A *(key=value ^A) ^A (RFC 7628 3.1).
func parseOAuthBearer(message []byte) (username, token string, err error) {
	head, rest, ok := bytes.Cut(bounded(message), []byte{1})
	if !ok {
		return "", "", malformed("the GS2 header does not end")
	}
	// RFC 5801 4: "n" or "y" (no channel binding), then ",", [a=authzid] ",".
	flag, authzid, ok := strings.Cut(string(head), ",")
	if !ok || (flag != "n" && flag != "y") || !strings.HasSuffix(authzid, ",") {
		return "", "", malformed("the GS2 header")
	}
	if authzid = strings.TrimSuffix(authzid, ","); authzid != "" {
		name, ok := strings.CutPrefix(authzid, "a=")
		if !ok {
			return "", "", malformed("the GS2 header")
		}
		if username, err = saslName(name); err != nil {
			return "", "", err
		}
	}
	token, err = bearerPair(rest, func(string, string) error { return nil })
	return username, token, err
}

// parseXOAuth2 reads user=… ^A auth=Bearer … ^A ^A.
func parseXOAuth2(message []byte) (username, token string, err error) {
	token, err = bearerPair(bounded(message), func(key, value string) error {
		if key != "user" {
			return nil
		}
		if username != "" || value == "" || len(value) > usernameMax {
			return malformed("the user name")
		}
		username = value
		return nil
	})
	if err == nil && username == "" {
		err = malformed("a user name is needed")
	}
	return username, token, err
}

// bounded makes a message that is too long one that cannot be read.
func bounded(message []byte) []byte {
	if len(message) > oauthMax || !utf8.Valid(message) || bytes.IndexByte(message, 0) >= 0 {
		return nil
	}
	return message
}

// bearerPair reads key=value pairs, each ended by ^A, then a lone ^A, and
// gives the token of the one auth pair. Others go to each.
func bearerPair(pairs []byte, each func(key, value string) error) (token string, err error) {
	for {
		pair, rest, ok := bytes.Cut(pairs, []byte{1})
		if !ok {
			return "", malformed("the message does not end")
		}
		if len(pair) == 0 { // the end
			if len(rest) > 0 {
				return "", malformed("more after the end")
			}
			break
		}
		pairs = rest
		key, value, ok := strings.Cut(string(pair), "=")
		if !ok || key == "" {
			return "", malformed("a pair without a value")
		}
		if key != "auth" {
			if err := each(key, value); err != nil {
				return "", err
			}
			continue
		}
		scheme, credentials, ok := strings.Cut(value, " ")
		if token != "" || !ok || !strings.EqualFold(scheme, "Bearer") {
			return "", malformed("one Bearer token is needed")
		}
		if token = strings.TrimSpace(credentials); token == "" {
			return "", malformed("the token is empty")
		}
	}
	if token == "" {
		return "", malformed("a token is needed")
	}
	return token, nil
}

// saslName undoes =2C and =3D (RFC 5801 4).
func saslName(s string) (string, error) {
	if s == "" || len(s) > 3*usernameMax {
		return "", malformed("the user name")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '=' {
			b.WriteByte(s[i])
			continue
		}
		switch {
		case strings.HasPrefix(s[i:], "=2C"):
			b.WriteByte(',')
		case strings.HasPrefix(s[i:], "=3D"):
			b.WriteByte('=')
		default:
			return "", malformed("the user name's escapes")
		}
		i += 2
	}
	if b.Len() > usernameMax {
		return "", malformed("the user name is too long")
	}
	return b.String(), nil
}
