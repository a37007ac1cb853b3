package archive

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"fachwerk/internal/store"
)

func compare(a, b string) int { return strings.Compare(a, b) }

// layout says which file each item becomes.
type layout struct {
	collections []*place
	dirs        map[string]bool // that have to be there
	files       map[string]unit // by path: all files with content
}

// place is a collection with its folder and its items, in the order of the manifest.
type place struct {
	box    *box
	folder string
	kept   []kept
	words  []string // of a mailbox: keywords that have a letter in file names
	key    string   // of a mbox: names what is in it
}

// unit is a file to write.
type unit struct {
	key   string
	entry *entry
	mbox  *place // instead of entry
}

// signature names the state of a mailbox: messages with flags.
func (p *place) signature() string {
	h := sha256.New()
	for _, k := range p.kept {
		fmt.Fprintf(h, "%d %d %d %s %d\n", k.UID, k.Flags, k.InternalDate, k.Keywords, k.Size)
	}
	return fmt.Sprintf("mbox/%d/%d/%x", p.box.ID, p.box.UIDValidity, h.Sum(nil)[:16])
}

// kept is an item with its file.
type kept struct {
	*entry
	path  string
	key   string   // names the content, whatever its file is called; "" for a folder
	names []string // of a drive's: from the root
	trash *Trashed
}

// maxWords is how many keywords a mailbox can have in file names: a to z.
const maxWords = 26

// plan lays out a survey. It depends on the survey alone, so a later run comes to the
// same names.
func plan(v *survey, can abilities, format MailFormat) *layout {
	l := &layout{dirs: map[string]bool{"mail": true, "calendars": true, "addressbooks": true, "files": true, "trash": true},
		files: map[string]unit{}}
	mail := &levels{format: format, caseless: can.caseless, taken: map[string]*taken{}, known: map[string]string{}}
	calendars, books := taken{caseless: can.caseless}, taken{caseless: can.caseless}
	for _, b := range v.sorted() {
		p := &place{box: b}
		l.collections = append(l.collections, p)
		switch b.Kind {
		case store.Mailbox:
			p.folder = mail.folder(b.Name)
			l.mailbox(p, can, format)
		case store.Calendar:
			p.folder = "calendars/" + calendars.free(shorten(safeName(b.Name), can.longest), can.longest)
			l.objects(p, can, ".ics")
		case store.AddressBook:
			p.folder = "addressbooks/" + books.free(shorten(safeName(b.Name), can.longest), can.longest)
			l.objects(p, can, ".vcf")
		case store.Drive:
			l.drive(p, can)
		}
	}
	return l
}

// sorted are the collections: by kind, then by name.
func (v *survey) sorted() []*box {
	var list []*box
	for _, b := range v.boxes {
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b *box) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// levels gives mailboxes their folders, one a level of the name.
type levels struct {
	format   MailFormat
	caseless bool
	taken    map[string]*taken // by folder
	known    map[string]string // folder of a level, by the name down to it
}

func (l *levels) free(dir, name string) string {
	if l.taken[dir] == nil {
		l.taken[dir] = &taken{caseless: l.caseless}
		if l.format == Maildir { // those that a Maildir has itself
			for _, own := range []string{"cur", "new", "tmp"} {
				l.taken[dir].free(own, maxFileName)
			}
		}
	}
	return dir + "/" + l.taken[dir].free(shorten(name, maxFileName-5), maxFileName)
}

func (l *levels) folder(name string) string {
	parts := strings.Split(name, "/")
	dir := "mail"
	for n, level := range parts {
		whole := strings.Join(parts[:n+1], "/")
		if l.format == Mbox && n == len(parts)-1 {
			return l.free(dir, safeName(level)+".mbox")
		}
		if l.known[whole] == "" {
			l.known[whole] = l.free(dir, safeName(level))
		}
		dir = l.known[whole]
	}
	return dir
}

// flagLetters are those of Maildir file names, in their order there.
var flagLetters = []struct {
	bit    int64
	letter byte
	name   string
}{
	{store.FlagDraft, 'D', `\Draft`}, {store.FlagFlagged, 'F', `\Flagged`}, {store.FlagAnswered, 'R', `\Answered`},
	{store.FlagSeen, 'S', `\Seen`}, {store.FlagDeleted, 'T', `\Deleted`},
}

func (l *layout) mailbox(p *place, can abilities, format MailFormat) {
	entries := p.box.byUID()
	words := map[string]bool{}
	for _, e := range entries {
		for _, w := range strings.Fields(e.Keywords) {
			words[w] = true
		}
	}
	for w := range words {
		p.words = append(p.words, w)
	}
	slices.Sort(p.words)
	p.words = p.words[:min(len(p.words), maxWords)]
	if format == Mbox {
		for _, e := range entries {
			p.kept = append(p.kept, kept{entry: e, path: p.folder})
		}
		p.key = p.signature()
		l.files[p.folder] = unit{key: p.key, mbox: p}
		return
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		l.dirs[p.folder+"/"+sub] = true
	}
	colon := ":"
	if strings.Contains(can.refused, colon) {
		colon = ";"
	}
	for _, e := range entries {
		name := fmt.Sprintf("%d.M%dU%dB%d.fachwerk,S=%d%s2,%s", max(e.InternalDate/1e6, 0), max(e.InternalDate, 0)%1e6,
			e.UID, p.box.ID, e.Size, colon, letters(e, p.words))
		key := fmt.Sprintf("message/%d/%d/%d", p.box.ID, p.box.UIDValidity, e.UID)
		l.add(p, kept{entry: e, path: p.folder + "/cur/" + name, key: key})
	}
}

// letters are a message's flags in its file name; keywords as Dovecot writes them.
func letters(e *entry, words []string) string {
	var b strings.Builder
	for _, f := range flagLetters {
		if e.Flags&f.bit != 0 {
			b.WriteByte(f.letter)
		}
	}
	for n, w := range words {
		if slices.Contains(strings.Fields(e.Keywords), w) {
			b.WriteByte('a' + byte(n))
		}
	}
	return b.String()
}

func (b *box) byUID() []*entry {
	list := make([]*entry, 0, len(b.items))
	for _, e := range b.items {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Or(cmp.Compare(a.UID, b.UID), cmp.Compare(a.ID, b.ID)) })
	return list
}

func (l *layout) add(p *place, k kept) {
	p.kept = append(p.kept, k)
	l.files[k.path] = unit{key: k.key, entry: k.entry}
}

// content names what a named item holds now.
func (p *place) content(e *entry) string {
	return fmt.Sprintf("resource/%d/%d/%s", p.box.ID, e.ID, hex.EncodeToString(e.Digest[:]))
}

func (l *layout) objects(p *place, can abilities, ending string) {
	l.dirs[p.folder] = true
	names := taken{caseless: can.caseless}
	for _, own := range []string{collectionName, "displayname", "color"} {
		names.free(own, can.longest)
	}
	for _, e := range p.box.byUID() {
		name := safeName(e.Name)
		if !strings.HasSuffix(strings.ToLower(name), ending) {
			name += ending
		}
		name = names.free(shorten(name, can.longest), can.longest)
		l.add(p, kept{entry: e, path: p.folder + "/" + name, key: p.content(e)})
	}
}

// maxDepth is far above how deep a drive's heads let folders lie.
const maxDepth = 1000

// drive lays out what hangs below the root and below the trash's; rows of folders
// that are on their way out hang nowhere.
func (l *layout) drive(p *place, can abilities) {
	below := map[int64][]*entry{}
	for _, e := range p.box.items {
		if e.Name != "" {
			below[e.ParentID] = append(below[e.ParentID], e)
		}
	}
	var walk func(parent int64, dir string, names []string, trashed bool)
	walk = func(parent int64, dir string, names []string, trashed bool) {
		list := below[parent]
		slices.SortFunc(list, func(a, b *entry) int { return compare(a.Name, b.Name) })
		mine := taken{caseless: can.caseless}
		for _, e := range list {
			path := dir + "/" + mine.free(can.fileName(e.Name), can.longest)
			k := kept{entry: e, path: path, names: append(names[:len(names):len(names)], e.Name)}
			if trashed {
				k.trash = &Trashed{}
				if t, ok := p.box.trash[e.ID]; ok {
					k.trash = &Trashed{Deleted: t.Deleted.UTC().Format(time.RFC3339Nano), From: t.Path}
				}
			}
			if e.Flags&store.FlagFolder == 0 {
				k.key = p.content(e)
				l.add(p, k)
				continue
			}
			l.dirs[path] = true
			p.kept = append(p.kept, k)
			if len(names) < maxDepth {
				walk(e.ID, path, k.names, trashed)
			}
		}
	}
	walk(store.Root, "files", nil, false)
	walk(store.TrashRoot, "trash", nil, true)
}
