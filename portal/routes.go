package portal

import (
	"net/http"
	"strings"
)

// BackChannelPath is where the provider posts logout tokens, below URL.
const BackChannelPath = "/logout/back-channel"

// CallbackPath is the redirect URI's path, below URL.
const CallbackPath = "/login/callback"

// An issuer that a tenant has for its own has a redirect URI and a logout URI of its
// own: behind these comes its auth.ClientName.
const (
	IssuerCallbackPath    = "/oidc/callback/"
	IssuerBackChannelPath = "/oidc/logout/"
)

// bodyMax bounds a request in bytes; a logout token is the largest.
const bodyMax = 256 << 10

func (p *Portal) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.start)
	mux.HandleFunc("GET /login", once(p.login))
	mux.HandleFunc("POST /login", p.loginByAddress)
	mux.HandleFunc("GET "+CallbackPath, once(p.callback))
	mux.HandleFunc("GET "+IssuerCallbackPath+"{issuer}", once(p.callback))
	mux.HandleFunc("GET /setup/{client}", p.setup)
	mux.HandleFunc("GET /service/{kind}", p.service)
	mux.HandleFunc("GET /devices", p.signedIn(p.devices))
	mux.HandleFunc("POST /devices", p.signedIn(p.form(p.makeAppPassword)))
	mux.HandleFunc("POST /devices/{id}/end", p.signedIn(p.form(p.endAppPassword)))
	mux.HandleFunc("POST /programs/{id}/end", p.signedIn(p.form(p.endProgram)))
	mux.HandleFunc("POST /sessions/end", p.signedIn(p.form(p.endAll)))
	mux.HandleFunc("POST /sessions/{id}/end", p.signedIn(p.form(p.endSession)))
	mux.HandleFunc("POST /apple-profile", p.signedIn(p.form(p.makeProfile)))
	mux.HandleFunc("GET /apple-profile/{ticket}", once(p.signedIn(p.fetchProfile)))
	mux.HandleFunc("GET /data", p.signedIn(p.data))
	mux.HandleFunc("POST /data/reports", p.signedIn(p.form(p.newReport(personChain))))
	mux.HandleFunc("GET /data/reports/{number}/{format}", p.signedIn(p.report(personChain)))
	mux.HandleFunc("GET /data/key.pem", p.reportKey)
	mux.HandleFunc("GET /language/{language}", p.chooseLanguage)
	mux.HandleFunc("GET /logo/{name}", p.logo)
	if p.hasTenants() {
		p.manageRoutes(mux)
	}
	if p.c.Trash != nil {
		mux.HandleFunc("GET /trash", p.signedIn(p.trash))
		mux.HandleFunc("GET /trash/restore", toTrash) // who reloads the answer to the form
		mux.HandleFunc("POST /trash/restore", p.signedIn(p.form(p.restore)))
		mux.HandleFunc("GET /trash/remove", p.signedIn(p.confirmRemove))
		mux.HandleFunc("POST /trash/remove", p.signedIn(p.form(p.removeTrashed)))
		mux.HandleFunc("GET /trash/empty", p.signedIn(p.confirmEmpty))
		mux.HandleFunc("POST /trash/empty", p.signedIn(p.form(p.emptyTrash)))
	}
	mux.HandleFunc("POST /logout", p.signedIn(p.form(p.logout)))
	mux.HandleFunc("GET /.well-known/autoconfig/mail/config-v1.1.xml", p.autoconfig)
	mux.HandleFunc("GET /mail/config-v1.1.xml", p.autoconfig)
	mux.HandleFunc("GET /static/{file}", p.static)
	mux.HandleFunc("/", p.unknown)

	// Other sites' forms are refused before anything reads them.
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.message(w, r, nil, http.StatusForbidden, "error.form")
	}))
	outer := http.NewServeMux()
	// The provider's own post comes from no browser of ours and proves itself.
	outer.Handle("POST "+BackChannelPath, p.c.RelyingParty.BackChannel())
	outer.Handle("POST "+IssuerBackChannelPath+"{issuer}", p.c.RelyingParty.BackChannel())
	outer.Handle("/", guard.Handler(mux))
	return p.headers(outer)
}

// once is for pages whose reading has an effect: a HEAD, which a GET pattern
// lets through, would use up what the person is about to fetch.
func once(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		next(w, r)
	}
}

// policy keeps pages from running or embedding anything that is not theirs.
// Forms stay here: an answer to one never redirects to another origin, see
// Portal.onward.
var policy = strings.Join([]string{
	"default-src 'none'", "style-src 'self'", "img-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
}, "; ")

// headers go with every answer.
func (p *Portal) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if p.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r.Body = http.MaxBytesReader(w, r.Body, bodyMax)
		next.ServeHTTP(w, r)
	})
}
