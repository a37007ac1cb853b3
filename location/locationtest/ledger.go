package locationtest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"fachwerk/location"
)

// LedgerSuite runs all tests of the ledger's contract. open makes an empty ledger in
// which the sites "nord" and "sued" and the tenants and persons of the chains given
// are known; the chains must differ.
func LedgerSuite(t *testing.T, open func(t *testing.T) (l location.Ledger, one, other location.Of)) {
	for name, test := range map[string]func(*testing.T, location.Ledger, location.Of, location.Of){
		"EmptyLedger":      emptyLedger,
		"Observations":     observations,
		"AllFields":        allFields,
		"Standing":         standing,
		"History":          history,
		"HistoryOnce":      historyOnce,
		"Chain":            chain,
		"ChainsAreApart":   chainsAreApart,
		"OneOfManyReports": oneOfManyReports,
	} {
		t.Run(name, func(t *testing.T) {
			l, one, other := open(t)
			if one == other {
				t.Fatal("the two chains are one")
			}
			test(t, l, one, other)
		})
	}
}

// instant is a time as the ledger keeps it: UTC, in microseconds.
func instant(minute int) time.Time {
	return time.Date(2026, 11, 22, 8, minute, 0, 123456000, time.UTC)
}

func observation(site string, check location.Check, subject string, since, at int) location.Observation {
	return location.Observation{
		Site: site, Part: location.Database, Check: check, Subject: subject, State: location.Matches,
		Finding: location.Inside, Seen: "10.1.2.3", Since: instant(since), At: instant(at),
	}
}

func save(t *testing.T, l location.Ledger, site string, run ...location.Observation) {
	t.Helper()
	if err := l.SaveObservations(t.Context(), site, run); err != nil {
		t.Fatal(err)
	}
}

// same compares lists; an empty one and none are the same.
func same[T any](t *testing.T, what string, got, want []T) {
	t.Helper()
	if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func wantLast(t *testing.T, l location.Ledger, site string, want ...location.Observation) {
	t.Helper()
	got, err := l.LastObservations(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "last of "+site, got, want)
}

func wantHistory(t *testing.T, l location.Ledger, site string, before time.Time, limit int, want ...location.Observation) {
	t.Helper()
	got, err := l.History(t.Context(), site, before, limit)
	if err != nil {
		t.Fatal(err)
	}
	same(t, fmt.Sprintf("history of %s before %s, %d", site, before, limit), got, want)
}

func emptyLedger(t *testing.T, l location.Ledger, one, _ location.Of) {
	wantLast(t, l, "nord")
	wantHistory(t, l, "nord", instant(59), 10)
	if _, err := l.LastReport(t.Context(), one); !errors.Is(err, location.ErrNoReport) {
		t.Errorf("LastReport: %v", err)
	}
	if list, err := l.Reports(t.Context(), one, 0, 10); err != nil || len(list) > 0 {
		t.Errorf("Reports: %v, %v", list, err)
	}
}

func observations(t *testing.T, l location.Ledger, _, _ location.Of) {
	a, b := observation("nord", location.Addresses, "z.example", 1, 1), observation("nord", location.Addresses, "a.example", 1, 1)
	save(t, l, "nord", a, b)
	wantLast(t, l, "nord", a, b) // in their order
	wantLast(t, l, "sued")
	later := observation("nord", location.Addresses, "a.example", 1, 2)
	save(t, l, "nord", later)
	wantLast(t, l, "nord", later) // the run before is replaced whole
	save(t, l, "nord")
	wantLast(t, l, "nord")
}

// standing: a difference stays in what was seen last until it is settled, whoever saves.
func standing(t *testing.T, l location.Ledger, _, _ location.Of) {
	differs := observation("nord", location.System, "", 1, 1)
	differs.State, differs.Finding = location.Differs, location.Changed
	save(t, l, "nord", differs)
	unseen := observation("nord", location.System, "", 2, 2)
	unseen.State, unseen.Finding = location.NotObserved, location.Unseen
	save(t, l, "nord", unseen)
	stands := differs
	stands.Tried = instant(2)
	wantLast(t, l, "nord", stands)
	wantHistory(t, l, "nord", instant(59), 10, unseen, differs)
	save(t, l, "nord") // nothing was looked at
	wantLast(t, l, "nord", stands)
	earlier := observation("nord", location.System, "", 0, 0) // by whoever was slow to save it
	save(t, l, "nord", earlier)
	stands.Tried = earlier.At
	if last, err := l.LastObservations(t.Context(), "nord"); err != nil || len(last) != 1 || last[0].State != location.Differs {
		t.Errorf("what was seen before settled a difference: %+v, %v", last, err)
	}
	matches := observation("nord", location.System, "", 3, 3)
	save(t, l, "nord", matches)
	wantLast(t, l, "nord", matches)
}

func allFields(t *testing.T, l location.Ledger, _, _ location.Of) {
	o := location.Observation{
		Site: "sued", Part: location.Objects, Check: location.Identity, Subject: "Grüße 'und' \"mehr\"", State: location.Differs,
		Finding: location.Changed, Declared: "alt", Remembered: true, Seen: "neu", Evidence: "asked: answered\nasked: no answer: away",
		Since: instant(1), At: instant(1),
	}
	save(t, l, "sued", o)
	wantLast(t, l, "sued", o)
	wantHistory(t, l, "sued", instant(2), 1, o)
}

func history(t *testing.T, l location.Ledger, _, _ location.Of) {
	first := observation("nord", location.Addresses, "", 1, 1)
	other := observation("nord", location.System, "", 1, 1)
	save(t, l, "nord", first, other)
	save(t, l, "nord", observation("nord", location.Addresses, "", 1, 2)) // nothing new
	second := observation("nord", location.Addresses, "", 3, 3)
	save(t, l, "nord", second)
	save(t, l, "sued", observation("sued", location.Addresses, "", 3, 3))
	wantHistory(t, l, "nord", instant(59), 10, second, other, first)
	wantHistory(t, l, "nord", instant(59), 1, second)
	wantHistory(t, l, "nord", instant(3), 10, other, first)
	wantHistory(t, l, "nord", instant(1), 10)
}

func historyOnce(t *testing.T, l location.Ledger, _, _ location.Of) {
	one, two := observation("nord", location.Addresses, "a", 1, 1), observation("nord", location.Addresses, "b", 1, 1)
	save(t, l, "nord", one, two)
	save(t, l, "nord", one, two)
	wantHistory(t, l, "nord", instant(59), 10, two, one)
}

func kept(number int64, jws string) location.Kept {
	return location.Kept{Number: number, At: instant(int(number)), JWS: jws}
}

func chain(t *testing.T, l location.Ledger, one, _ location.Of) {
	for _, number := range []int64{0, 2} {
		if err := l.SaveReport(t.Context(), one, kept(number, "x")); !errors.Is(err, location.ErrOutdated) {
			t.Errorf("a chain that begins with %d: %v", number, err)
		}
	}
	for number := int64(1); number <= 3; number++ {
		if err := l.SaveReport(t.Context(), one, kept(number, fmt.Sprint("report ", number))); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []int64{1, 3, 5} {
		if err := l.SaveReport(t.Context(), one, kept(number, "x")); !errors.Is(err, location.ErrOutdated) {
			t.Errorf("report %d after 3: %v", number, err)
		}
	}
	if last, err := l.LastReport(t.Context(), one); err != nil || last != kept(3, "report 3") {
		t.Errorf("%+v, %v", last, err)
	}
	for before, want := range map[int64][]location.Kept{
		0: {kept(3, "report 3"), kept(2, "report 2")},
		3: {kept(2, "report 2"), kept(1, "report 1")},
		1: nil,
	} {
		list, err := l.Reports(t.Context(), one, before, 2)
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprint("reports before ", before), list, want)
	}
}

func chainsAreApart(t *testing.T, l location.Ledger, one, other location.Of) {
	if err := l.SaveReport(t.Context(), one, kept(1, "of one")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.LastReport(t.Context(), other); !errors.Is(err, location.ErrNoReport) {
		t.Errorf("the other chain has begun: %v", err)
	}
	if err := l.SaveReport(t.Context(), other, kept(1, "of other")); err != nil {
		t.Fatal(err)
	}
	if last, err := l.LastReport(t.Context(), one); err != nil || last.JWS != "of one" {
		t.Errorf("%+v, %v", last, err)
	}
}

// oneOfManyReports: of those who make the same report at the same time, one keeps it.
func oneOfManyReports(t *testing.T, l location.Ledger, one, _ location.Of) {
	const many = 8
	var making sync.WaitGroup
	results := make([]error, many)
	for i := range many {
		making.Go(func() { results[i] = l.SaveReport(t.Context(), one, kept(1, fmt.Sprint("by ", i))) })
	}
	making.Wait()
	done := 0
	for _, err := range results {
		switch {
		case err == nil:
			done++
		case !errors.Is(err, location.ErrOutdated):
			t.Errorf("%v", err)
		}
	}
	if done != 1 {
		t.Errorf("%d of %d kept the first report", done, many)
	}
}
