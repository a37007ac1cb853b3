package archive

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"fachwerk/internal/store"
)

// collectionName is the file that describes a calendar or an address book.
const collectionName = "collection.json"

// tops are the folders that an export fills.
var tops = []string{"mail", "calendars", "addressbooks", "files", "trash"}

// finish writes what describes the collections, compares every file with what was
// noted of it, and puts the manifest in place.
func (ex *exporter) finish(ctx context.Context, l *layout) error {
	for dir := range l.dirs {
		if err := ex.f.makeDir(dir); err != nil {
			return err
		}
	}
	extra := map[string]bool{}
	for _, p := range l.collections {
		if err := ex.describe(p, extra); err != nil {
			return err
		}
	}
	if err := ex.prune(l, true, extra); err != nil {
		return err
	}
	if err := ex.verify(ctx, l); err != nil {
		return err
	}
	if err := ex.times(l); err != nil {
		return err
	}
	if err := ex.text(readmeName, readme(&ex.report.Header)); err != nil {
		return err
	}
	if err := ex.manifest(l); err != nil {
		return err
	}
	if err := errors.Join(ex.noteRemoved(), ex.tidyIndexes(l), ex.f.sync(l)); err != nil {
		return err
	}
	return errors.Join(ex.st.end(), ex.f.root.RemoveAll(stateFolder+"/tmp"), ex.f.root.RemoveAll(stateFolder+"/moved"))
}

func (ex *exporter) text(name, text string) error {
	_, err := ex.f.write(name, time.Time{}, nil, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	return err
}

// describe writes the files beside a collection's items: collection.json, for other
// programs displayname and color as vdir has them, and Dovecot's list of keywords.
func (ex *exporter) describe(p *place, extra map[string]bool) error {
	files := map[string]string{}
	switch p.box.Kind {
	case store.Mailbox:
		if len(p.words) > 0 && ex.o.Mail == Maildir {
			var b strings.Builder
			for n, w := range p.words {
				fmt.Fprintf(&b, "%d %s\n", n, w)
			}
			files["dovecot-keywords"] = b.String()
		}
	case store.Calendar, store.AddressBook:
		c := p.line()
		c.Items = int64(len(p.kept))
		text, err := json.MarshalIndent(struct {
			Collection
			DisplayName string `json:"displayname,omitempty"`
			Color       string `json:"color,omitempty"`
		}{c, propertyText(c.Properties, "DAV:", "displayname"), color(c.Properties)}, "", "  ")
		if err != nil {
			return err
		}
		files[collectionName] = string(text) + "\n"
		if name := propertyText(c.Properties, "DAV:", "displayname"); name != "" {
			files["displayname"] = name
		}
		if c := color(c.Properties); c != "" {
			files["color"] = c
		}
	}
	for name, text := range files {
		name = p.folder + "/" + name
		extra[name] = true
		if err := ex.text(name, text); err != nil {
			return err
		}
	}
	return nil
}

// line is the collection's in the manifest.
func (p *place) line() Collection {
	b := p.box
	c := Collection{Type: typeCollection, ID: b.ID, Kind: kindName(b.Kind), Name: b.Name, Folder: p.folder, SpecialUse: b.SpecialUse,
		ModSeq: b.ModSeq, Created: stamp(b.CreatedAt), Items: int64(len(p.kept)), Properties: b.properties}
	if b.Kind == store.Mailbox {
		c.UIDValidity, c.UIDNext = b.UIDValidity, b.UIDNext
	}
	return c
}

// prune removes files that earlier runs made and that are none any more, and folders
// that are empty and should not be. With foreign it also lists what others put there.
func (ex *exporter) prune(l *layout, foreign bool, extras ...map[string]bool) error {
	ours := func(name string) bool {
		for _, e := range extras {
			if e[name] {
				return true
			}
		}
		return false
	}
	var dirs []string
	for _, top := range tops {
		err := fs.WalkDir(ex.f.root.FS(), top, func(name string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case d.IsDir():
				if !l.dirs[name] {
					dirs = append(dirs, name)
				}
				return nil
			}
			if _, wanted := l.files[name]; wanted || ours(name) {
				return nil
			}
			if ex.st.own[name] || describes(name) && foreign {
				return ignoreMissing(ex.f.root.Remove(name))
			}
			if foreign {
				ex.report.Foreign = append(ex.report.Foreign, name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.Reverse(dirs)
	for _, dir := range dirs {
		_ = ex.f.root.Remove(dir) // those with something in them stay
	}
	ex.f.forget()
	return nil
}

// describes reports whether a file is one of those that describe writes.
func describes(name string) bool {
	switch path.Base(name) {
	case collectionName, "displayname", "color":
		return strings.HasPrefix(name, "calendars/") || strings.HasPrefix(name, "addressbooks/")
	case "dovecot-keywords":
		return strings.HasPrefix(name, "mail/")
	}
	return false
}

// verify reads every file back. One that is not what was written, by a broken disk or
// by somebody's hand, is fetched again, once.
func (ex *exporter) verify(ctx context.Context, l *layout) error {
	for try := 0; ; try++ {
		bad, err := ex.compare(ctx, l)
		if err != nil {
			return err
		}
		if len(bad) == 0 {
			return nil
		}
		if try > 0 {
			return fmt.Errorf("%d files are not what was written to them, %s for one: is the disk full or broken?", len(bad), bad[0])
		}
		for _, p := range bad {
			ex.st.forget(l.files[p].key)
		}
		if gone, err := ex.fetch(ctx, l); err != nil || gone > 0 {
			return errors.Join(err, ErrRestless)
		}
	}
}

func (ex *exporter) compare(ctx context.Context, l *layout) (bad []string, err error) {
	ex.done.Store(0)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	wrong := make(chan string, 16)
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for p := range wrong {
			bad = append(bad, p)
		}
	}()
	for p, u := range l.files {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			k, _ := ex.st.get(u.key)
			w, err := ex.f.digest(ctx, p)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil || k.Path != p || w.size != k.Size || hex.EncodeToString(w.sum[:]) != k.SHA256 {
				wrong <- p
			}
			ex.done.Add(1)
			ex.progress(true)
			return nil
		})
	}
	err = g.Wait()
	close(wrong)
	<-collected
	slices.Sort(bad)
	return bad, err
}

// times gives files and folders their own.
func (ex *exporter) times(l *layout) error {
	var folders []kept
	for _, p := range l.collections {
		for _, k := range p.kept {
			switch {
			case k.key == "" && p.box.Kind == store.Drive:
				folders = append(folders, k)
			case k.key != "":
				want := time.UnixMicro(k.InternalDate)
				if info, err := ex.f.root.Lstat(k.path); err != nil || !info.ModTime().Equal(want) {
					if err := ex.f.root.Chtimes(k.path, want, want); err != nil {
						return err
					}
				}
			}
		}
	}
	for _, k := range slices.Backward(folders) {
		want := time.UnixMicro(k.InternalDate)
		if err := ex.f.root.Chtimes(k.path, want, want); err != nil {
			return err
		}
	}
	return nil
}

// manifest writes it beside and puts it in place.
func (ex *exporter) manifest(l *layout) error {
	_, err := ex.f.write(ManifestName, time.Time{}, nil, func(w io.Writer) error {
		m := newManifestWriter(w)
		if err := m.encode(&ex.report.Header); err != nil {
			return err
		}
		for _, p := range l.collections {
			if err := ex.lines(m, p); err != nil {
				return err
			}
		}
		err := m.end()
		ex.report.Totals = m.totals
		return err
	})
	return err
}

func (ex *exporter) lines(m *manifestWriter, p *place) error {
	c := p.line()
	var index map[int64]mboxEntry
	if p.key != "" {
		var err error
		if index, err = ex.mboxIndex(p); err != nil {
			return err
		}
		k, _ := ex.st.get(p.key)
		c.Key, c.Size, c.SHA256 = k.Key, k.Size, k.SHA256
	}
	if err := m.collection(&c); err != nil {
		return err
	}
	for _, k := range p.kept {
		i := ex.item(p, k)
		if e, ok := index[k.UID]; ok {
			i.SHA256, i.Offset, i.Prefix, i.Length = e.SHA256, &e.Offset, e.Prefix, e.Length
		}
		if err := m.item(&i); err != nil {
			return err
		}
		if given := path.Base(k.path); p.box.Kind == store.Drive && given != k.Name {
			ex.report.Renamed = append(ex.report.Renamed, k.path)
		}
	}
	return nil
}

// item is an item's line in the manifest.
func (ex *exporter) item(p *place, k kept) Item {
	i := Item{Collection: p.box.ID, ID: k.ID, UID: k.UID, ModSeq: k.ModSeq, File: k.path, Key: k.key, Size: k.Size,
		Date: stamp(k.InternalDate), Created: stamp(k.SaveDate), Properties: k.properties}
	if known, ok := ex.st.get(k.key); ok {
		i.SHA256 = known.SHA256
	}
	switch p.box.Kind {
	case store.Mailbox:
		i.Type, i.Email, i.Thread, i.Keywords = typeMessage, k.ObjectID, k.ThreadID, strings.Fields(k.Keywords)
		for _, f := range flagLetters {
			if k.Flags&f.bit != 0 {
				i.Flags = append(i.Flags, f.name)
			}
		}
	case store.Calendar:
		i.Type, i.Name = typeObject, k.Name
	case store.AddressBook:
		i.Type, i.Name = typeCard, k.Name
	default:
		i.Type, i.Path, i.Trash, i.Digests = typeFile, k.names, k.trash, k.digests
		if k.Flags&store.FlagFolder != 0 {
			i.Type, i.Size = typeFolder, 0
		}
	}
	return i
}

// noteRemoved adds to removed.json what went since the last run.
func (ex *exporter) noteRemoved() error {
	ex.report.Removed = int64(len(ex.gone))
	if len(ex.gone) == 0 {
		return nil
	}
	file, err := ex.f.root.OpenFile(removedName, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	e := json.NewEncoder(file)
	e.SetEscapeHTML(false)
	for _, k := range ex.gone {
		err := e.Encode(struct {
			Noticed string `json:"noticed"`
			File    string `json:"file"`
			Size    int64  `json:"size"`
			SHA256  string `json:"sha256"`
		}{ex.report.Header.Taken, k.Path, k.Size, k.SHA256})
		if err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return errors.Join(file.Sync(), file.Close())
}

// sync makes the names of all files durable.
func (f *folder) sync(l *layout) error {
	dirs := map[string]bool{".": true}
	for dir := range l.dirs {
		dirs[dir] = true
	}
	for name := range l.files {
		dirs[path.Dir(name)] = true
	}
	for dir := range dirs {
		d, err := f.root.Open(dir)
		if err != nil {
			return err
		}
		err = d.Sync()
		if errors.Is(err, syscall.EINVAL) { // file systems that know no such thing
			err = nil
		}
		if err = errors.Join(err, d.Close()); err != nil {
			return err
		}
	}
	return nil
}
