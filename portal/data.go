package portal

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"fachwerk/auth"
	"fachwerk/location"
)

// apart tells of kinds that are kept and are nobody's work: what people sign in with, what
// they have deleted, and what the directory has of a tenant.
func apart(kind string) bool {
	return slices.Contains([]string{"login", location.KindDeleted, location.KindTenant, location.KindDomains}, kind)
}

// historyShown is how many observations of the past the page lists.
const historyShown = 30

// A page shows what was counted of a tenant less than countedFor ago; who asks for a new
// count gets one if the last is older than recountAfter.
const (
	countedFor   = 5 * time.Minute
	recountAfter = 15 * time.Second
)

type dataPage struct {
	managed
	Whole bool   // of the whole tenant
	Name  string // of the tenant, where Whole
	Base  string // path of the page, before those of its reports

	Counted     time.Time
	Recount     bool // a new count can be asked for
	Places      []dataPlace
	Kinds       []kindSum
	Items       int64
	Bytes       int64
	Differences []location.Observation
	Allowed     []string // sites, where Whole
	Strict      bool     // nothing is written where something differs, where Whole
	Stopped     bool     // nothing is written now
	Missing     []location.Missing
	History     []location.Observation

	Reports []location.Kept
	Older   int64  // reports below this number are on the next page; 0: none
	Key     string // public, as PEM

	Trash, DAV bool
	Unlisted   bool // what the directory of tenants has is not counted
}

// historyOpen is how much of it is shown at once.
const historyOpen = 5

// Latest is what was new last.
func (page dataPage) Latest() []location.Observation {
	return page.History[:min(len(page.History), historyOpen)]
}

// Earlier is what was new before that.
func (page dataPage) Earlier() []location.Observation {
	return page.History[len(page.Latest()):]
}

// dataPlace is one store of one site, and what lies there.
type dataPlace struct {
	location.Row // of any of its kinds: the place is the same
	Holds        []location.Row
	Observations []location.Observation
}

// kindSum is how much there is of one kind, wherever it lies.
type kindSum struct {
	Kind         string
	Items, Bytes int64
}

// ofPerson is the chain of reports of a person.
func ofPerson(v *visitor) location.Of { return location.Of{Tenant: v.Tenant, Person: v.Account} }

// ofTenant is the chain of reports of a person's tenant.
func ofTenant(v *visitor) location.Of { return location.Of{Tenant: v.Tenant} }

// ofAccount is that of any account.
func ofAccount(ref auth.AccountRef) location.Of {
	return location.Of{Tenant: ref.Tenant, Person: ref.Account}
}

// data answers "Wo liegen meine Daten?".
func (p *Portal) data(w http.ResponseWriter, r *http.Request, v *visitor) {
	page := dataPage{Base: personChain.base, Trash: p.c.Trash != nil, DAV: p.offersDAV()}
	p.showData(w, r, v, page, ofPerson(v))
}

// tenantData answers it for the whole tenant.
func (p *Portal) tenantData(w http.ResponseWriter, r *http.Request, v *visitor) {
	page := dataPage{managed: p.managed(v, "data"), Base: tenantChain.base, Whole: true}
	p.showData(w, r, v, page, ofTenant(v))
}

func (p *Portal) showData(w http.ResponseWriter, r *http.Request, v *visitor, page dataPage, of location.Of) {
	for _, k := range p.kinds() {
		page.Kinds = append(page.Kinds, kindSum{Kind: k})
	}
	age := countedFor
	if r.URL.Query().Get("count") == "new" {
		age = recountAfter
	}
	report, counted, err := p.whereabouts(r.Context(), of, age)
	if err == nil {
		page.Name = cmp.Or(p.look(r.Context(), v).Name, report.Tenant)
		page.Counted, page.Recount = counted, p.c.Now().Sub(counted) > recountAfter
		page.fill(report)
		page.History, err = p.history(r.Context(), report)
	}
	if err == nil {
		err = p.mayWrite(r.Context(), v, &page)
	}
	if err == nil {
		err = p.listReports(r, &page, of)
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.render(w, r, v, http.StatusOK, "data", page)
}

// mayWrite says what is laid down of where data may lie, and whether something may be
// written at present.
func (p *Portal) mayWrite(ctx context.Context, v *visitor, page *dataPage) error {
	if p.c.Tenants == nil {
		return nil
	}
	t, err := p.c.Tenants.Tenant(ctx, v.Tenant)
	if err != nil {
		return err
	}
	if page.Whole {
		page.Strict, page.Allowed = t.Policy.RefuseOnMismatch, t.Policy.Sites
		if len(page.Allowed) == 0 {
			page.Allowed = []string{t.Site}
		}
	}
	guard := p.c.Reporter.Guard
	err = guard.Allow(t.Site, location.Subject{Home: t.Site, Sites: t.Policy.Sites, RefuseOnMismatch: t.Policy.RefuseOnMismatch}, location.Content)
	if page.Stopped = err != nil; page.Stopped && t.Policy.RefuseOnMismatch {
		page.Missing = guard.Missing(t.Site)
	}
	return nil
}

// whereabouts is a report that nobody signs or keeps, by what was counted at a time: of a
// person now, of a tenant less than an age ago.
func (p *Portal) whereabouts(ctx context.Context, of location.Of, age time.Duration) (location.Report, time.Time, error) {
	counted, at, err := p.tally.Recent(ctx, of, age)
	if err != nil {
		return location.Report{}, at, err
	}
	var seen []location.Observation
	for _, site := range sitesOf(counted.Counts) {
		run, err := p.c.Reporter.Ledger.LastObservations(ctx, site)
		if err != nil {
			return location.Report{}, at, err
		}
		seen = append(seen, run...)
	}
	return location.Compose(p.c.Reporter.Guard.Sites(), counted, seen), at, nil
}

func sitesOf(counts []location.Count) (sites []string) {
	for _, c := range counts {
		if !slices.Contains(sites, c.Site) {
			sites = append(sites, c.Site)
		}
	}
	return sites
}

// fill sorts a report's rows by place and sums them up.
func (page *dataPage) fill(report location.Report) {
	page.Unlisted = slices.Contains(report.Notes, location.NoteDirectory)
	for _, row := range report.Rows {
		page.add(row)
		i := slices.IndexFunc(page.Places, func(x dataPlace) bool {
			return x.Site == row.Site && x.Part == row.Part && x.Store == row.Store
		})
		if i < 0 {
			i = len(page.Places)
			page.Places = append(page.Places, dataPlace{Row: row})
		}
		page.Places[i].Holds = append(page.Places[i].Holds, row)
	}
	for _, o := range report.Observations {
		if o.State == location.Differs {
			page.Differences = append(page.Differences, o)
		}
		for i := range page.Places {
			if x := &page.Places[i]; x.Site == o.Site && x.Part == o.Part {
				x.Observations = append(x.Observations, o)
			}
		}
	}
	slices.SortStableFunc(page.Places, func(a, b dataPlace) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Part, b.Part))
	})
	for _, x := range page.Places { // what is nobody's work, at the end
		slices.SortStableFunc(x.Holds, func(a, b location.Row) int {
			return cmp.Compare(last(a), last(b))
		})
	}
}

// add counts a row; a kind that is there counts even if it is not offered.
func (page *dataPage) add(row location.Row) {
	if apart(row.Kind) {
		return
	}
	page.Items += row.Items
	page.Bytes += row.Bytes
	for i := range page.Kinds {
		if k := &page.Kinds[i]; k.Kind == row.Kind {
			k.Items += row.Items
			k.Bytes += row.Bytes
			return
		}
	}
	page.Kinds = append(page.Kinds, kindSum{row.Kind, row.Items, row.Bytes})
}

// history is what was new at the sites of a report, the latest first.
func (p *Portal) history(ctx context.Context, report location.Report) (list []location.Observation, err error) {
	var sites []string
	for _, row := range report.Rows {
		if slices.Contains(sites, row.Site) {
			continue
		}
		sites = append(sites, row.Site)
		part, err := p.c.Reporter.Ledger.History(ctx, row.Site, p.c.Now().Add(time.Minute), historyShown)
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	slices.SortStableFunc(list, func(a, b location.Observation) int {
		return cmp.Or(b.Since.Compare(a.Since), strings.Compare(a.Site, b.Site))
	})
	return list[:min(len(list), historyShown)], nil
}

// chain is what a page of reports is about. It comes from the session alone.
type chain struct {
	of   func(*visitor) location.Of
	base string // path of the page
}

var (
	personChain = chain{ofPerson, "/data"}
	tenantChain = chain{ofTenant, "/manage/data"}
)

func (p *Portal) newReport(c chain) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, v *visitor) { p.makeReport(w, r, v, c.of(v), c.base) }
}

func (p *Portal) report(c chain) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, v *visitor) { p.fetchReport(w, r, v, c.of(v)) }
}

// last orders rows: what is a person's work first.
func last(row location.Row) int {
	if apart(row.Kind) {
		return 1
	}
	return 0
}
