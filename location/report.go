package location

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Report says what lies where, for a tenant or for one person of it.
type Report struct {
	// Number counts the reports of the chain from 1. Previous is the SHA-256,
	// in hexadecimal, of the signed report before; empty in the first. A report
	// that could not be kept has no number, 0, and NoteUnkept: it names the report
	// before, but the next one does not name it.
	Number   int64     `json:"number"`
	Previous string    `json:"previous,omitempty"`
	Issued   time.Time `json:"issued"`
	Issuer   string    `json:"issuer"` // the installation
	// Subject is an opaque word for whom the chain is about. It stays as it is when a
	// name or an address changes; reports of before had none.
	Subject string `json:"subject,omitempty"`
	Tenant  string `json:"tenant"`
	Person  string `json:"person,omitempty"` // the address; empty: of the whole tenant
	Rows    []Row  `json:"rows"`
	// Observations are the last ones of every site that a row names.
	Observations []Observation `json:"observations"`
	Notes        []Note        `json:"notes"`
}

// Row is one kind of data in one store of one site.
type Row struct {
	Account  string `json:"account,omitempty"` // an address, where the report tells accounts apart
	Kind     string `json:"kind"`
	Items    int64  `json:"items"`
	Bytes    int64  `json:"bytes"` // before compression and sealing
	Site     string `json:"site"`
	Operator string `json:"operator"`
	Country  string `json:"country"`
	Place    string `json:"place"`
	// Standby is the declared standby of the site that has taken over: operator,
	// country and place are its.
	Standby string `json:"standby,omitempty"`
	Part    Part   `json:"part"`
	Store   string `json:"store"`
	Copies  []Copy `json:"copies"`
	// CopiesState is Matches or Differs where it was seen which copies there are, and
	// NotObserved where there may be some that nobody could look for.
	CopiesState State `json:"copies_state,omitempty"`
	// State tells whether the place, its copies included, was observed to be as declared.
	// Evidence says by what: the addresses and keys seen.
	State      State     `json:"state"`
	Evidence   string    `json:"evidence"`
	EvidenceAt time.Time `json:"evidence_at"` // zero: never
	// Until is when the last of what was deleted is due to be erased.
	Until time.Time `json:"until,omitzero"`
}

// Observed tells whether the row is more than declared.
func (r Row) Observed() bool { return r.State == Matches }

// Copy is another place where what a row counts lies too, whole.
type Copy struct {
	What     string  `json:"what"` // "standby" or "bucket"
	Name     string  `json:"name"`
	Operator string  `json:"operator,omitempty"` // empty: not declared
	Country  string  `json:"country,omitempty"`
	Place    string  `json:"place,omitempty"`
	State    State   `json:"state"` // Differs: it exists undeclared, elsewhere, or is missing
	Finding  Finding `json:"finding,omitempty"`
}

// Note is something that a report cannot tell.
type Note string

// The notes.
const (
	NoteClients Note = "client_copies" // what programs have fetched is not seen
	NotePlain   Note = "plain_columns" // what is stored unsealed
	NoteBackups Note = "backups"       // of database and bucket by their operators
	NoteUnkept  Note = "unkept"        // it was handed out and not kept, nor numbered
	// NoteDirectory is in a report that does not count what the directory has.
	NoteDirectory Note = "directory_unseen"
)

// Kinds that are nobody's work.
const (
	KindDeleted = "deleted"           // what was deleted and is not erased yet
	KindTenant  = "directory_tenant"  // the tenant itself in the directory of tenants: name, contact, settings, login providers
	KindDomains = "directory_domains" // its domains there
)

// Count is what the store knows: how much of one kind lies in which part.
type Count struct {
	Account      string // empty: summed over accounts
	Kind         string // "mail", "calendar", "contacts", "files", "queue", "login" …
	Items, Bytes int64
	Site         string
	Part         Part
	Store        string    // "PostgreSQL", "S3", "SQLite", "directory"
	Until        time.Time // when the last of what was deleted is due to be erased; zero: it was not
}

// Counted is what a report begins with.
type Counted struct {
	Tenant, Person string // names to show; Person empty for a whole tenant
	Counts         []Count
	Notes          []Note // what could not be counted
}

// Counter counts what lies where; the store implements it.
type Counter interface {
	Count(ctx context.Context, of Of) (Counted, error)
}

// Reporter makes signed reports.
type Reporter struct {
	Issuer  string // name of the installation, in every report
	Guard   *Guard
	Ledger  Ledger
	Counter Counter
	Signer  *Signer
	Now     func() time.Time // nil: time.Now
}

// reportAttempts bounds how often a report is made anew because another of the
// same chain was kept first.
const reportAttempts = 5

// Make counts, signs and keeps the next report of a chain. While the tenant's writes are
// refused, because its site is not verified or not among its policy's, the report cannot
// lie there either, and nowhere else may it lie. That is when it is wanted most: it is
// made and signed all the same, and handed out without being kept (see Report.Number).
func (r *Reporter) Make(ctx context.Context, of Of) (Report, Kept, error) {
	counted, err := r.Counter.Count(ctx, of)
	if err != nil {
		return Report{}, Kept{}, fmt.Errorf("location report: count: %w", err)
	}
	var seen []Observation
	for _, site := range sitesOf(counted.Counts) {
		run, err := r.Ledger.LastObservations(ctx, site)
		if err != nil {
			return Report{}, Kept{}, fmt.Errorf("location report: observations of site %s: %w", site, err)
		}
		seen = append(seen, run...)
	}
	for attempt := 1; ; attempt++ {
		report, kept, err := r.next(ctx, of, counted, seen)
		if err == nil || !errors.Is(err, ErrOutdated) || attempt == reportAttempts {
			return report, kept, err
		}
	}
}

func (r *Reporter) next(ctx context.Context, of Of, counted Counted, seen []Observation) (Report, Kept, error) {
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	report := Compose(r.Guard.Sites(), counted, seen)
	report.Issuer, report.Issued, report.Subject = r.Issuer, now().UTC().Truncate(time.Second), of.subject()
	last, err := r.Ledger.LastReport(ctx, of)
	switch {
	case err == nil:
		report.Number, report.Previous = last.Number+1, Digest(last.JWS)
	case errors.Is(err, ErrNoReport):
		report.Number = 1
	default:
		return Report{}, Kept{}, fmt.Errorf("location report: the report before: %w", err)
	}
	kept, err := r.sign(report)
	if err != nil {
		return Report{}, Kept{}, err
	}
	err = r.Ledger.SaveReport(ctx, of, kept)
	if errors.Is(err, ErrMismatch) || errors.Is(err, ErrElsewhere) {
		report.Number, report.Notes = 0, append([]Note{NoteUnkept}, report.Notes...)
		if kept, err = r.sign(report); err != nil {
			return Report{}, Kept{}, err
		}
	}
	if err != nil {
		return Report{}, Kept{}, fmt.Errorf("location report: %w", err)
	}
	return report, kept, nil
}

func (r *Reporter) sign(report Report) (k Kept, err error) {
	k = Kept{Number: report.Number, At: report.Issued}
	k.JWS, err = r.Signer.Sign(report)
	return k, err
}

func sitesOf(counts []Count) (sites []string) {
	for _, c := range counts {
		if !slices.Contains(sites, c.Site) {
			sites = append(sites, c.Site)
		}
	}
	return sites
}

// Compose puts counts, declarations and observations together. A count at a site
// that is not declared is shown as such: a report hides nothing.
func Compose(sites []Site, counted Counted, seen []Observation) Report {
	r := Report{
		Tenant: counted.Tenant, Person: counted.Person, Rows: []Row{}, Observations: []Observation{},
		Notes: []Note{NoteClients, NotePlain, NoteBackups},
	}
	r.Observations = append(r.Observations, seen...)
	r.Notes = append(r.Notes, counted.Notes...)
	for _, c := range counted.Counts {
		row := Row{Account: c.Account, Kind: c.Kind, Items: c.Items, Bytes: c.Bytes, Site: c.Site, Part: c.Part,
			Store: c.Store, Copies: []Copy{}, State: Differs, Until: c.Until}
		if i := slices.IndexFunc(sites, func(s Site) bool { return s.Name == c.Site }); i >= 0 {
			s := sites[i]
			row.Operator, row.Country, row.Place = s.Operator, s.Country, s.Place
			of := seenAt(seen, c.Site, c.Part)
			row.State, row.Evidence, row.EvidenceAt = judge(s, c.Part, of)
			row.Copies, row.CopiesState = copies(s, sites, c.Part, of), copiesState(c.Part, of)
			if row.CopiesState == Differs { // another place has it too
				row.State = Differs
			}
			if b, moved := takenOver(s, of); moved {
				row.Standby, row.Operator, row.Country, row.Place = b.Name, b.Operator, b.Country, b.Place
			}
		}
		r.Rows = append(r.Rows, row)
	}
	slices.SortStableFunc(r.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Site, b.Site), cmp.Compare(a.Part, b.Part))
	})
	return r
}

func seenAt(seen []Observation, site string, part Part) (of []Observation) {
	for _, o := range seen {
		if o.Site == site && o.Part == part {
			of = append(of, o)
		}
	}
	return of
}
