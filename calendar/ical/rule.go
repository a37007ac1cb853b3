package ical

import (
	"math"
	"slices"
	"time"
)

// A budget bounds the work of one question: periods looked at and times made.
type budget struct{ left int }

// maxWork fits a DAILY rule with COUNT over 700 years, or an HOURLY one over 30,
// and takes some tens of milliseconds.
const maxWork = 1 << 18

func (b *budget) spend(n int) error {
	if b.left -= n; b.left < 0 {
		return ErrTooManyInstances
	}
	return nil
}

// lastClock ends every rule: the years of iCalendar have four digits.
const lastClock = int64(2932896+1)*day - 1

// A rule is a Recur made ready for a start: what the rule leaves open is taken
// from DTSTART (RFC 5545 3.3.10). Times are clock times of the start's zone.
type rule struct {
	*Recur
	start int64
	date  bool // DTSTART is a DATE: the time of day is midnight

	startYear, startMonth int
	monthDays             []int // BYMONTHDAY or its default
	weekdayAny            [7]bool
	nth                   []Weekday // BYDAY entries whose ordinal counts
	anyWeekday            bool      // no BYDAY
	nthInYear             bool
	offsets               []int32 // seconds after each base of a period
}

func newRule(r *Recur, start moment) *rule {
	if start.date && r.Freq < Daily {
		r = daysOnly(r)
	}
	c := &rule{Recur: r, start: start.clock, date: start.date, monthDays: r.ByMonthDay}
	startDay := int(floorDiv(start.clock, day))
	var dom int
	c.startYear, c.startMonth, dom = dateOf(startDay)

	byDay := r.ByDay
	if r.Freq >= Weekly && len(r.ByYearDay)+len(r.ByMonthDay)+len(r.ByDay) == 0 {
		switch {
		case r.Freq == Weekly, len(r.ByWeekNo) > 0:
			byDay = []Weekday{{Day: weekday(startDay)}}
		case r.Freq == Monthly:
			c.monthDays = []int{dom}
		default:
			c.monthDays = []int{dom}
			if len(r.ByMonth) == 0 {
				copied := *r
				copied.ByMonth = []int{c.startMonth}
				c.Recur = &copied
			}
		}
	}
	c.anyWeekday = len(byDay) == 0
	for _, d := range byDay {
		if d.Ordinal == 0 || r.Freq < Monthly || len(r.ByWeekNo) > 0 {
			c.weekdayAny[d.Day] = true
		} else {
			c.nth = append(c.nth, d)
		}
	}
	c.nthInYear = r.Freq == Yearly && len(r.ByMonth) == 0
	c.offsets = c.timesOfPeriod()
	return c
}

// daysOnly makes a rule for a DATE of one that counts in hours or less.
func daysOnly(r *Recur) *Recur {
	unit := map[Freq]int{Hourly: 3600, Minutely: 60, Secondly: 1}[r.Freq]
	copied := *r
	copied.ByHour, copied.ByMinute, copied.BySecond, copied.BySetPos = nil, nil, nil, nil
	copied.Freq, copied.Interval = Daily, max(1, r.Interval*unit/day)
	return &copied
}

// timesOfPeriod returns the seconds after the base of a period (day, hour,
// minute) at which instances lie.
func (c *rule) timesOfPeriod() []int32 {
	if c.date {
		return []int32{0}
	}
	inDay := floorMod(c.start, day)
	hours, minutes, seconds := c.ByHour, c.ByMinute, c.BySecond
	if len(hours) == 0 {
		hours = []int{int(inDay / 3600)}
	}
	if len(minutes) == 0 {
		minutes = []int{int(inDay / 60 % 60)}
	}
	if len(seconds) == 0 {
		seconds = []int{int(inDay % 60)}
	}
	switch c.Freq {
	case Secondly:
		return []int32{0}
	case Minutely:
		hours, minutes = []int{0}, []int{0}
	case Hourly:
		hours = []int{0}
	}
	list := make([]int32, 0, len(hours)*len(minutes)*len(seconds))
	for _, h := range hours {
		for _, m := range minutes {
			for _, s := range seconds {
				list = append(list, int32(h*3600+m*60+s))
			}
		}
	}
	return list
}

// A cursor walks through the times of a rule in order.
type cursor struct {
	*rule
	work   *budget
	until  int64 // last clock time; math.MaxInt64 without one
	period int64 // the next period to look at: see seek
	count  int   // instances so far
	last   int64
	over   bool

	bases []int64 // of the current period: days, or hours, minutes, seconds; sorted
	picks []int   // BYSETPOS: indexes into bases times offsets
	at    int
}

// cursor begins at DTSTART, which is the first of the rule where it matches it.
func (c *rule) cursor(until int64, work *budget) *cursor {
	k := &cursor{rule: c, work: work, until: min(until, lastClock), last: c.start - 1}
	k.period = k.periodOf(c.start)
	return k
}

// periodOf returns the period of a clock time: a year (that of the week, with
// BYWEEKNO), a month counted from year
// 0, the day on which a week begins, a day, or an hour counted from 1970.
func (c *rule) periodOf(clock int64) int64 {
	d := int(floorDiv(clock, day))
	year, month, _ := dateOf(d)
	switch c.Freq {
	case Yearly:
		if len(c.ByWeekNo) > 0 {
			year, _ = c.weekYear(d, year)
		}
		return int64(year)
	case Monthly:
		return int64(year*12 + month - 1)
	case Weekly:
		return int64(d - floorMod(weekday(d)-c.WeekStart, 7))
	case Daily:
		return int64(d)
	}
	return floorDiv(clock, 3600)
}

// step returns how far periods of the rule lie apart in what periodOf counts.
func (c *rule) step() int64 {
	switch c.Freq {
	case Weekly:
		return 7 * int64(c.Interval)
	case Minutely, Secondly:
		return 1 // the interval is seen within the hour
	}
	return int64(c.Interval)
}

// seek moves to the last period that begins at or before clock, or one earlier.
// A rule with COUNT has to be walked from its start.
func (k *cursor) seek(clock int64) {
	if k.Count > 0 || clock <= k.start {
		return
	}
	first := k.periodOf(k.start)
	n := floorDiv(k.periodOf(min(clock, lastClock))-first, k.step()) - 1
	k.period = max(k.period, first+n*k.step())
}

// next returns the next time; false at the end.
func (k *cursor) next() (clock int64, ok bool, err error) {
	for {
		for k.at < k.size() {
			clock := k.element(k.at)
			k.at++
			if err := k.work.spend(1); err != nil {
				return 0, false, err
			}
			if clock <= k.last {
				continue
			}
			if clock > k.until || k.Count > 0 && k.count >= k.Count {
				k.over = true
				return 0, false, nil
			}
			k.count++
			k.last = clock
			return clock, true, nil
		}
		if k.over {
			return 0, false, nil
		}
		if err := k.fill(); err != nil {
			return 0, false, err
		}
	}
}

func (k *cursor) size() int {
	if len(k.BySetPos) > 0 {
		return len(k.picks)
	}
	return len(k.bases) * len(k.offsets)
}

func (k *cursor) element(i int) int64 {
	if len(k.BySetPos) > 0 {
		i = k.picks[i]
	}
	return k.bases[i/len(k.offsets)] + int64(k.offsets[i%len(k.offsets)])
}

// fill makes the bases of the next period and steps on.
func (k *cursor) fill() error {
	k.at, k.bases = 0, k.bases[:0]
	p := k.period
	k.period += k.step()
	var begin int64
	looked := 1
	switch k.Freq {
	case Yearly:
		begin = int64(min(daysTo(int(p), 1, 1), k.firstWeek(int(p)))) * day
		looked = k.year(int(p))
	case Monthly:
		year, month := int(floorDiv(p, 12)), int(floorMod(p, 12))+1
		begin = int64(daysTo(year, month, 1)) * day
		looked = k.month(year, month)
	case Weekly:
		begin = p * day
		for d := int(p); d < int(p)+7; d++ {
			k.day(d)
		}
	case Daily:
		begin = p * day
		k.day(int(p))
	default:
		begin = p * 3600
		k.hour(p)
	}
	if begin > k.until {
		k.over = true
		k.bases = k.bases[:0]
	}
	if len(k.BySetPos) > 0 {
		k.pick()
	}
	return k.work.spend(1 + looked/8)
}

// pick finds the elements that BYSETPOS names, in each set of the period.
func (k *cursor) pick() {
	k.picks = k.picks[:0]
	size, sets := len(k.bases)*len(k.offsets), 1
	if k.Freq < Hourly { // a set for each minute or second
		size, sets = len(k.offsets), len(k.bases)
	}
	for set := range sets {
		for _, pos := range k.BySetPos {
			if pos < 0 {
				pos += size + 1
			}
			if pos >= 1 && pos <= size {
				k.picks = append(k.picks, set*size+pos-1)
			}
		}
	}
	slices.Sort(k.picks)
	k.picks = slices.Compact(k.picks)
}

// year makes the days of a year that match, and tells how many it looked at.
func (k *cursor) year(year int) (looked int) {
	if len(k.ByWeekNo) > 0 {
		// The weeks of a year may begin in the one before and end in the next.
		for d := k.firstWeek(year); d < k.firstWeek(year+1); d++ {
			k.day(d)
			looked++
		}
		return looked
	}
	if len(k.ByMonth) > 0 {
		for _, m := range k.ByMonth {
			looked += k.month(year, m)
		}
		return looked
	}
	for m := 1; m <= 12; m++ {
		looked += k.month(year, m)
	}
	return looked
}

// month makes the days of a month that match, SKIP's among them.
func (k *cursor) month(year, month int) (looked int) {
	if len(k.ByMonth) > 0 && !slices.Contains(k.ByMonth, month) {
		return 1
	}
	first := daysTo(year, month, 1)
	length := daysIn(year, month)
	newYear := daysTo(year, 1, 1)
	begun := len(k.bases)
	for dom := 1; dom <= length; dom++ {
		if k.matches(first+dom-1, year, dom, length, first+dom-newYear) {
			k.bases = append(k.bases, int64(first+dom-1)*day)
		}
	}
	if k.Skip != SkipOmit && len(k.monthDays) > 0 && slices.Max(k.monthDays) > length {
		moved := first + length - 1 // backward
		if k.Skip == SkipForward {
			moved++
		}
		if base := int64(moved) * day; k.onWeekday(moved, 1, 31, 1, 366) && !slices.Contains(k.bases[begun:], base) {
			k.bases = append(k.bases, base)
		}
	}
	return length
}

// day adds a day if it matches; for rules that go by weeks or less.
func (k *cursor) day(d int) bool {
	year, month, dom := dateOf(d)
	if len(k.ByMonth) > 0 && !slices.Contains(k.ByMonth, month) {
		return false
	}
	if !k.matches(d, year, dom, daysIn(year, month), d-daysTo(year, 1, 1)+1) {
		return false
	}
	k.bases = append(k.bases, int64(d)*day)
	return true
}

// matches applies all BY parts about days but BYMONTH.
func (c *rule) matches(d, year, dom, monthLength, yearDay int) bool {
	if len(c.monthDays) > 0 && !slices.Contains(c.monthDays, dom) && !slices.Contains(c.monthDays, dom-monthLength-1) {
		return false
	}
	length := yearLength(year)
	if len(c.ByYearDay) > 0 && !slices.Contains(c.ByYearDay, yearDay) && !slices.Contains(c.ByYearDay, yearDay-length-1) {
		return false
	}
	if !c.onWeekday(d, dom, monthLength, yearDay, length) {
		return false
	}
	return len(c.ByWeekNo) == 0 || c.inWeek(d, year)
}

func (c *rule) onWeekday(d, dom, monthLength, yearDay, yearLength int) bool {
	if c.anyWeekday {
		return true
	}
	w := weekday(d)
	if c.weekdayAny[w] {
		return true
	}
	if c.nthInYear {
		dom, monthLength = yearDay, yearLength
	}
	for _, n := range c.nth {
		if n.Day == w && (n.Ordinal == (dom-1)/7+1 || -n.Ordinal == (monthLength-dom)/7+1) {
			return true
		}
	}
	return false
}

// inWeek applies BYWEEKNO: weeks as in ISO 8601, begun on WKST.
func (c *rule) inWeek(d, year int) bool {
	year, begin := c.weekYear(d, year)
	n := (d-begin)/7 + 1
	total := (c.firstWeek(year+1) - begin) / 7
	return slices.Contains(c.ByWeekNo, n) || slices.Contains(c.ByWeekNo, n-total-1)
}

// weekYear returns the year to which the week of a day belongs, the day itself
// lying in year, and the first day of that year's first week.
func (c *rule) weekYear(d, year int) (weekYear, begin int) {
	begin = c.firstWeek(year)
	if d < begin {
		return year - 1, c.firstWeek(year - 1)
	}
	if next := c.firstWeek(year + 1); d >= next {
		return year + 1, next
	}
	return year, begin
}

// firstWeek returns the first day of week 1: the first one with four days in
// the year.
func (c *rule) firstWeek(year int) int {
	newYear := daysTo(year, 1, 1)
	into := floorMod(weekday(newYear)-c.WeekStart, 7)
	if into <= 3 {
		return newYear - into
	}
	return newYear + 7 - into
}

// hour makes the hour, minutes or seconds within an hour that match, and lets
// the next period be the next that may match.
func (k *cursor) hour(p int64) {
	d := floorDiv(p, 24)
	hour := int(floorMod(p, 24))
	matched := k.day(int(d))
	k.bases = k.bases[:0]
	if !matched {
		k.skipTo((d + 1) * 24)
		return
	}
	if len(k.ByHour) > 0 && !slices.Contains(k.ByHour, hour) {
		return
	}
	begin := p * 3600
	var unit int64
	switch k.Freq {
	case Hourly:
		k.bases = append(k.bases, begin)
		return
	case Minutely:
		unit = 60
	default:
		unit = 1
	}
	// The first minute or second of the hour that is a multiple of the interval
	// away from the start.
	interval := int64(k.Interval) * unit
	origin := floorDiv(k.start, unit) * unit
	at := begin + floorMod(origin-begin, interval)
	if at >= begin+3600 {
		k.skipTo(floorDiv(at, 3600))
		return
	}
	for ; at < begin+3600; at += interval {
		if len(k.ByMinute) > 0 && !slices.Contains(k.ByMinute, int(floorMod(at, 3600)/60)) ||
			k.Freq == Secondly && len(k.BySecond) > 0 && !slices.Contains(k.BySecond, int(floorMod(at, 60))) {
			continue
		}
		k.bases = append(k.bases, at)
	}
}

// skipTo makes the first period of the rule at or after an hour the next one.
func (k *cursor) skipTo(hour int64) {
	if step := k.step(); hour > k.period {
		k.period += (hour - k.period + step - 1) / step * step
	}
}

// untilClock returns the last clock time that UNTIL allows on the start's
// clock.
func (r *Recur) untilClock(start moment, floating *time.Location) int64 {
	switch {
	case !r.HasUntil:
		return math.MaxInt64
	case r.until.date: // the whole day, as some programs mean it for times too
		return r.until.clock + day - 1
	case start.date || r.until.zone == nil:
		return r.until.clock
	}
	return clockOf(r.until.clock, start.in(floating))
}
