package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	textlang "golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// lang is a language the pages come in.
type lang string

const (
	german  lang = "de"
	english lang = "en"
)

var matcher = textlang.NewMatcher([]textlang.Tag{textlang.German, textlang.English})

// known reads a language's name.
func known(name string) (lang, bool) {
	l := lang(name)
	return l, l == german || l == english
}

// language is what the person has chosen, else what the browser asks for, else what
// is usual in their administration, else German.
func (p *Portal) language(r *http.Request, usual lang) lang {
	if l, ok := known(p.cookie(r, "language")); ok {
		return l
	}
	if l, ok := asked(r); ok {
		return l
	}
	if usual != "" {
		return usual
	}
	return german
}

// asked is the language that the browser asks for, if it is one of ours.
func asked(r *http.Request) (lang, bool) {
	tags, _, err := textlang.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return "", false
	}
	_, i, confidence := matcher.Match(tags...)
	if confidence == textlang.No {
		return "", false
	}
	return []lang{german, english}[i], true
}

// languageFor is how long a choice of language is kept, seconds.
const languageFor = 365 * 24 * 60 * 60

// chooseLanguage keeps a person's choice and goes back to the page.
func (p *Portal) chooseLanguage(w http.ResponseWriter, r *http.Request) {
	l, ok := known(r.PathValue("language"))
	if !ok {
		p.unknown(w, r)
		return
	}
	p.setCookie(w, "language", string(l), languageFor)
	http.Redirect(w, r, localPath(r.URL.Query().Get("return")), http.StatusSeeOther)
}

// localPath lets only a path of this origin pass, and makes all else the first page.
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || len(to) > 2000 || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsAny(to, "\\") || strings.ContainsFunc(to, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "/"
	}
	return to
}

// text is a sentence in the reader's language. A key that is missing shows
// itself; a test sees to it that none is.
func (l lang) text(key string, args ...any) string {
	s, ok := texts[key]
	if !ok {
		return key
	}
	format := s.de
	if l == english {
		format = s.en
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// when names a time: with the year only if it is another than now's.
func (l lang) when(at, now time.Time) string {
	if at.IsZero() {
		return l.text("never")
	}
	zone := "" // people take a time for their own
	if name, _ := at.Zone(); name == "UTC" {
		zone = " (UTC)"
	}
	switch {
	case l == german && at.Year() == now.Year():
		return at.Format("2.1., 15:04 Uhr") + zone
	case l == german:
		return at.Format("2.1.2006, 15:04 Uhr") + zone
	case at.Year() == now.Year():
		return at.Format("2 Jan, 15:04") + zone
	}
	return at.Format("2 Jan 2006, 15:04") + zone
}

// bytes is a size in units of 1,000, as disks are sold.
func (l lang) bytes(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + "\u00a0B"
	}
	value, unit := float64(n), ""
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if value /= 1000; value < 999.5 || u == "TB" {
			unit = u
			break
		}
	}
	s := strconv.FormatFloat(value, 'f', 1, 64)
	if l == german {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s + "\u00a0" + unit
}

// gigabytes writes a quota as people type it, in units of 1,000; no limit is nothing.
func (l lang) gigabytes(n int64) string {
	if n <= 0 {
		return ""
	}
	s := strconv.FormatFloat(float64(n)/1e9, 'f', 2, 64)
	s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	if l == german {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}

// maxGigabytes bounds a quota.
const maxGigabytes = 1_000_000

// parseGigabytes reads a quota in either language's writing; nothing is no limit.
func parseGigabytes(s string) (bytes int64, ok bool) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, true
	}
	if len(s) > 20 || strings.Trim(s, "0123456789,.") != "" || strings.Count(s, ",")+strings.Count(s, ".") > 1 {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	if err != nil || n > maxGigabytes || n*1e9 < 1 {
		return 0, false // 0 would be no limit, which nobody means by it
	}
	return int64(n * 1e9), true
}

// number groups digits by three.
func (l lang) number(n int64) string {
	s := strconv.FormatInt(n, 10)
	mark := ","
	if l == german {
		mark = "."
	}
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + mark + s[i:]
	}
	return s
}

// amount counts what a kind is made of: messages, events, contacts or files; "all"
// counts them together.
func (l lang) amount(kind string, n int64) string {
	if n == 1 {
		return l.text("amount." + kind + ".one")
	}
	return l.text("amount."+kind, l.number(n))
}

// kinds joins the names of kinds: "A, B und C".
func (l lang) kinds(list []string) string {
	words := make([]string, len(list))
	for i, k := range list {
		words[i] = l.text("kind." + k)
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + l.text("and") + words[n-1]
	}
	return strings.Join(words, "")
}

// country names an ISO 3166-1 code in the reader's language.
func (l lang) country(code string) string {
	region, err := textlang.ParseRegion(code)
	if err != nil {
		return code
	}
	return display.Regions(textlang.Make(string(l))).Name(region)
}
