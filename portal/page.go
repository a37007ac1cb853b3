package portal

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"fachwerk/auth"
	"fachwerk/location"
)

//go:embed pages/*.html
var pageFiles embed.FS

// parsePages parses every page with the frame, once for each language.
func (p *Portal) parsePages() error {
	list, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		return err
	}
	p.pages = map[lang]map[string]*template.Template{}
	for _, l := range []lang{german, english} {
		p.pages[l] = map[string]*template.Template{}
		for _, file := range list {
			name := strings.TrimSuffix(strings.TrimPrefix(file, "pages/"), ".html")
			if name == "frame" {
				continue
			}
			t, err := template.New("frame.html").Funcs(p.funcs(l)).ParseFS(pageFiles, "pages/frame.html", file)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			p.pages[l][name] = t
		}
	}
	return nil
}

// funcs are what pages say and write numbers with, in one language.
func (p *Portal) funcs(l lang) template.FuncMap {
	return template.FuncMap{
		"t":       l.text,
		"when":    func(at time.Time) string { return l.when(at.In(p.c.Zone), p.c.Now().In(p.c.Zone)) },
		"exact":   func(at time.Time) string { return l.when(at.In(p.c.Zone), time.Time{}) }, // with the year, for paper
		"bytes":   l.bytes,
		"number":  l.number,
		"amount":  l.amount,
		"kinds":   l.kinds,
		"country": l.country,
		"say":     func(o interface{ Sentence(string) string }) string { return o.Sentence(string(l)) },
		"join":    func(list []string) string { return strings.Join(list, ", ") },
		"right":   func(name string) string { return l.text(rightKeys[name]) },
		"static":  staticPath,
	}
}

// content is what every page gets.
type content struct {
	Lang    lang
	Look    look
	Other   lang     // the language to change to
	Here    string   // path of this page, to come back to
	Page    string   // name, for the navigation
	Kinds   []string // services, for the navigation
	Trash   bool     // there is a page for it
	Visitor *visitor
	Manages bool // there are pages to manage the tenant
	// Managing says that this is one of them.
	Managing bool
	Done     string // text key of what was just done, for the title; "" for nothing
	Token    string // of forms
	Data     any
}

// render writes a page in the reader's language. It is built in full first, so
// that an error never leaves half a page.
func (p *Portal) render(w http.ResponseWriter, r *http.Request, v *visitor, status int, page string, data any) {
	shown := p.look(r.Context(), v)
	l := p.language(r, shown.language)
	all := content{
		Lang: l, Look: shown, Other: english, Here: "/", Page: page, Kinds: p.kinds(), Trash: p.c.Trash != nil,
		Visitor: v, Manages: p.manages(v), Token: p.formToken(v), Data: data,
	}
	if m, ok := data.(interface{ inside() bool }); ok {
		all.Managing = m.inside()
	}
	if d, ok := data.(interface{ done() string }); ok {
		all.Done = d.done()
	}
	if l == english {
		all.Other = german
	}
	switch {
	case r.Method == http.MethodGet:
		all.Here = r.URL.RequestURI()
	case status == http.StatusUnprocessableEntity: // a form has the path of its page
		all.Here = r.URL.Path
	}
	var b bytes.Buffer
	err := p.pages[l][page].Execute(&b, all)
	if err != nil {
		p.log.Error("portal: page failed", "page", page, "err", err)
		http.Error(w, "Interner Fehler. / Internal error.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(l))
	h.Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a browser that has gone needs no answer
}

// message shows one sentence; key names it, key+".what" says what to do.
func (p *Portal) message(w http.ResponseWriter, r *http.Request, v *visitor, status int, key string) {
	p.render(w, r, v, status, "message", key)
}

// onward answers a form by a page that goes on to target at once. A redirect
// would not do: browsers hold all redirects of a form against form-action, and
// nobody knows through which origins a provider leads.
func (p *Portal) onward(w http.ResponseWriter, r *http.Request, target string) {
	w.Header().Set("Refresh", "0;url="+target)
	p.render(w, r, nil, http.StatusOK, "onward", target)
}

// faults are what a person is told of an error.
var faults = []struct {
	err    error
	status int
	key    string
}{
	// Before what may work later by itself.
	{location.ErrElsewhere, http.StatusServiceUnavailable, "error.elsewhere"},
	{location.ErrMismatch, http.StatusServiceUnavailable, "error.elsewhere"},
	{auth.ErrUnknownSubject, http.StatusForbidden, "error.unknown"},
	{auth.ErrState, http.StatusBadRequest, "error.state"},
	{auth.ErrRefused, http.StatusForbidden, "error.refused"},
	{auth.ErrStale, http.StatusForbidden, "error.stale"},
	{auth.ErrTooMany, http.StatusConflict, "error.many"},
	{auth.ErrMalformed, http.StatusBadRequest, "error.name"},
	{auth.ErrNotFound, http.StatusNotFound, "error.gone"},
	{auth.ErrThrottled, http.StatusTooManyRequests, "error.throttled"},
	{auth.ErrUnavailable, http.StatusServiceUnavailable, "error.unavailable"},
	{auth.ErrDenied, http.StatusForbidden, "error.denied"},
	{ErrReadOnly, http.StatusForbidden, "error.readonly"},
	{ErrBusy, http.StatusConflict, "error.busy"},
	{ErrElsewhere, http.StatusServiceUnavailable, "error.elsewhere"},
	{ErrOperator, http.StatusForbidden, "error.operator"},
	{auth.ErrTaken, http.StatusConflict, "error.taken"},
}

// fail says to the person what happened, and to the log why. The log gets the
// route and not the path, which may hold a ticket.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, v *visitor, err error) {
	status, key := http.StatusInternalServerError, "error.internal"
	for _, f := range faults {
		if errors.Is(err, f.err) {
			status, key = f.status, f.key
			break
		}
	}
	switch {
	case r.Context().Err() != nil: // the browser has gone
		p.log.Debug("portal: request broken off", "route", r.Pattern, "err", err)
	case status >= http.StatusInternalServerError:
		p.log.Error("portal: request failed", "route", r.Pattern, "err", err)
	default:
		p.log.Info("portal: request refused", "route", r.Pattern, "err", err)
	}
	p.message(w, r, v, status, key)
}

func (p *Portal) unknown(w http.ResponseWriter, r *http.Request) {
	p.message(w, r, p.known(r), http.StatusNotFound, "error.page")
}
