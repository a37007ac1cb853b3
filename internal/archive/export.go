package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fachwerk/internal/store"
)

// ExportOptions tune an export. The zero value is usable.
type ExportOptions struct {
	Mail MailFormat // "" is Maildir
	// Settle is how long an export tries to find the account at rest, after all
	// content is here; 0 means 30 seconds.
	Settle   time.Duration
	Progress func(Progress) // told often, from any goroutine; nil: nobody

	after func(collection int64)
}

// Progress is how far an export or import has come, in files or items.
type Progress struct {
	Done, All int64
	Verifying bool
}

// ExportReport is what a run did.
type ExportReport struct {
	Header  Header   `json:"header"`
	Totals  Totals   `json:"totals"`
	Written int64    `json:"written"` // files with content, by this run
	Removed int64    `json:"removed"` // files of earlier runs that are in the account no more
	Renamed []string `json:"renamed"` // files whose names the target could not hold, as they are called there
	Foreign []string `json:"foreign"` // files in the folder that the export did not make
}

// ErrRestless says that content was removed from the account faster than it was read.
var ErrRestless = errors.New("the account changes faster than it can be read; run it again later")

type exporter struct {
	s     *store.Store
	key   store.Key
	o     ExportOptions
	f     *folder
	st    *state
	v     *survey
	prior map[string]bool // keys of earlier runs

	report    ExportReport
	done, all atomic.Int64
	written   atomic.Int64
	goneCount atomic.Int64
	gone      []known // of earlier runs, in the account no more
}

// Export writes the account into the folder to, which is made where it is missing. It
// may be broken off and called again: what is there already is not fetched again.
// ErrFolder, ErrBusy, ErrRestless, and those of the store.
func Export(ctx context.Context, s *store.Store, key store.Key, to string, o ExportOptions) (*ExportReport, error) {
	if o.Mail == "" {
		o.Mail = Maildir
	}
	if o.Mail != Maildir && o.Mail != Mbox {
		return nil, fmt.Errorf("%q is no format of mail: maildir or mbox", o.Mail)
	}
	if o.Settle <= 0 {
		o.Settle = 30 * time.Second
	}
	ex := &exporter{s: s, key: key, o: o, v: &survey{s: s, key: key, after: o.after}, prior: map[string]bool{}}
	if err := ex.head(ctx); err != nil {
		return nil, err
	}
	var err error
	if ex.f, err = openTarget(to); err != nil {
		return nil, err
	}
	defer ex.f.close()
	if ex.st, err = openState(ex.f, ex.report.Header); err != nil {
		return nil, err
	}
	defer ex.st.close()
	for key := range ex.st.by {
		ex.prior[key] = true
	}
	l, err := ex.settle(ctx)
	if err != nil {
		return nil, err
	}
	if err := ex.finish(ctx, l); err != nil {
		return nil, err
	}
	ex.report.Written = ex.written.Load()
	return &ex.report, nil
}

// head says whose export this is.
func (ex *exporter) head(ctx context.Context) error {
	a, err := ex.s.Account(ctx, ex.key)
	if err != nil {
		return err
	}
	addresses, err := ex.s.Addresses(ctx, ex.key)
	if err != nil {
		return err
	}
	slices.Sort(addresses)
	ex.report.Header = Header{Type: typeExport, Version: Version, Tenant: a.Tenant, Account: a.Key.Account, Address: a.Address,
		Addresses: addresses, Name: a.DisplayName, Kind: accountKind(a.Kind), Generation: ex.s.Generation(a.Tenant), Mail: ex.o.Mail}
	return nil
}

func accountKind(k store.AccountKind) string {
	switch k {
	case store.Person:
		return "person"
	case store.Function:
		return "function"
	case store.Team:
		return "team"
	case store.Room:
		return "room"
	case store.Resource:
		return "resource"
	}
	return "other"
}

// Bounds of the loop that follows the account.
const (
	stableTries = 20
	freshEnough = time.Second // a reading of content that took longer is followed by another look
	maxRounds   = 1000
)

// settle fetches until listing and content belong together.
func (ex *exporter) settle(ctx context.Context) (*layout, error) {
	var here time.Time // when all content was here for the first time
	for round := range maxRounds {
		began := time.Now()
		stable := false
		for try := 0; try < stableTries && !stable; try++ {
			var err error
			if stable, err = ex.v.catchUp(ctx); err != nil {
				return nil, err
			}
		}
		taken, err := ex.s.Now(ctx, ex.key.Tenant)
		if err != nil {
			return nil, err
		}
		l := plan(ex.v, ex.f.can, ex.o.Mail)
		if err := ex.arrange(l); err != nil {
			return nil, err
		}
		reading := time.Now()
		gone, err := ex.fetch(ctx, l)
		if err != nil {
			return nil, err
		}
		late := time.Since(reading) > freshEnough && round < 20
		if gone == 0 && here.IsZero() {
			here = time.Now()
		}
		waited := !here.IsZero() && time.Since(here) > ex.o.Settle
		if gone == 0 && (stable && !late || waited) {
			h := &ex.report.Header
			h.Mark, h.Taken, h.Subscribed, h.Consistent = ex.v.mark, stamp(taken.UnixMicro()), ex.v.subscribed, "account"
			if !stable {
				h.Consistent = "collection"
			}
			return l, nil
		}
		if !here.IsZero() && time.Since(here) > 4*ex.o.Settle {
			break
		}
		if pause := 2*time.Millisecond - time.Since(began); pause > 0 {
			time.Sleep(pause)
		}
	}
	return nil, ErrRestless
}

// arrange moves what is here already to where it belongs now, and removes what is in
// the account no more.
func (ex *exporter) arrange(l *layout) error {
	want := make(map[string]string, len(l.files)) // path by key
	for p, u := range l.files {
		want[u.key] = p
	}
	right := map[string]bool{} // paths that hold what they should
	var moves []known
	var stale []known
	for key, k := range ex.st.by {
		switch p, ok := want[key]; {
		case !ok:
			stale = append(stale, k)
		case p != k.Path:
			moves = append(moves, k)
		default:
			right[p] = true
		}
	}
	for _, k := range stale {
		if _, replaced := l.files[k.Path]; !replaced {
			ex.went(k)
		}
		if !right[k.Path] {
			_ = ex.f.root.Remove(k.Path) // or a folder stands there now; prune looks again
		}
		ex.st.forget(k.Key)
	}
	for n, k := range moves { // aside first: names may change places
		from := k.Path
		k.Path = fmt.Sprintf("%s/moved/%d-%d", stateFolder, ex.f.next.Add(1), n)
		if ex.f.size(from) != k.Size || right[from] {
			ex.st.forget(k.Key)
			moves[n].Key = ""
			continue
		}
		if err := errors.Join(ex.st.move(k), ex.f.rename(from, k.Path)); err != nil {
			return err
		}
		moves[n] = k
	}
	if len(stale)+len(moves) > 0 {
		if err := ex.prune(l, false); err != nil {
			return err
		}
	}
	for _, k := range moves {
		if k.Key == "" {
			continue
		}
		from := k.Path
		k.Path = want[k.Key]
		if err := errors.Join(ex.st.move(k), ex.f.rename(from, k.Path)); err != nil {
			return err
		}
	}
	return nil
}

// went notes what earlier runs wrote and the account does not have any more.
func (ex *exporter) went(k known) {
	if ex.prior[k.Key] {
		ex.gone = append(ex.gone, k)
		delete(ex.prior, k.Key)
	}
}

// fetch writes the files whose content is not here; gone is how many were removed from
// the account before they could be read.
func (ex *exporter) fetch(ctx context.Context, l *layout) (gone int64, err error) {
	var missing []string
	for p, u := range l.files {
		k, ok := ex.st.get(u.key)
		if !ok || k.Path != p || ex.f.size(p) != k.Size || u.mbox != nil && ex.f.size(indexName(u.key)) < 0 {
			missing = append(missing, p)
		}
	}
	ex.all.Store(int64(len(l.files)))
	ex.done.Store(int64(len(l.files) - len(missing)))
	ex.progress(false)
	slices.Sort(missing)
	before := ex.goneCount.Load()
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, p := range missing {
		if inner.Err() != nil {
			break
		}
		g.Go(func() error { return ex.fetchOne(inner, p, l.files[p]) })
	}
	err = g.Wait()
	return ex.goneCount.Load() - before, err
}

func (ex *exporter) fetchOne(ctx context.Context, p string, u unit) error {
	var err error
	if u.mbox != nil {
		_, err = ex.writeMbox(ctx, u.mbox)
	} else {
		_, err = ex.f.write(p, time.UnixMicro(u.entry.InternalDate), func(w written) error { return ex.st.put(u.key, p, w) },
			func(w io.Writer) error { return ex.copy(ctx, u.entry.Content, w) })
	}
	if errors.Is(err, store.ErrNotFound) {
		ex.goneCount.Add(1)
		return nil
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path.Dir(p), err)
	}
	ex.written.Add(1)
	ex.done.Add(1)
	ex.progress(false)
	return nil
}

func (ex *exporter) copy(ctx context.Context, id store.ContentID, w io.Writer) error {
	body, err := ex.s.Body(ctx, ex.key, id)
	if err != nil {
		return err
	}
	r, err := body.Open(ctx, 0, -1)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, contextReader{ctx, r})
	return errors.Join(err, r.Close())
}

func (ex *exporter) progress(verifying bool) {
	if ex.o.Progress != nil {
		ex.o.Progress(Progress{Done: ex.done.Load(), All: ex.all.Load(), Verifying: verifying})
	}
}
