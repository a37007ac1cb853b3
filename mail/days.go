package mail

import (
	"strings"
	"time"
)

// day is a date of the calendar, as a number that orders like dates do; 0 is none.
type day int

func dayOf(year int, month time.Month, d int) day { return day(year*10000 + int(month)*100 + d) }

func dayOfTime(t time.Time) day { return dayOf(t.Date()) }

func dayOfMicros(us int64) day { return dayOfTime(time.UnixMicro(us).UTC()) }

// dayKey compiles keys that compare days; nil for anything else.
func (c *compiler) dayKey(x Criteria) key {
	internal := func(m *Message) int64 { return m.InternalDate }
	saved := func(m *Message) int64 { return m.SaveDate }
	since := func(d, limit day) bool { return d >= limit }
	before := func(d, limit day) bool { return d < limit }
	on := func(d, limit day) bool { return d == limit }
	stored := func(of func(*Message) int64, is func(d, limit day) bool, t time.Time) key {
		limit := dayOfTime(t)
		return shallow(func(p *probe) bool { return is(dayOfMicros(of(p.message)), limit) })
	}
	sent := func(is func(d, limit day) bool, t time.Time) key {
		limit := dayOfTime(t)
		return deep{least: structureTier, most: structureTier, ask: func(p *probe, _ tier) (answer, error) {
			m, err := p.parsed()
			if err != nil {
				return no, err
			}
			d := sentDay(m.Envelope.Date)
			return answerOf(d != 0 && is(d, limit)), nil
		}}
	}
	switch x := x.(type) {
	case SearchSince:
		return stored(internal, since, time.Time(x))
	case SearchBefore:
		return stored(internal, before, time.Time(x))
	case SearchOn:
		return stored(internal, on, time.Time(x))
	case SearchSavedSince:
		return stored(saved, since, time.Time(x))
	case SearchSavedBefore:
		return stored(saved, before, time.Time(x))
	case SearchSavedOn:
		return stored(saved, on, time.Time(x))
	case SearchSentSince:
		return sent(since, time.Time(x))
	case SearchSentBefore:
		return sent(before, time.Time(x))
	case SearchSentOn:
		return sent(on, time.Time(x))
	}
	return nil
}

// sentDay finds the day in a Date field (RFC 5322 3.3, obsolete forms of 4.3
// included): a number, a month's name and a year that follow each other,
// whatever stands around them. Zone and time do not matter to SEARCH.
func sentDay(date string) day {
	words := strings.FieldsFunc(date[:min(len(date), 200)], func(r rune) bool {
		return r == ' ' || r == '\t' || r == ',' || r == '-' || r == '\r' || r == '\n'
	})
	for i := 0; i+2 < len(words); i++ {
		month := monthOf(words[i+1])
		d, ok := number(words[i])
		year, ok2 := number(words[i+2])
		if month == 0 || !ok || !ok2 || d < 1 || d > 31 || len(words[i+2]) < 2 {
			continue
		}
		switch n := len(words[i+2]); {
		case n == 2 && year < 50:
			year += 2000
		case n <= 3:
			year += 1900
		}
		return dayOf(year, month, d)
	}
	return 0
}

func number(s string) (n int, ok bool) {
	if s == "" || len(s) > 4 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func monthOf(s string) time.Month {
	for m := time.January; m <= time.December; m++ {
		if name := m.String(); strings.EqualFold(s, name[:3]) || strings.EqualFold(s, name) {
			return m
		}
	}
	return 0
}
