package portal

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"fachwerk/auth"
	"fachwerk/location"
)

const (
	// reportsShown is how many reports a page lists.
	reportsShown = 20
	// reportEvery is how soon after a report the next one can be made: each is kept.
	reportEvery = time.Minute
)

// reportDone are what a page of data may be told, in its query, to say.
var reportDone = map[string]string{"made": "report.made", "recent": "report.recent"}

func (p *Portal) listReports(r *http.Request, page *dataPage, of location.Of) error {
	before, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	page.managed.Done = reportDone[r.URL.Query().Get("done")]
	list, err := p.c.Reporter.Ledger.Reports(r.Context(), of, before, reportsShown+1)
	if err != nil {
		return err
	}
	if len(list) > reportsShown {
		list = list[:reportsShown]
		page.Older = list[len(list)-1].Number
	}
	page.Reports = list
	key, err := location.PublicPEM(p.c.Reporter.Signer.Public())
	page.Key = string(key)
	return err
}

// makeReport makes the next signed report of a chain, and shows the list. What cannot be
// kept, because nothing of the tenant may be written now, is handed out at once.
func (p *Portal) makeReport(w http.ResponseWriter, r *http.Request, v *visitor, of location.Of, base string) {
	last, err := p.c.Reporter.Ledger.LastReport(r.Context(), of)
	done := "made"
	switch {
	case err == nil && p.c.Now().Sub(last.At).Abs() < reportEvery:
		done = "recent"
	case err == nil || errors.Is(err, location.ErrNoReport):
		var made location.Kept
		if _, made, err = p.c.Reporter.Make(r.Context(), of); err == nil && made.Number == 0 {
			p.log.Warn("portal: a report was handed out and not kept: writes of the tenant are refused now")
			p.handOut(w, r, v, of, made, "html")
			return
		}
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	http.Redirect(w, r, base+"?done="+done, http.StatusSeeOther)
}

// render writes a report that was kept in the form that is asked for.
func renderReport(kept location.Kept, public ed25519.PublicKey, format string, l lang) (mediaType string, text []byte, err error) {
	if format == "jws" {
		return "application/jose", []byte(kept.JWS + "\n"), nil
	}
	report, err := location.VerifyJWS(kept.JWS, public)
	if err != nil {
		return "", nil, err
	}
	switch format {
	case "json":
		text, err = location.JSON(report, kept.JWS)
		return "application/json", text, err
	case "csv":
		text, err = location.CSV(report, kept.JWS)
		return "text/csv; charset=utf-8", text, err
	case "html":
		text, err = location.HTML(report, kept.JWS, string(l))
		return "text/html; charset=utf-8", text, err
	}
	return "", nil, auth.ErrNotFound
}

// fetchReport hands out a report of a chain as a file.
func (p *Portal) fetchReport(w http.ResponseWriter, r *http.Request, v *visitor, of location.Of) {
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil || number < 1 {
		p.fail(w, r, v, auth.ErrNotFound)
		return
	}
	list, err := p.c.Reporter.Ledger.Reports(r.Context(), of, number+1, 1)
	if err == nil && (len(list) == 0 || list[0].Number != number) {
		err = auth.ErrNotFound
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.handOut(w, r, v, of, list[0], r.PathValue("format"))
}

// handOut answers a signed report as a file in a format.
func (p *Portal) handOut(w http.ResponseWriter, r *http.Request, v *visitor, of location.Of, kept location.Kept, format string) {
	mediaType, text, err := renderReport(kept, p.c.Reporter.Signer.Public(), format, p.language(r, p.look(r.Context(), v).language))
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	name := "bericht"
	if of.Person == 0 {
		name = "bericht-verwaltung"
	}
	number := strconv.FormatInt(kept.Number, 10)
	if kept.Number == 0 {
		number = kept.At.UTC().Format("2006-01-02T150405Z")
	}
	p.file(w, mediaType, fmt.Sprintf("%s-%s.%s", name, number, format), text)
}

// reportKey hands out the key that verifies reports.
func (p *Portal) reportKey(w http.ResponseWriter, r *http.Request) {
	key, err := location.PublicPEM(p.c.Reporter.Signer.Public())
	if err != nil {
		p.fail(w, r, p.known(r), err)
		return
	}
	p.file(w, "application/x-pem-file", "key.pem", key)
}

// file answers what is to be saved and not shown.
func (p *Portal) file(w http.ResponseWriter, mediaType, name string, text []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, _ = w.Write(text) // a browser that has gone needs no answer
}
