package message

import (
	"strconv"
	"strings"
	"time"
)

// ParseDate reads the body of a Date field (RFC 5322 3.3 and 4.3) for SENTBEFORE, SORT and the like, leniently: the
// day of the week is not looked at, white space and comments may stand anywhere, years may have two digits, the time
// of day may lack, and a zone that is not known counts as UTC. The zone is kept, as the day that IMAP compares is the
// one written (RFC 9051 6.4.4, SENTON).
func ParseDate(body string) (time.Time, bool) {
	const longest = 256
	words := dateWords(body[:min(len(body), longest)])
	day, month, year := 0, time.Month(0), -1
	clock, zone := -1, time.UTC
	for i, w := range words {
		switch {
		case strings.Contains(w, ":") && clock < 0:
			clock = parseClock(w)
			if clock < 0 {
				return time.Time{}, false
			}
			if i+1 < len(words) {
				zone = parseZone(words[i+1])
			}
		case month == 0 && monthNumber(w) > 0:
			month = monthNumber(w)
		case day == 0 && len(w) <= 2 && isNumber(w):
			day, _ = strconv.Atoi(w)
		case month > 0 && year < 0 && len(w) <= 4 && isNumber(w):
			year = parseYear(w)
		}
	}
	if day < 1 || month == 0 || year < 0 {
		return time.Time{}, false
	}
	t := time.Date(year, month, day, 0, 0, max(clock, 0), 0, zone)
	if t.Day() != day && clock < 24*60*60 { // 31 February
		return time.Time{}, false
	}
	return t, true
}

// dateWords divides a date at white space, commas and hyphens between words. Comments go, and so does white space
// round colons (obs-hour and the like).
func dateWords(s string) []string {
	var plain strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '(' {
			i, _ = skipComment(s, i)
			plain.WriteByte(' ')
			continue
		}
		c := s[i]
		if c == ',' || isSpace(c) || c == '-' && i > 0 && s[i-1] != '-' && !isSpace(s[i-1]) {
			c = ' '
		}
		plain.WriteByte(c)
		i++
	}
	words := strings.Fields(plain.String())
	joined := words[:0]
	for _, w := range words {
		if n := len(joined); n > 0 && (w[0] == ':' || strings.HasSuffix(joined[n-1], ":")) {
			joined[n-1] += w
			continue
		}
		joined = append(joined, w)
	}
	return joined
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// monthNumber returns the month whose English name w begins, or is, or 0.
func monthNumber(w string) time.Month {
	if len(w) < 3 {
		return 0
	}
	for m := time.January; m <= time.December; m++ {
		if name := m.String(); len(w) <= len(name) && strings.EqualFold(w, name[:len(w)]) {
			return m
		}
	}
	return 0
}

// parseYear reads a year of two, three or four digits (RFC 5322 4.3).
func parseYear(w string) int {
	year, _ := strconv.Atoi(w)
	switch {
	case len(w) <= 2 && year < 50:
		return year + 2000
	case len(w) <= 3:
		return year + 1900
	}
	return year
}

// parseClock reads hours, minutes and seconds and returns seconds, -1 if they are none.
func parseClock(w string) int {
	fields := strings.Split(w, ":")
	if len(fields) > 3 {
		return -1
	}
	total := 0
	for i, most := range []int{23, 59, 60} {
		n := 0
		if i < len(fields) {
			var err error
			if n, err = strconv.Atoi(fields[i]); err != nil || n < 0 || n > most {
				return -1
			}
		}
		total = total*60 + n
	}
	return total
}

// parseZone reads a numeric zone or one of RFC 5322 4.3's names.
func parseZone(w string) *time.Location {
	if len(w) == 5 && (w[0] == '+' || w[0] == '-') && isNumber(w[1:]) {
		n, _ := strconv.Atoi(w[1:])
		seconds := (n/100*60 + n%100) * 60
		if w[0] == '-' {
			seconds = -seconds
		}
		if seconds != 0 && n%100 < 60 && n < 2400 {
			return time.FixedZone("", seconds)
		}
		return time.UTC
	}
	hours := 0
	switch strings.ToUpper(w) {
	case "EDT":
		hours = -4
	case "EST", "CDT":
		hours = -5
	case "CST", "MDT":
		hours = -6
	case "MST", "PDT":
		hours = -7
	case "PST":
		hours = -8
	case "CET", "MEZ":
		hours = 1
	case "CEST", "MESZ":
		hours = 2
	default:
		return time.UTC
	}
	return time.FixedZone("", hours*60*60)
}
