package portal

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"

	textlang "golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"fachwerk/auth"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static/*
var staticFolder embed.FS

func staticFiles() http.Handler {
	sub, err := fs.Sub(staticFolder, "static")
	if err != nil {
		panic(err) // embedded at build time
	}
	files := http.FileServerFS(sub)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		files.ServeHTTP(w, r)
	})
}

// pages are parsed once; each page with the frame.
var pages = func() map[string]*template.Template {
	list, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		panic(err)
	}
	parsed := map[string]*template.Template{}
	for _, file := range list {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "pages/"), ".html")
		if name == "frame" {
			continue
		}
		parsed[name] = template.Must(template.New("frame.html").Funcs(template.FuncMap{
			"t": func(string, ...any) string { return "" }, "when": func(time.Time) string { return "" },
			"bytes": func(int64) string { return "" }, "number": func(int64) string { return "" },
			"country": func(string) string { return "" },
		}).ParseFS(pageFiles, "pages/frame.html", file))
	}
	return parsed
}()

// content is what every page gets.
type content struct {
	Lang    lang
	Page    string // name, for the navigation
	Visitor *visitor
	Token   string // of forms
	Data    any
}

// render writes a page in the reader's language. It is built in full first, so
// that an error never leaves half a page.
func (p *Portal) render(w http.ResponseWriter, r *http.Request, v *visitor, status int, page string, data any) {
	l := language(r)
	t, err := pages[page].Clone()
	if err == nil {
		t.Funcs(template.FuncMap{
			"t":       l.text,
			"when":    func(at time.Time) string { return l.when(at.In(p.c.Zone), p.c.Now().In(p.c.Zone)) },
			"bytes":   l.bytes,
			"number":  l.number,
			"country": l.country,
		})
		var b bytes.Buffer
		if err = t.Execute(&b, content{Lang: l, Page: page, Visitor: v, Token: p.formToken(v), Data: data}); err == nil {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Language", string(l))
			w.Header().Set("Vary", "Accept-Language, Cookie")
			w.WriteHeader(status)
			w.Write(b.Bytes())
			return
		}
	}
	p.log.Error("page failed", "page", page, "err", err)
	http.Error(w, "Interner Fehler. / Internal error.", http.StatusInternalServerError)
}

// message shows one sentence; key names it, key+".what" says what to do.
func (p *Portal) message(w http.ResponseWriter, r *http.Request, v *visitor, status int, key string) {
	p.render(w, r, v, status, "message", key)
}

// fail says to the person what happened, and to the log why.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, v *visitor, err error) {
	switch {
	case errors.Is(err, auth.ErrUnknownSubject):
		p.message(w, r, v, http.StatusForbidden, "error.unknown")
	case errors.Is(err, auth.ErrState):
		p.message(w, r, v, http.StatusBadRequest, "error.state")
	case errors.Is(err, auth.ErrRefused):
		p.message(w, r, v, http.StatusForbidden, "error.refused")
	case errors.Is(err, auth.ErrStale):
		p.message(w, r, v, http.StatusForbidden, "error.stale")
	case errors.Is(err, auth.ErrTooMany):
		p.message(w, r, v, http.StatusConflict, "error.many")
	case errors.Is(err, auth.ErrMalformed):
		p.message(w, r, v, http.StatusBadRequest, "error.name")
	case errors.Is(err, auth.ErrNotFound):
		p.message(w, r, v, http.StatusNotFound, "error.gone")
	case errors.Is(err, auth.ErrUnavailable):
		p.log.Error("portal: a part is unavailable", "path", r.URL.Path, "err", err)
		p.message(w, r, v, http.StatusServiceUnavailable, "error.unavailable")
	case errors.Is(err, auth.ErrDenied):
		p.log.Warn("portal: sign-in denied", "err", err)
		p.message(w, r, v, http.StatusForbidden, "error.denied")
	default:
		p.log.Error("portal: request failed", "path", r.URL.Path, "err", err)
		p.message(w, r, v, http.StatusInternalServerError, "error.internal")
	}
}

func (p *Portal) unknown(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r.Context(), r)
	if err != nil {
		v = nil
	}
	p.message(w, r, v, http.StatusNotFound, "error.page")
}

// country names an ISO 3166-1 code in the reader's language.
func (l lang) country(code string) string {
	region, err := textlang.ParseRegion(code)
	if err != nil {
		return code
	}
	return display.Regions(textlang.Make(string(l))).Name(region)
}
