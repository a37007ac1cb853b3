package idp

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// target is a URI that was judged, in the parts by which it is used: what a client
// wrote is read once, and no answer goes to the text of it, which a browser might read
// otherwise.
type target struct{ *url.URL }

// redirectTarget gives where the answers to a request go, if the URI is one of the
// client's: byte for byte (RFC 9700 4.1.3), but for the port of a native client's
// loopback URI (RFC 8252 7.3). All but that port comes from the registered URI.
func (c Client) redirectTarget(uri string) (target, bool) {
	u, ok := plainURI(uri)
	if !ok {
		return target{}, false
	}
	if slices.Contains(c.RedirectURIs, uri) {
		return target{u}, true
	}
	if !c.Native || u.Scheme != "http" || u.RawQuery != "" || u.ForceQuery || !isPort(u.Port()) {
		return target{}, false
	}
	for _, r := range c.RedirectURIs {
		registered, ok := plainURI(r)
		if !ok || registered.Scheme != "http" || !loopback(registered) || registered.RawQuery != "" ||
			u.Hostname() != registered.Hostname() || pathOf(u) != pathOf(registered) {
			continue
		}
		to := *registered
		to.Host = hostPort(registered.Hostname(), u.Port())
		return target{&to}, true
	}
	return target{}, false
}

// targetOf judges the URI of a request that has waited once more: its client may have
// changed meanwhile.
func (p *Provider) targetOf(req request) (target, bool) {
	c, ok := p.clients[req.ClientID]
	if !ok {
		return target{}, false
	}
	return c.redirectTarget(req.RedirectURI)
}

// plainURI reads a URI of printable ASCII without userinfo and fragment. What programs
// read in different ways is not looked at further: @, # and \ stand in none, not even
// where they would be harmless.
func plainURI(text string) (*url.URL, bool) {
	if len(text) > uriMax || strings.ContainsAny(text, `@#\`) || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, false
	}
	u, err := url.Parse(text)
	return u, err == nil && u.User == nil && u.Opaque == "" && u.Scheme != ""
}

// pathOf takes an empty path for the root, which it is in http (RFC 3986 6.2.3).
func pathOf(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

func isPort(s string) bool {
	if s == "" {
		return true
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

func hostPort(host, port string) string {
	if port != "" {
		return net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// with gives the target with these in its query.
func (t target) with(answer url.Values) string {
	u := *t.URL
	q := u.Query()
	for name, values := range answer {
		q[name] = values
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// form is where a form's answer may lead: Content-Security-Policy's form-action holds
// for redirects too. The zero target adds nothing.
func (t target) form() string {
	switch {
	case t.URL == nil:
		return ""
	case t.Scheme == "http" || t.Scheme == "https":
		return " " + t.Scheme + "://" + t.Host
	}
	return " " + t.Scheme + ":"
}

// redirect sends the browser back to the client, with state and, as announced, the
// issuer (RFC 9207 2).
func (p *Provider) redirect(w http.ResponseWriter, r *http.Request, to target, answer url.Values, state string) {
	if state != "" {
		answer.Set("state", state)
	}
	answer.Set("iss", p.cfg.Issuer)
	w.Header().Set("Cache-Control", "no-store")
	// 303, so that a form's content is not sent on (RFC 9700 4.12).
	http.Redirect(w, r, to.with(answer), http.StatusSeeOther)
}

// farewell is where the browser goes after a logout, if the URI is one of the client's
// that asked, byte for byte (RP-Initiated Logout 1.0, 3); else the zero target.
func (p *Provider) farewell(asked *op.EndSessionRequest, uri string) target {
	c, known := p.clients[asked.ClientID]
	if !known || !slices.Contains(c.Client.PostLogoutRedirectURIs, uri) {
		return target{}
	}
	u, ok := plainURI(uri)
	if !ok {
		return target{}
	}
	return target{u}
}
