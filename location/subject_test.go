package location_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"fachwerk/location"
)

// named counts a town of another name.
type named struct {
	counter
	name string
}

func (n named) Count(ctx context.Context, of location.Of) (location.Counted, error) {
	c, err := n.counter.Count(ctx, of)
	c.Tenant = n.name
	return c, err
}

// older makes a report as it was before reports had a subject.
func older(t *testing.T, r *location.Reporter, number int64, previous string) (report location.Report, jws string) {
	t.Helper()
	report = location.Compose(r.Guard.Sites(), location.Counted{Tenant: "Stadt <Musterstadt>", Counts: []location.Count{{Kind: "mail", Items: 3, Site: "nord"}}}, nil)
	report.Number, report.Previous, report.Issued = number, previous, noon
	jws, err := r.Signer.Sign(report)
	if err != nil {
		t.Fatal(err)
	}
	return report, jws
}

// A chain is about one subject, whatever it is called, and reports of before have none.
func TestAChangeOfNameBreaksNoChain(t *testing.T) {
	r := reporter(t)
	ctx, of := t.Context(), location.Of{Tenant: 1}
	var files [][]byte
	previous := ""
	for number := int64(1); number <= 2; number++ {
		report, jws := older(t, r, number, previous)
		if err := r.Ledger.SaveReport(ctx, of, location.Kept{Number: number, At: noon, JWS: jws}); err != nil {
			t.Fatal(err)
		}
		previous = location.Digest(jws)
		file, err := location.JSON(report, jws)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	files = append(files, chain(t, r, 1)...)
	r.Counter = named{name: "Musterstadt am See"}
	files = append(files, chain(t, r, 2)...)
	reports, err := location.VerifyChain(files, r.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	subject := reports[4].Subject
	if subject == "" || reports[2].Subject != subject || reports[1].Subject != "" || reports[4].Tenant == reports[2].Tenant {
		t.Errorf("subjects %q, %q, %q", reports[1].Subject, reports[2].Subject, subject)
	}
	// Another tenant that bears the old name is another subject, and so is a person.
	r.Counter = named{name: "Stadt <Musterstadt>"}
	for _, of := range []location.Of{{Tenant: 2}, {Tenant: 1, Person: 2}} {
		stranger, _ := makeReport(t, r, of)
		if stranger.Subject == "" || stranger.Subject == subject {
			t.Errorf("%+v is the subject %q", of, stranger.Subject)
		}
		stranger.Number, stranger.Previous = 6, location.Digest(jwsOf(t, files[4]))
		jws, err := r.Signer.Sign(stranger)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := location.VerifyChain(append(slices.Clone(files), []byte(jws)), r.Signer.Public()); !errors.Is(err, location.ErrChain) || !strings.Contains(err.Error(), "somebody else") {
			t.Errorf("%+v: %v", of, err)
		}
	}
	// Without a subject the names tell.
	foreign, _ := older(t, r, 3, previous)
	foreign.Tenant = "Fremdstadt"
	jws, err := r.Signer.Sign(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := location.VerifyChain(append(files[:2:2], []byte(jws)), r.Signer.Public()); !errors.Is(err, location.ErrChain) {
		t.Errorf("reports of before about two towns: %v", err)
	}
}

func jwsOf(t *testing.T, file []byte) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(file), `"jws": "`)
	jws, _, ended := strings.Cut(rest, `"`)
	if !ok || !ended {
		t.Fatal("the file has no signature")
	}
	return jws
}

// A table of before, which has fewer columns, is still what was signed; one of today
// without them is not.
func TestTablesOfBefore(t *testing.T) {
	r := reporter(t)
	report, jws := older(t, r, 1, "")
	now, err := location.CSV(report, jws)
	if err != nil {
		t.Fatal(err)
	}
	shorter := func(table []byte, off string) []byte {
		records := strings.SplitAfter(string(table), "\r\n")
		for i := range records[:len(records)-2] {
			end := map[bool]string{true: ",standby,until,subject\r\n", false: off + "\r\n"}[i == 0]
			cut, ok := strings.CutSuffix(records[i], end)
			if !ok {
				t.Fatalf("record %q does not end in %q", records[i], end)
			}
			records[i] = cut + "\r\n"
		}
		return []byte(strings.Join(records, ""))
	}
	for name, table := range map[string][]byte{"now": now, "before": shorter(now, ",,,")} {
		if _, _, err := location.Open(table, r.Signer.Public()); err != nil {
			t.Errorf("%s: %v\n%s", name, err, table)
		}
	}
	report, jws = makeReport(t, r, location.Of{Tenant: 1})
	now, err = location.CSV(report, jws)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := location.Open(shorter(now, ",,,"+report.Subject), r.Signer.Public()); !errors.Is(err, location.ErrEdited) {
		t.Errorf("columns were taken out: %v", err)
	}
}
