package ical

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Freq is the FREQ of a recurrence rule.
type Freq int

// The frequencies, from the shortest to the longest.
const (
	Secondly Freq = iota + 1
	Minutely
	Hourly
	Daily
	Weekly
	Monthly
	Yearly
)

// A Weekday is a BYDAY entry: a day of the week, and which one of the month or
// year (negative: counted from the end; 0: each).
type Weekday struct {
	Ordinal int
	Day     int // 0 is Monday
}

// Skip says what becomes of dates that do not exist (RFC 7529 4.1).
type Skip int

// The values of SKIP.
const (
	SkipOmit Skip = iota
	SkipBackward
	SkipForward
)

// A Recur is a RECUR value (RFC 5545 3.3.10, with SKIP of RFC 7529). Lists are
// sorted and without repetitions.
type Recur struct {
	Freq     Freq
	Interval int
	Count    int // 0: no COUNT

	HasUntil bool
	until    moment

	BySecond, ByMinute, ByHour               []int
	ByDay                                    []Weekday
	ByMonthDay, ByYearDay, ByWeekNo, ByMonth []int
	BySetPos                                 []int
	WeekStart                                int // WKST; 0 is Monday
	Skip                                     Skip
}

// ErrScale says that a rule counts in another calendar than the Gregorian one
// (RFC 7529), which is not supported.
var ErrScale = errors.New("ical: RSCALE is not GREGORIAN")

var errRecur = errors.New("a recurrence rule that is none")

// ParseRecur reads a RECUR value. Empty and unknown parts are passed over, as
// programs write them; values that mean nothing are errors. ErrScale for a RSCALE other than GREGORIAN.
func ParseRecur(s string) (*Recur, error) {
	r := &Recur{Interval: 1}
	if len(s) > 10_000 {
		return nil, fmt.Errorf("%w: it is too long", errRecur)
	}
	for part := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(part, "=")
		name = strings.ToUpper(strings.TrimSpace(name))
		value = strings.ToUpper(strings.TrimSpace(value))
		if value == "" {
			continue
		}
		if err := r.part(name, value); err != nil {
			return nil, err
		}
	}
	if r.Freq == 0 {
		return nil, fmt.Errorf("%w: it has no FREQ", errRecur)
	}
	return r, nil
}

func (r *Recur) part(name, value string) (err error) {
	switch name {
	case "FREQ":
		r.Freq = map[string]Freq{"SECONDLY": Secondly, "MINUTELY": Minutely, "HOURLY": Hourly, "DAILY": Daily,
			"WEEKLY": Weekly, "MONTHLY": Monthly, "YEARLY": Yearly}[value]
		if r.Freq == 0 {
			return fmt.Errorf("%w: its FREQ is unknown", errRecur)
		}
	case "INTERVAL":
		r.Interval, err = number(value, 0, 100_000_000)
		r.Interval = max(r.Interval, 1) // some programs write 0
	case "COUNT":
		var n int
		n, err = number(value, -1, 1_000_000_000)
		switch {
		case n > 0:
			r.Count = n
		case n == 0 && err == nil:
			r.Count = 1 // DTSTART counts always
		} // -1: some programs mean none by it
	case "UNTIL":
		if r.until, err = parseMoment(value, nil); err != nil {
			return fmt.Errorf("%w: its UNTIL is no date or time", errRecur)
		}
		r.HasUntil = true
	case "BYSECOND":
		if r.BySecond, err = numbers(value, 0, 60); err == nil {
			for i := range r.BySecond {
				r.BySecond[i] = min(r.BySecond[i], 59)
			}
			r.BySecond = slices.Compact(r.BySecond)
		}
	case "BYMINUTE":
		r.ByMinute, err = numbers(value, 0, 59)
	case "BYHOUR":
		r.ByHour, err = numbers(value, 0, 23)
	case "BYDAY":
		r.ByDay, err = weekdays(value)
	case "BYMONTHDAY":
		r.ByMonthDay, err = signed(value, 31)
	case "BYYEARDAY":
		r.ByYearDay, err = signed(value, 366)
	case "BYWEEKNO":
		r.ByWeekNo, err = signed(value, 53)
	case "BYMONTH":
		r.ByMonth, err = numbers(value, 1, 12)
	case "BYSETPOS":
		r.BySetPos, err = signed(value, 366)
	case "WKST":
		var days []Weekday
		if days, err = weekdays(value); err == nil {
			if len(days) != 1 || days[0].Ordinal != 0 {
				return fmt.Errorf("%w: its WKST is no day of the week", errRecur)
			}
			r.WeekStart = days[0].Day
		}
	case "RSCALE":
		if value != "GREGORIAN" && value != "GREGORY" {
			return ErrScale
		}
	case "SKIP":
		skip, ok := map[string]Skip{"OMIT": SkipOmit, "BACKWARD": SkipBackward, "FORWARD": SkipForward}[value]
		if !ok {
			return fmt.Errorf("%w: its SKIP is unknown", errRecur)
		}
		r.Skip = skip
	}
	return err
}

func number(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%w: a number is out of range", errRecur)
	}
	return n, nil
}

func numbers(s string, low, high int) ([]int, error) {
	var list []int
	for part := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		n, err := number(part, low, high)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// signed reads numbers from 1 to high and -high to -1.
func signed(s string, high int) ([]int, error) {
	list, err := numbers(s, -high, high)
	if err == nil && slices.Contains(list, 0) {
		return nil, fmt.Errorf("%w: a number is 0", errRecur)
	}
	return list, err
}

func weekdays(s string) ([]Weekday, error) {
	var list []Weekday
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		at := len(part) - 2
		if at < 0 {
			return nil, fmt.Errorf("%w: a day of the week is unknown", errRecur)
		}
		index := strings.Index("MOTUWETHFRSASU", part[at:])
		if index < 0 || index%2 != 0 {
			return nil, fmt.Errorf("%w: a day of the week is unknown", errRecur)
		}
		d := Weekday{Day: index / 2}
		if at > 0 {
			n, err := number(part[:at], -53, 53)
			if err != nil {
				return nil, err
			}
			d.Ordinal = n
		}
		if !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	return list, nil
}

// Until returns UNTIL with floating times in the zone floating; false without
// one.
func (r *Recur) Until(floating *time.Location) (Time, bool) {
	if !r.HasUntil {
		return Time{}, false
	}
	return Time{Time: r.until.at(floating), Floating: r.until.zone == nil, Date: r.until.date}, true
}
