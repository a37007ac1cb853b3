package location

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
)

// ErrEdited says that a file shows something else than what was signed.
var ErrEdited = errors.New("location report: the file does not show what was signed")

// token finds a compact serialization in a page; its header begins with {".
var token = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`)

// Open reads a report from a file in any of its forms and verifies it. What it
// returns is what was signed. A JSON or CSV file must also show just that, or the
// error is ErrEdited; of a page the signed content alone counts.
func Open(text []byte, public ed25519.PublicKey) (r Report, jws string, err error) {
	if len(text) > 2*maxReport {
		return r, "", fmt.Errorf("%w: the file is longer than %d bytes", ErrSignature, 2*maxReport)
	}
	text = bytes.TrimSpace(text)
	shown := file{}
	isJSON := bytes.HasPrefix(text, []byte("{"))
	if isJSON {
		if err := json.Unmarshal(text, &shown); err != nil {
			return r, "", fmt.Errorf("%w: the file cannot be read: %w", ErrSignature, err)
		}
		jws = shown.JWS
	} else {
		all := token.FindAll(text, 2)
		if len(all) != 1 {
			return r, "", fmt.Errorf("%w: the file has no signature, or more than one", ErrSignature)
		}
		jws = string(all[0])
	}
	if r, err = VerifyJWS(jws, public); err != nil {
		return Report{}, "", err
	}
	if isJSON && !reflect.DeepEqual(shown.Report, r) {
		return Report{}, "", ErrEdited
	}
	if bytes.HasPrefix(text, []byte(columns[0]+",")) {
		now, err := CSV(r, jws)
		if err != nil {
			return Report{}, "", err
		}
		before, err := table(r, jws, columns)
		if err != nil {
			return Report{}, "", err
		}
		older := r.Subject == "" && bytes.Equal(lines(before), lines(text))
		if !older && !bytes.Equal(lines(now), lines(text)) {
			return Report{}, "", ErrEdited
		}
	}
	return r, jws, nil
}

// lines are a text with plain line ends, which copying may have changed.
func lines(text []byte) []byte {
	return bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
}

// VerifyChain verifies several files of one chain, in any order, and that each names
// the one before, without a gap. It returns the reports in their order. Where the
// first has no number 1, what came before it is not shown to be true. Reports that were
// not kept are no links: they come last.
func VerifyChain(files [][]byte, public ed25519.PublicKey) ([]Report, error) {
	type link struct {
		Report
		jws string
	}
	chain := make([]link, len(files))
	for i, f := range files {
		r, jws, err := Open(f, public)
		if err != nil {
			return nil, fmt.Errorf("file %d: %w", i+1, err)
		}
		chain[i] = link{r, jws}
	}
	unkept := func(l link) bool { return l.Number == 0 && slices.Contains(l.Notes, NoteUnkept) }
	slices.SortStableFunc(chain, func(a, b link) int {
		if unkept(a) != unkept(b) {
			return map[bool]int{true: 1, false: -1}[unkept(a)]
		}
		return cmp.Or(cmp.Compare(a.Number, b.Number), a.Issued.Compare(b.Issued))
	})
	reports, same := make([]Report, len(chain)), sameSubject()
	for i, l := range chain {
		reports[i] = l.Report
		switch about := same(l.Report); {
		case about && unkept(l):
		case l.Number < 1, (l.Number == 1) != (l.Previous == ""):
			return nil, fmt.Errorf("%w: report %d names %q as the one before", ErrChain, l.Number, l.Previous)
		case !about:
			return nil, fmt.Errorf("%w: report %d is about somebody else", ErrChain, l.Number)
		case i == 0:
		case l.Number != chain[i-1].Number+1:
			return nil, fmt.Errorf("%w: report %d follows %d", ErrChain, l.Number, chain[i-1].Number)
		case l.Previous != Digest(chain[i-1].jws):
			return nil, fmt.Errorf("%w: report %d was made upon another report %d", ErrChain, l.Number, l.Number-1)
		}
	}
	return reports, nil
}

// sameSubject tells of one report after the other whether it is about whom those before
// it were: by the subject, which no change of a name changes, and where one of two that
// follow each other has none yet, by the names.
func sameSubject() func(Report) bool {
	var before *Report
	subject := ""
	return func(r Report) bool {
		same := before == nil || r.Tenant == before.Tenant && r.Person == before.Person
		if r.Subject != "" {
			if subject != "" {
				same = r.Subject == subject
			}
			subject = r.Subject
		}
		before = &r
		return same
	}
}
