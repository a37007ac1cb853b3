package importing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"fachwerk/internal/resource"
	"fachwerk/internal/store"
)

// work is the import of one collection.
type work struct {
	im      *Import
	c       *Collection
	here    resource.Collection
	book    *book // its notes are read by all and changed by verify alone
	entries []Entry

	busy    atomic.Int32 // objects in turn that the source failed to give
	mu      sync.Mutex
	report  CollectionReport
	failed  map[string]bool // by Entry.Name
	stored  map[string]bool // by this run
	folders map[string]resource.Item
}

// settle brings one entry, or notes why not. Only errors that end the import are
// returned.
func (w *work) settle(ctx context.Context, e *Entry) error {
	err := w.bring(ctx, e)
	if err != nil {
		if fatal(err) || w.gone(err) {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		w.fail(e, err)
	} else {
		w.busy.Store(0)
	}
	w.im.done.Add(1)
	w.im.progress(w.c, false)
	return nil
}

// maxBusy is how many objects in turn a source may fail to give before it counts as
// away.
const maxBusy = 20

// gone reports whether an error says that the source as a whole does not answer.
func (w *work) gone(err error) bool {
	switch {
	case !errors.Is(err, ErrSource) || isFinal(err):
		return false
	case errors.Is(err, errBusy):
		return w.busy.Add(1) >= maxBusy
	}
	return true
}

func (w *work) bring(ctx context.Context, e *Entry) error {
	path, err := w.im.domain.Path(e)
	if err != nil {
		return err
	}
	known, seen := w.book.find(e)
	if e.Folder {
		return w.folder(ctx, e, path, seen)
	}
	if seen && w.book.current(known, e) {
		return nil
	}
	for try := 1; ; try++ {
		err := retry(ctx, func() error { return w.fetch(ctx, e, path, known, seen) })
		if !errors.Is(err, resource.ErrChanged) && !errors.Is(err, resource.ErrParent) || try == tries {
			return err
		}
		w.mu.Lock()
		clear(w.folders) // somebody changed what was seen: look again
		w.mu.Unlock()
	}
}

// folder makes a folder, unless one came before: who removed it meant to.
func (w *work) folder(ctx context.Context, e *Entry, path []string, seen bool) error {
	if seen {
		return nil
	}
	if _, err := w.parent(ctx, path); err != nil {
		return err
	}
	if err := w.book.add(ctx, e, w.im.origins.OriginDigest().Sum(nil)); err != nil {
		return err
	}
	w.count(e, &w.report.Imported)
	return nil
}

// parent answers the folder at a path, made where it is missing.
func (w *work) parent(ctx context.Context, path []string) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock() // two makers of one folder would get into each other's way
	parent := resource.Root
	for n, name := range path {
		key := strings.Join(path[:n+1], "/")
		item, ok := w.folders[key]
		if !ok {
			var err error
			if item, err = w.ensure(ctx, parent, name); err != nil {
				return 0, err
			}
			if !item.Folder {
				return 0, Refuse(Conflict, "a file here has the name of the folder %s", key)
			}
			w.folders[key] = item
		}
		parent = item.ID
	}
	return parent, nil
}

// ensure answers what bears a name, made as a folder where nothing does.
func (w *work) ensure(ctx context.Context, parent int64, name string) (resource.Item, error) {
	for try := 1; ; try++ {
		found, err := w.im.resources.Named(ctx, w.here, parent, []string{name})
		if err != nil {
			return resource.Item{}, err
		}
		if found[0].ID != 0 {
			return found[0], nil
		}
		made, err := w.im.resources.MakeFolder(ctx, resource.Place{Collection: w.here, Parent: parent, Name: name}, nil, resource.Guard{})
		if !errors.Is(err, resource.ErrExists) || try == tries { // else another was faster
			return made, err
		}
	}
}

// fetch reads an entry from the source and stores it where that is right.
func (w *work) fetch(ctx context.Context, e *Entry, path []string, known store.Origin, seen bool) error {
	before, err := w.find(ctx, path)
	if err != nil {
		return err
	}
	if before.Folder {
		return Refuse(Conflict, "a folder here has its name")
	}
	content, err := w.im.from.Open(ctx, w.c, e)
	if err != nil {
		return err
	}
	defer content.Body.Close()
	h := w.im.origins.OriginDigest()
	body := &counting{r: content.Body}
	content.Body = body
	loaded, err := w.im.domain.Load(ctx, Loading{Account: w.im.to, Entry: e, Content: content, Hash: h, Replaces: before.Size})
	w.im.bytes.Add(body.n)
	w.mu.Lock()
	w.report.Bytes += body.n
	w.mu.Unlock()
	switch {
	case body.err != nil:
		return fmt.Errorf("%w broke off: %w", ErrSource, body.err)
	case err != nil:
		return err
	}
	defer loaded.Close()
	// Objects show by themselves whether they are whole, and some servers list a length
	// that is not theirs; files do not.
	short := content.Open && body.n < e.Size
	if short && w.here.Kind == resource.Drive {
		return fmt.Errorf("%w gives %d bytes of %d", errBusy, body.n, e.Size)
	}
	if !content.Modified.IsZero() {
		e.Modified = content.Modified
	}
	err = w.place(ctx, e, path, loaded, h.Sum(nil), known, seen)
	switch {
	case short && err != nil && codeOf(err) == Invalid && !fatal(err):
		return fmt.Errorf("%w gives %d bytes of %d: %w", errBusy, body.n, e.Size, err)
	case err == nil && content.Open && e.Size < 0 && w.here.Kind == resource.Drive && w.came(e):
		w.note(e, "the source tells its length nowhere, so nobody can say whether it came whole")
	}
	return err
}

// place decides what becomes of content that was read.
func (w *work) place(ctx context.Context, e *Entry, path []string, loaded Loaded, digest []byte, known store.Origin, seen bool) error {
	if seen && bytes.Equal(digest, known.Digest) { // the source gave the same another version
		if known.UIDValidity&(1<<versionBits-1) == w.book.version(e) {
			return nil
		}
		if err := w.touch(ctx, e, path, digest); err != nil {
			return err
		}
		return w.book.add(ctx, e, digest)
	}
	at, old, err := w.look(ctx, e, path, digest)
	if err != nil {
		return err
	}
	if old.ID != 0 {
		same, err := w.holds(ctx, old, digest)
		if err != nil {
			return err
		}
		if same { // somebody brought the same before
			return w.book.add(ctx, e, digest)
		}
	}
	if err := w.mayReplace(ctx, old, known, seen); err != nil {
		return err
	}
	return w.put(ctx, e, at, old, loaded, digest)
}

// look finds the place for an entry: its own path, or the second one where another
// object bears the name.
func (w *work) look(ctx context.Context, e *Entry, path []string, digest []byte) ([]string, resource.Item, error) {
	old, err := w.find(ctx, path)
	if err != nil || old.ID == 0 {
		return path, old, err
	}
	other := w.im.domain.Other(e)
	if other == nil {
		return path, old, nil
	}
	if known, seen := w.book.find(e); seen {
		if same, err := w.holds(ctx, old, known.Digest); err != nil || same {
			return path, old, err
		}
		second, err := w.find(ctx, other)
		if err != nil || second.ID == 0 {
			return path, old, err
		}
		return other, second, nil
	}
	if same, err := w.holds(ctx, old, digest); err != nil || same {
		return path, old, err
	}
	second, err := w.find(ctx, other)
	return other, second, err
}

// mayReplace refuses to overwrite what a person did here.
func (w *work) mayReplace(ctx context.Context, old resource.Item, known store.Origin, seen bool) error {
	switch {
	case !seen && old.ID != 0:
		return Refuse(Conflict, "something else here has its name, and stays")
	case !seen:
		return nil
	case old.ID == 0:
		return Refuse(Conflict, "it changed at the source, and was removed or renamed here")
	}
	same, err := w.holds(ctx, old, known.Digest)
	if err == nil && !same {
		err = Refuse(Conflict, "it changed at the source and here; what is here stays")
	}
	return err
}

func (w *work) put(ctx context.Context, e *Entry, path []string, old resource.Item, loaded Loaded, digest []byte) error {
	parent, err := w.parent(ctx, path[:len(path)-1])
	if err != nil {
		return err
	}
	at := resource.Place{Collection: w.here, Parent: parent, Name: path[len(path)-1]}
	draft, err := loaded.Draft(ctx, at, old)
	if err != nil {
		return err
	}
	defer draft.Upload.Close()
	origin := w.book.next(e, digest)
	draft.Origin = &origin
	guard := resource.Guard{Seen: []resource.Seen{{Parent: parent, Name: at.Name, ID: old.ID, ModSeq: old.ModSeq}}}
	if _, err := w.im.resources.Put(ctx, at, draft, guard); err != nil {
		if errors.Is(err, resource.ErrExists) { // another run was faster
			return nil
		}
		return err
	}
	if text := loaded.Note(); text != "" {
		w.note(e, text)
	}
	if old.ID == 0 {
		w.count(e, &w.report.Imported)
	} else {
		w.count(e, &w.report.Updated)
	}
	return nil
}

// touch gives a file its new time, where nobody changed it here.
func (w *work) touch(ctx context.Context, e *Entry, path []string, digest []byte) error {
	if e.Modified.IsZero() || w.here.Kind != resource.Drive {
		return nil
	}
	item, err := w.find(ctx, path)
	if err != nil || item.ID == 0 || item.Modified.Equal(e.Modified) {
		return err
	}
	if same, err := w.holds(ctx, item, digest); err != nil || !same {
		return err
	}
	_, err = w.im.resources.Touch(ctx, w.here, item, e.Modified,
		resource.Guard{Seen: []resource.Seen{{Parent: item.Parent, Name: item.Name, ID: item.ID, ModSeq: item.ModSeq}}})
	return err
}

// find answers what is at a path, or the zero Item.
func (w *work) find(ctx context.Context, path []string) (resource.Item, error) {
	if path == nil {
		return resource.Item{}, nil
	}
	found, err := w.im.resources.Walk(ctx, w.here, resource.Root, path)
	if err != nil || len(found) != len(path) {
		return resource.Item{}, err
	}
	return found[len(found)-1], nil
}

// holds reads what is stored and compares its digest.
func (w *work) holds(ctx context.Context, i resource.Item, digest []byte) (bool, error) {
	if i.Folder {
		return false, nil
	}
	b, err := w.im.resources.Open(ctx, w.here, i)
	if err != nil {
		return false, err
	}
	r, err := b.Open(ctx, 0, -1)
	if err != nil {
		return false, err
	}
	defer r.Close()
	h := w.im.origins.OriginDigest()
	if _, err := io.Copy(h, r); err != nil {
		return false, err
	}
	return bytes.Equal(h.Sum(nil), digest), nil
}

// came reports whether this run has stored an entry.
func (w *work) came(e *Entry) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stored[e.Name]
}

func (w *work) note(e *Entry, text string) {
	w.im.mu.Lock()
	defer w.im.mu.Unlock()
	w.im.report.Notes = append(w.im.report.Notes, Note{Collection: w.c.Source, Name: e.Name, Text: text})
}

func (w *work) count(e *Entry, n *int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*n++
	w.stored[e.Name] = true
}

func (w *work) fail(e *Entry, err error) {
	w.mu.Lock()
	w.failed[e.Name] = true
	w.mu.Unlock()
	w.im.fail(w.c, e.Name, err)
}

// verify reads back everything that came, by this run or an earlier one.
func (w *work) verify(ctx context.Context) error {
	if err := w.book.read(ctx); err != nil {
		return err
	}
	for i := range w.entries {
		e := &w.entries[i]
		if err := w.check(ctx, e); err != nil {
			if fatal(err) {
				return err
			}
			w.im.fail(w.c, e.Name, Refuse(Altered, "reading it back failed: %v", err))
		}
		w.im.progress(w.c, true)
	}
	w.im.mu.Lock()
	defer w.im.mu.Unlock()
	w.im.report.Collections = append(w.im.report.Collections, w.report)
	return nil
}

func (w *work) check(ctx context.Context, e *Entry) error {
	path, err := w.im.domain.Path(e)
	if err != nil || w.failed[e.Name] { // listed already
		return nil
	}
	origin, ok := w.book.find(e)
	if !ok {
		w.im.fail(w.c, e.Name, Refuse(Missing, "it is not here after the import; run it again"))
		return nil
	}
	if !w.stored[e.Name] {
		w.report.Present++
	}
	missing := true
	for _, at := range slices.DeleteFunc([][]string{path, w.im.domain.Other(e)}, func(p []string) bool { return p == nil }) {
		item, err := w.find(ctx, at)
		if err != nil {
			return err
		}
		if item.ID == 0 {
			continue
		}
		missing = false
		same := e.Folder && item.Folder
		if !same {
			if same, err = w.holds(ctx, item, origin.Digest); err != nil {
				return err
			}
		}
		if same {
			w.report.Verified++
			return nil
		}
	}
	switch {
	case missing:
		w.report.Removed++
	case w.stored[e.Name]:
		return Refuse(Altered, "what is stored differs from what the source gave, or was changed at once")
	default:
		w.report.Changed++
	}
	return nil
}

// counting counts what is read and keeps the error of the source.
type counting struct {
	r   io.ReadCloser
	n   int64
	err error
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

func (c *counting) Close() error { return c.r.Close() }
