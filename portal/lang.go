package portal

import (
	"fmt"
	"net/http"
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

// language is what the browser asks for; German if it asks for neither.
func language(r *http.Request) lang {
	tags, _, err := textlang.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return german
	}
	if _, i, confidence := matcher.Match(tags...); i == 1 && confidence != textlang.No {
		return english
	}
	return german
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
	switch {
	case l == german && at.Year() == now.Year():
		return at.Format("2.1., 15:04 Uhr")
	case l == german:
		return at.Format("2.1.2006, 15:04 Uhr")
	case at.Year() == now.Year():
		return at.Format("2 Jan, 15:04")
	}
	return at.Format("2 Jan 2006, 15:04")
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
