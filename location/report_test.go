package location_test

import (
	"context"
	"crypto/ed25519"
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"fachwerk/internal/testenv/need"
	"fachwerk/location"
	"fachwerk/location/locationtest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// town is a site with a standby and a bucket that is copied.
func town() location.Site {
	networks := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	return location.Site{Name: "nord", Operator: "Kommunale IT Musterland", Country: "DE", Place: "Musterstadt", Networks: networks,
		Standbys: []location.Standby{{Name: "b", Operator: "Kommunale IT Nachbarland", Country: "AT", Place: "Nachbarstadt", Networks: networks}},
		Objects:  location.ObjectsClaim{Bucket: "nord", ReplicatesTo: []string{"vault"}}}
}

// seen is what a verification of town has found.
func seen() []location.Observation {
	one := func(part location.Part, check location.Check, subject string, state location.State, finding location.Finding, seen string) location.Observation {
		return location.Observation{Site: "nord", Part: part, Check: check, Subject: subject, State: state, Finding: finding, Seen: seen,
			Declared: "10.1.0.0/16", Evidence: "asked: <answered>", Since: noon, At: noon}
	}
	return []location.Observation{
		one(location.Database, location.Addresses, "db.example", location.Matches, location.Inside, "10.1.0.5"),
		one(location.Database, location.Addresses, "connection in use", location.Matches, location.Inside, "10.1.0.5"),
		one(location.Database, location.System, "", location.Matches, location.First, "711"),
		one(location.Database, location.Identity, "", location.Matches, location.First, "key"),
		one(location.Database, location.Standbys, "b", location.Matches, location.StandbyDeclared, "10.1.0.6"),
		one(location.Database, location.Standbys, "copy", location.Differs, location.StandbyUndeclared, "192.0.2.1"),
		one(location.Objects, location.Addresses, "s3.example", location.NotObserved, location.Unseen, ""),
		one(location.Objects, location.Replication, "vault", location.NotObserved, location.Unseen, ""),
	}
}

// counter counts a small town.
type counter struct{}

func (counter) Count(_ context.Context, of location.Of) (location.Counted, error) {
	c := location.Counted{Tenant: "Stadt <Musterstadt>", Counts: []location.Count{
		{Kind: "mail", Items: 1234567, Bytes: 9876543210, Site: "nord", Part: location.Objects, Store: "S3"},
		{Kind: "mail", Items: 12, Bytes: 3456, Site: "nord", Part: location.Database, Store: "PostgreSQL"},
		{Kind: "calendar", Items: 7, Bytes: 890, Site: "lost", Part: location.Database, Store: "PostgreSQL"},
	}}
	if of.Person != 0 {
		c.Person = "=anna@musterstadt.example"
	}
	return c, nil
}

func reporter(t *testing.T) *location.Reporter {
	t.Helper()
	g, err := location.New([]location.Site{town()})
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := location.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	l := locationtest.NewMemory()
	if err := l.SaveObservations(t.Context(), "nord", seen()); err != nil {
		t.Fatal(err)
	}
	return &location.Reporter{Issuer: "mail.musterland.example", Guard: g, Ledger: l, Counter: counter{}, Signer: s, Now: func() time.Time { return noon }}
}

func makeReport(t *testing.T, r *location.Reporter, of location.Of) (location.Report, string) {
	t.Helper()
	report, kept, err := r.Make(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	return report, kept.JWS
}

func TestRowsSayWhatIsKnown(t *testing.T) {
	report, _ := makeReport(t, reporter(t), location.Of{Tenant: 1})
	if len(report.Rows) != 3 || len(report.Observations) != len(seen()) || len(report.Notes) == 0 {
		t.Fatalf("%+v", report)
	}
	lost, database, objects := report.Rows[0], report.Rows[1], report.Rows[2]
	if lost.Site != "lost" || lost.Operator != "" || lost.State != location.Differs {
		t.Errorf("an undeclared site: %+v", lost)
	}
	if database.State != location.Differs || database.CopiesState != location.Differs || database.Operator != "Kommunale IT Musterland" || !strings.Contains(database.Evidence, "10.1.0.5") || !database.EvidenceAt.Equal(noon) {
		t.Errorf("%+v", database)
	}
	if c := database.Copies; len(c) != 2 || c[0].Name != "b" || c[0].Country != "AT" || c[0].State != location.Matches ||
		c[1].Name != "copy" || c[1].Country != "" || c[1].State != location.Differs {
		t.Errorf("copies %+v", c)
	}
	if objects.Observed() || objects.State != location.NotObserved || objects.CopiesState != location.NotObserved || len(objects.Copies) != 1 || objects.Copies[0].State != location.NotObserved {
		t.Errorf("%+v", objects)
	}
}

// What was not seen is not reported as seen: each of the things without which a site is
// not verified makes a row one that is declared only.
func TestRowsClaimNoMoreThanWasSeen(t *testing.T) {
	count := location.Counted{Counts: []location.Count{{Kind: "mail", Site: "nord", Part: location.Database}}}
	state := func(run []location.Observation) location.State {
		run = slices.DeleteFunc(slices.Clone(run), func(o location.Observation) bool { return o.Finding == location.StandbyUndeclared })
		return location.Compose([]location.Site{town()}, count, run).Rows[0].State
	}
	if got := state(seen()); got != location.Matches {
		t.Fatalf("all was seen: %s", got)
	}
	for i, o := range seen() {
		run := slices.Delete(slices.Clone(seen()), i, i+1)
		want := location.Matches
		if o.Check == location.System || o.Subject == "connection in use" {
			want = location.NotObserved
		}
		if got := state(run); got != want {
			t.Errorf("without %s %s: %s, want %s", o.Check, o.Subject, got, want)
		}
	}
	if got := state(nil); got != location.NotObserved {
		t.Errorf("nothing was seen: %s", got)
	}
}

// refusing is a ledger at a site where nothing may be written.
type refusing struct {
	location.Ledger
	err error
}

func (r refusing) SaveReport(context.Context, location.Of, location.Kept) error { return r.err }

// While writes are refused a report is made and signed all the same: it is the proof.
func TestAReportThatCannotBeKept(t *testing.T) {
	r := reporter(t)
	files := chain(t, r, 2)
	kept := r.Ledger
	var loose [][]byte
	for _, err := range []error{location.ErrMismatch, location.ErrElsewhere} {
		r.Ledger = refusing{kept, fmt.Errorf("temporary: %w", err)}
		report, signed, failed := r.Make(t.Context(), location.Of{Tenant: 1})
		if failed != nil || report.Number != 0 || signed.Number != 0 || !slices.Contains(report.Notes, location.NoteUnkept) {
			t.Fatalf("%+v, %v", report, failed)
		}
		last, failed := kept.LastReport(t.Context(), location.Of{Tenant: 1})
		if failed != nil || last.Number != 2 || report.Previous != location.Digest(last.JWS) {
			t.Errorf("%+v, %v: it names %s", last, failed, report.Previous)
		}
		for _, language := range []string{"de", "en"} {
			page, failed := location.HTML(report, signed.JWS, language)
			if failed != nil || !strings.Contains(string(page), map[string]string{"de": "nicht aufbewahrt", "en": "not kept"}[language]) {
				t.Errorf("the page does not say so: %v\n%s", failed, page)
			}
			loose = append(loose, page)
		}
	}
	r.Ledger = refusing{kept, errBroken}
	if _, _, err := r.Make(t.Context(), location.Of{Tenant: 1}); !errors.Is(err, errBroken) {
		t.Errorf("a ledger that is broken: %v", err)
	}
	r.Ledger = kept
	files = append(files, chain(t, r, 1)...) // goes on where it was
	public := r.Signer.Public()
	reports, err := location.VerifyChain(append([][]byte{loose[0], loose[1]}, files...), public)
	if err != nil || len(reports) != 5 || reports[2].Number != 3 || reports[3].Number != 0 {
		t.Errorf("%+v, %v", reports, err)
	}
	if _, err := location.VerifyChain(loose[:1], public); err != nil {
		t.Errorf("alone: %v", err)
	}
	_, other := makeReport(t, r, location.Of{Tenant: 1, Person: 2})
	if _, err := location.VerifyChain([][]byte{[]byte(other), loose[0]}, public); !errors.Is(err, location.ErrChain) {
		t.Errorf("of somebody else: %v", err)
	}
}

func TestFilesAndSignatures(t *testing.T) {
	r := reporter(t)
	report, jws := makeReport(t, r, location.Of{Tenant: 1, Person: 2})
	public := r.Signer.Public()
	other, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"jws": []byte(jws + "\n")}
	for name, make := range map[string]func() ([]byte, error){
		"json": func() ([]byte, error) { return location.JSON(report, jws) },
		"csv":  func() ([]byte, error) { return location.CSV(report, jws) },
		"de":   func() ([]byte, error) { return location.HTML(report, jws, "de") },
		"en":   func() ([]byte, error) { return location.HTML(report, jws, "en") },
	} {
		if files[name], err = make(); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		got, token, err := location.Open(text, public)
		if err != nil || token != jws || got.Number != 1 || got.Person != "=anna@musterstadt.example" || len(got.Rows) != 3 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if _, _, err := location.Open(text, other); !errors.Is(err, location.ErrSignature) {
			t.Errorf("%s: another key: %v", name, err)
		}
		if name == "jws" {
			continue
		}
		edited := strings.Replace(string(text), "1234567", "1234568", 1)
		if name == "json" || name == "csv" {
			if _, _, err := location.Open([]byte(edited), public); !errors.Is(err, location.ErrEdited) {
				t.Errorf("%s: edited: %v", name, err)
			}
		} else if strings.Contains(string(text), "<Musterstadt>") || strings.Contains(string(text), "<answered>") || strings.Contains(string(text), "ZgotmplZ") {
			t.Errorf("%s: names are not escaped", name)
		}
	}
	if !strings.Contains(string(files["de"]), "1.234.567") || !strings.Contains(string(files["en"]), "1,234,567") ||
		!strings.Contains(string(files["de"]), "angegeben, nicht beobachtet") {
		t.Error("the pages do not speak their languages")
	}
	reader := csv.NewReader(strings.NewReader(string(files["csv"])))
	reader.FieldsPerRecord = -1
	records, err := reader.ReadAll()
	if err != nil || len(records) != 5 || records[1][3] != "'=anna@musterstadt.example" {
		t.Errorf("%d records, %v", len(records), err)
	}
}

// A token that is signed rightly but for something else, or wrongly, is no report.
func TestForgedTokens(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(alg jose.SignatureAlgorithm, key any, typ string) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := s.Sign([]byte(`{"number":1}`))
		if err != nil {
			t.Fatal(err)
		}
		token, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := sign(jose.EdDSA, private, "fachwerk-location-report")
	if r, err := location.VerifyJWS(good, public); err != nil || r.Number != 1 {
		t.Fatal(r, err)
	}
	part := strings.Split(good, ".")
	for name, token := range map[string]string{
		"another type":      sign(jose.EdDSA, private, "at+jwt"),
		"the key as HMAC's": sign(jose.HS256, append(make([]byte, 0), public...), "fachwerk-location-report"),
		"no signature":      part[0] + "." + part[1] + ".",
		"alg none":          "eyJhbGciOiJub25lIn0." + part[1] + ".",
		"other content":     part[0] + ".eyJudW1iZXIiOjJ9." + part[2],
		"two parts":         part[0] + "." + part[1],
		"empty":             "",
	} {
		if _, err := location.VerifyJWS(token, public); !errors.Is(err, location.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeys(t *testing.T) {
	r := reporter(t)
	text, err := location.PublicPEM(r.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	// RFC 8037, appendix A: the key and its thumbprint.
	const jwk = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	example, err := location.ParsePublic([]byte(jwk))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := location.KeyID(example); err != nil || id != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("%s, %v", id, err)
	}
	if again, err := location.ParsePublic(text); err != nil || !again.Equal(r.Signer.Public()) {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "{}", "{", `{"kty":"oct","k":"AAAA"}`, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if _, err := location.ParsePublic([]byte(bad)); err == nil {
			t.Errorf("%q was taken for a key", bad)
		}
	}
}

// chain makes reports of a tenant as files.
func chain(t *testing.T, r *location.Reporter, many int) (files [][]byte) {
	t.Helper()
	for range many {
		text, err := location.JSON(makeReport(t, r, location.Of{Tenant: 1}))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, text)
	}
	return files
}

func TestChain(t *testing.T) {
	r := reporter(t)
	files := chain(t, r, 4)
	public := r.Signer.Public()
	reports, err := location.VerifyChain([][]byte{files[2], files[0], files[3], files[1]}, public)
	if err != nil || len(reports) != 4 || reports[0].Previous != "" || reports[3].Number != 4 {
		t.Fatalf("%+v, %v", reports, err)
	}
	if _, err := location.VerifyChain(files[1:], public); err != nil {
		t.Errorf("a chain may be shown from its middle: %v", err)
	}
	fork := *r // the same key, but the ledger has lost a report
	fork.Ledger = locationtest.NewMemory()
	fork.Issuer = "another"
	forged := chain(t, &fork, 2)
	for name, broken := range map[string][][]byte{
		"gap":     {files[0], files[2]},
		"twice":   {files[0], files[0]},
		"forked":  {files[0], forged[1]},
		"another": {files[0], forged[0]},
	} {
		if _, err := location.VerifyChain(broken, public); !errors.Is(err, location.ErrChain) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Reports made at the same time follow each other all the same.
func TestReportsAtTheSameTime(t *testing.T) {
	r := reporter(t)
	var making sync.WaitGroup
	for range 3 { // as many as the attempts of one surely outlast
		making.Go(func() {
			if _, _, err := r.Make(t.Context(), location.Of{Tenant: 1}); err != nil {
				t.Error(err)
			}
		})
	}
	making.Wait()
	list, err := r.Ledger.Reports(t.Context(), location.Of{Tenant: 1}, 0, 10)
	if err != nil || len(list) != 3 {
		t.Fatal(len(list), err)
	}
	var files [][]byte
	for _, k := range list {
		files = append(files, []byte(k.JWS))
	}
	if _, err := location.VerifyChain(files, r.Signer.Public()); err != nil {
		t.Error(err)
	}
}

// The script in the documentation verifies what this package signs, and nothing else.
func TestPythonVerifier(t *testing.T) {
	python := ""
	for _, one := range []string{need.Program(t, "python3"), "/usr/bin/python3"} { // Debian's has Debian's packages
		if exec.CommandContext(t.Context(), one, "-c", "import cryptography").Run() == nil {
			python = one
			break
		}
	}
	if python == "" {
		need.Missing(t, "needs Python's package cryptography: install Debian's python3-cryptography")
	}
	script, err := filepath.Abs("../docs/verify_report.py")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > 30 {
		t.Errorf("the script has %d lines", n)
	}
	r, folder := reporter(t), t.TempDir()
	key, err := location.PublicPEM(r.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	otherKey, err := location.PublicPEM(reporter(t).Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	files := chain(t, r, 3)
	report, jws := makeReport(t, r, location.Of{Tenant: 1, Person: 2})
	page, err := location.HTML(report, jws, "de")
	if err != nil {
		t.Fatal(err)
	}
	table, err := location.CSV(report, jws)
	if err != nil {
		t.Fatal(err)
	}
	ledger := r.Ledger
	r.Ledger = refusing{ledger, location.ErrMismatch}
	unkept, err := location.JSON(makeReport(t, r, location.Of{Tenant: 1}))
	if err != nil {
		t.Fatal(err)
	}
	r.Ledger = ledger
	r.Counter = named{name: "Neuer Name"}
	renamed := chain(t, r, 1)[0]
	stranger, err := location.JSON(makeReport(t, r, location.Of{Tenant: 9}))
	if err != nil {
		t.Fatal(err)
	}
	edited := []byte(strings.Replace(string(files[0]), `"items": 12`, `"items": 13`, 1))
	for name, content := range map[string][]byte{"key": key, "other": otherKey, "1": files[0], "2": files[1], "3": files[2],
		"page": page, "table": table, "edited": edited, "unkept": unkept,
		"renamed": renamed, "stranger": stranger} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		arguments string
		says      string
		ok        bool
	}{
		{"key 1 2 3", "3: report 3", true},
		{"key page", "report 1", true},
		{"key table", "=anna@musterstadt.example: the signature fits", true},
		{"key 1 unkept 2", "unkept: report that was not kept of", true},
		{"key 2 3 renamed", "Neuer Name: the signature fits", true},
		{"key 3 stranger", "about somebody else", false},
		{"key 1 unkept 3", "does not follow", false},
		{"other 1", "the signature does not fit", false},
		{"key edited", "does not show what was signed", false},
		{"key 1 3", "does not follow", false},
		{"key 2 1", "does not follow", false},
	} {
		run := exec.CommandContext(t.Context(), python, append([]string{script}, strings.Fields(c.arguments)...)...)
		run.Dir = folder
		out, err := run.CombinedOutput()
		if (err == nil) != c.ok || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: %v\n%s", c.arguments, err, out)
		}
	}
}

func FuzzOpen(f *testing.F) {
	public := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	f.Add([]byte(`{"report":{},"jws":"eyJhbGciOiJFZERTQSJ9.e30.AAAA"}`))
	f.Add([]byte("number,issued\nsignature,eyJhbGciOiJFZERTQSJ9.e30.AAAA"))
	f.Add([]byte("<pre>eyJhbGciOiJFZERTQSJ9.e30.AAAA</pre>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, _, err := location.Open(text, public); err == nil {
			t.Errorf("nobody has this key: %s", fmt.Sprint(r))
		}
	})
}
