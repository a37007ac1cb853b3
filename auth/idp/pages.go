package idp

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/text/language"

	"fachwerk/auth"
)

//go:embed pages
var files embed.FS

var templates = template.Must(template.ParseFS(files, "pages/*.html"))

// languages that the pages speak; the first is for everybody else.
var (
	languages = []language.Tag{language.German, language.English}
	matcher   = language.NewMatcher(languages)
)

// page is what the templates get.
type page struct {
	Lang  string
	Other string // the language to change to
	Name  string
	T     map[string]string // texts
	Error string            // one of the texts, or ""
	Body  string

	ID, Form, Address string
	Hidden            map[string]string
	May               []string // what a program would be allowed
}

// newPage chooses the language: what the person has chosen on the page, then the client's
// wish, then the browser's.
func (p *Provider) newPage(r *http.Request, wish string) page {
	_, n := language.MatchStrings(matcher, chosenLanguage(r), strings.ReplaceAll(wish, " ", ","), r.Header.Get("Accept-Language"))
	lang := languages[n].String()
	return page{Lang: lang, Other: languages[1-n].String(), Name: p.cfg.Name, T: texts[lang]}
}

// chosenLanguage is what the person has chosen by a link, which the form then carries on;
// "" for nothing that the pages speak.
func chosenLanguage(r *http.Request) string {
	name := r.PostForm.Get("language") // of a form that has been read
	if r.Method == http.MethodGet {
		name = r.URL.Query().Get("language")
	}
	if texts[name] == nil {
		return ""
	}
	return name
}

// render writes a page that nothing may frame, store or run scripts in.
func (p *Provider) render(w http.ResponseWriter, status int, name string, data page, formTargets string) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		p.log.Error("a page could not be made", "page", name, "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", data.Lang)
	h.Set("Vary", "Accept-Language")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'"+formTargets+
		"; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func (p *Provider) loginPage(w http.ResponseWriter, r *http.Request, status int, id string, req request, address, message string) {
	data := p.newPage(r, req.Locales)
	data.ID, data.Form, data.Address = id, p.formToken(w, r), address
	data.Error = data.T[message]
	to, _ := p.targetOf(req)
	p.render(w, status, "login.html", data, to.form())
}

func (p *Provider) logoutPage(w http.ResponseWriter, r *http.Request, raw *oidc.EndSessionRequest, to target) {
	data := p.newPage(r, "")
	data.Form = p.formToken(w, r)
	data.Hidden = map[string]string{
		"client_id": raw.ClientID, "post_logout_redirect_uri": raw.PostLogoutRedirectURI, "state": raw.State,
	}
	p.render(w, http.StatusOK, "logout.html", data, to.form())
}

// message shows one of the texts.
func (p *Provider) message(w http.ResponseWriter, r *http.Request, status int, text string) {
	data := p.newPage(r, "")
	data.Body = data.T[text]
	p.render(w, status, "message.html", data, "")
}

// fail shows what the browser, or its client, did wrong.
func (p *Provider) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	data := p.newPage(r, "")
	data.Error = data.T[text]
	p.render(w, status, "message.html", data, "")
}

// fault hides what went wrong here from the browser and tells it the log.
func (p *Provider) fault(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, auth.ErrHeld) {
		p.log.Warn("a person's session may not be kept", "path", r.URL.Path, "err", err)
		p.fail(w, r, http.StatusServiceUnavailable, "held")
		return
	}
	p.log.Error("the provider cannot answer", "path", r.URL.Path, "err", err)
	p.fail(w, r, http.StatusServiceUnavailable, "unavailable")
}

// home tells someone who opens the bare address what this is.
func (p *Provider) home(w http.ResponseWriter, r *http.Request) {
	p.message(w, r, http.StatusOK, "home")
}

func (p *Provider) style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	http.ServeFileFS(w, r, files, "pages/style.css")
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// texts of the pages, by language.
var texts = map[string]map[string]string{
	"de": {
		"title":       "Anmelden",
		"address":     "E-Mail-Adresse",
		"password":    "Passwort",
		"submit":      "Anmelden",
		"problem":     "Die Anmeldung hat nicht geklappt",
		"hint":        "Das ist Ihr persönliches Passwort, kein App-Passwort.",
		"denied":      "E-Mail-Adresse oder Passwort ist falsch.",
		"throttled":   "Zu viele Fehlversuche. Bitte versuchen Sie es in einigen Minuten noch einmal.",
		"busy":        "Gerade melden sich sehr viele an. Bitte versuchen Sie es gleich noch einmal.",
		"unavailable": "Die Anmeldung ist vorübergehend nicht möglich. Bitte versuchen Sie es später noch einmal.",
		"held":        "Es kann gerade nichts gespeichert werden: Der Speicherort Ihrer Verwaltung ist nicht so, wie er angegeben ist, oder das ist gerade nicht zu sehen. Bis es geklärt ist, kann sich niemand neu anmelden; nichts geht verloren. Fragen Sie den Betreiber.",
		"forged":      "Bitte senden Sie das Formular noch einmal ab. Ihr Browser muss dafür Cookies zulassen.",
		"expired":     "Diese Anmeldung ist abgelaufen oder wurde schon benutzt. Bitte beginnen Sie dort neu, wo Sie sich anmelden wollten.",
		"bad_request": "Die Anfrage ist unvollständig. Bitte beginnen Sie dort neu, wo Sie sich anmelden wollten.",
		"bad_client":  "Das Programm, das Sie hierher geschickt hat, ist hier nicht eingetragen. Bitte fragen Sie Ihre IT.",
		"bad_logout":  "Die Abmeldung ist so nicht möglich. Bitte schließen Sie den Browser.",
		"consent":     "Zugriff erlauben?",
		"consent_who": "Ein Programm auf diesem Gerät möchte zugreifen auf das Konto",
		"consent_may": "Es dürfte:",
		"consent_if":  "Erlauben Sie es nur, wenn Sie das Programm gerade selbst einrichten. Wenn Sie auf einen Link geklickt haben und hier gelandet sind, lehnen Sie ab.",
		"consent_yes": "Erlauben",
		"consent_no":  "Ablehnen",

		"may_mail.read":      "Ihre E-Mails lesen, ändern und löschen",
		"may_mail.send":      "in Ihrem Namen E-Mails senden",
		"may_calendar":       "Ihre Kalender lesen und ändern",
		"may_contacts":       "Ihre Kontakte lesen und ändern",
		"may_files":          "Ihre Dateien lesen, ändern und löschen",
		"may_admin":          "die ganze Installation verwalten, mit allen Verwaltungen und Konten",
		"may_openid":         "Ihren Namen und Ihre E-Mail-Adresse sehen",
		"may_offline_access": "das auch später, ohne dass Sie sich noch einmal anmelden",

		"logout":     "Abmelden",
		"logout_ask": "Möchten Sie sich abmelden?",
		"signed_out": "Sie sind abgemeldet.",
		"home":       "Hier melden Sie sich an, wenn das Portal oder Ihr E-Mail-Programm danach fragt. Bitte beginnen Sie dort.",
		"message":    "Hinweis",
		"failed":     "Das hat nicht geklappt",
	},
	"en": {
		"title":       "Sign in",
		"address":     "Email address",
		"password":    "Password",
		"submit":      "Sign in",
		"problem":     "Signing in did not work",
		"hint":        "This is your personal password, not an app password.",
		"denied":      "The email address or the password is wrong.",
		"throttled":   "Too many failed attempts. Please try again in a few minutes.",
		"busy":        "Very many people are signing in right now. Please try again in a moment.",
		"unavailable": "Signing in is not possible for the moment. Please try again later.",
		"held":        "Nothing can be saved right now: the place where your administration's data lies is not as it is declared, or cannot be seen to be. Until that is settled nobody can sign in anew; nothing is lost. Ask the operator.",
		"forged":      "Please send the form again. Your browser must accept cookies for this.",
		"expired":     "This sign-in has expired or has been used already. Please start again where you wanted to sign in.",
		"bad_request": "The request is incomplete. Please start again where you wanted to sign in.",
		"bad_client":  "The program that sent you here is not registered here. Please ask your IT.",
		"bad_logout":  "Signing out does not work this way. Please close the browser.",
		"consent":     "Allow access?",
		"consent_who": "A program on this device asks for access to the account",
		"consent_may": "It could:",
		"consent_if":  "Allow it only if you are setting up that program yourself right now. If you clicked a link and ended up here, refuse.",
		"consent_yes": "Allow",
		"consent_no":  "Refuse",

		"may_mail.read":      "read, change and delete your mail",
		"may_mail.send":      "send mail in your name",
		"may_calendar":       "read and change your calendars",
		"may_contacts":       "read and change your contacts",
		"may_files":          "read, change and delete your files",
		"may_admin":          "manage the whole installation, with all tenants and accounts",
		"may_openid":         "see your name and your email address",
		"may_offline_access": "do so later too, without you signing in again",

		"logout":     "Sign out",
		"logout_ask": "Do you want to sign out?",
		"signed_out": "You are signed out.",
		"home":       "This is where you sign in when the portal or your mail program asks you to. Please start there.",
		"message":    "Notice",
		"failed":     "That did not work",
	},
}
