package importing

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"fachwerk/internal/resource"
)

// Options tune an import. The zero value is usable.
type Options struct {
	Connections int            // to the source at once; 0: 4, at most 16
	Progress    func(Progress) // told often, from any goroutine; nil: nobody
}

// Plan is what an import would do; show it before Run.
type Plan struct {
	Collections []Collection `json:"collections"`
	Failures    []Failure    `json:"failures"` // what is known not to come
}

// Import copies collections into one account.
type Import struct {
	resources *resource.Service
	origins   Origins
	domain    Domain
	to        resource.Account
	from      Source
	o         Options

	done, all, bytes atomic.Int64
	mu               sync.Mutex
	report           Report
}

// New prepares an import of what a domain knows from a source into the account to.
func New(resources *resource.Service, origins Origins, domain Domain, to resource.Account, from Source, o Options) *Import {
	if o.Connections <= 0 {
		o.Connections = 4
	}
	o.Connections = min(o.Connections, 16)
	return &Import{resources: resources, origins: origins, domain: domain, to: to, from: from, o: o,
		report: Report{Collections: []CollectionReport{}, Skipped: []Collection{}, Failures: []Failure{}, Notes: []Note{}}}
}

// Plan lists what would be imported, with counts. Nothing is written on either side.
func (im *Import) Plan(ctx context.Context) (Plan, error) {
	p := Plan{Failures: []Failure{}}
	err := retry(ctx, func() (err error) {
		p.Collections, err = im.from.Collections(ctx)
		return err
	})
	if err != nil {
		return p, err
	}
	apart(p.Collections, im.domain.Reserved())
	for i := range p.Collections {
		c := &p.Collections[i]
		if c.Skip != "" {
			continue
		}
		entries, failures, err := im.list(ctx, c)
		if err != nil {
			return p, err
		}
		c.Objects = len(entries) + len(failures)
		p.Failures = append(p.Failures, failures...)
	}
	return p, nil
}

// apart keeps two collections of the source from becoming one, and from taking a name
// that is not theirs.
func apart(list []Collection, reserved string) {
	used := map[string]bool{reserved: reserved != ""}
	for i := range list {
		name := list[i].Target
		for n := 2; used[name]; n++ {
			name = fmt.Sprintf("%s-%d", list[i].Target, n)
		}
		used[name], list[i].Target = true, name
	}
}

func (im *Import) list(ctx context.Context, c *Collection) (entries []Entry, failures []Failure, err error) {
	err = retry(ctx, func() (err error) {
		entries, failures, err = im.from.List(ctx, c)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.Source, err)
	}
	return entries, failures, nil
}

// Run imports what a plan lists and verifies everything. An error says what stopped
// it; the report tells how far it came.
func (im *Import) Run(ctx context.Context, plan Plan) (*Report, error) {
	for _, c := range plan.Collections {
		im.all.Add(int64(c.Objects))
	}
	for i := range plan.Collections {
		c := &plan.Collections[i]
		if c.Skip != "" {
			im.report.Skipped = append(im.report.Skipped, *c)
			continue
		}
		if err := im.collection(ctx, c); err != nil {
			return &im.report, fmt.Errorf("%s: %w", c.Source, err)
		}
	}
	return &im.report, nil
}

// collection imports one collection by several connections and verifies it.
func (im *Import) collection(ctx context.Context, c *Collection) error {
	entries, failures, err := im.list(ctx, c)
	if err != nil {
		return err
	}
	here, err := im.make(ctx, c)
	if err != nil {
		if fatal(err) {
			return err
		}
		im.fail(c, "", err)
		return nil
	}
	book, err := openBook(ctx, im.origins, im.to.Key, c.ID)
	if err != nil {
		return err
	}
	w := &work{im: im, c: c, here: here, book: book, entries: entries, failed: map[string]bool{}, stored: map[string]bool{},
		folders: map[string]resource.Item{}}
	w.report = CollectionReport{Source: c.Source, Target: c.Target, Title: c.Title, Cut: c.Cut, Objects: len(entries) + len(failures)}
	im.mu.Lock()
	im.report.Failures = append(im.report.Failures, failures...)
	im.mu.Unlock()
	im.done.Add(int64(len(failures)))
	if err := w.copy(ctx); err != nil {
		return err
	}
	return w.verify(ctx)
}

// copy brings all entries, folders before what is in them.
func (w *work) copy(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	todo := make(chan *Entry)
	group.Go(func() error {
		defer close(todo)
		for i := range w.entries {
			select {
			case todo <- &w.entries[i]:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range min(w.im.o.Connections, len(w.entries)) {
		group.Go(func() error {
			for e := range todo {
				if err := w.settle(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// make answers the collection here, made where it is missing.
func (im *Import) make(ctx context.Context, c *Collection) (resource.Collection, error) {
	return im.resources.EnsureCollection(ctx, im.to, im.domain.Kind(), c.Target, c.Properties)
}

func (im *Import) fail(c *Collection, name string, err error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.report.Failures = append(im.report.Failures, Failure{Collection: c.Source, Name: name, Code: codeOf(err), Reason: reason(err)})
}

func (im *Import) progress(c *Collection, verifying bool) {
	if im.o.Progress != nil {
		im.o.Progress(Progress{Collection: c.Source, Done: im.done.Load(), All: im.all.Load(), Bytes: im.bytes.Load(), Verifying: verifying})
	}
}
