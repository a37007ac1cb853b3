package importing

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"fachwerk/internal/resource"
)

// Export is one file of objects, taken apart.
type Export struct {
	Title   string // as the file itself says; "": it does not
	Objects []Object
	// Single says that the file is one object as it stands, and no export of many.
	Single     bool
	Properties []resource.Property
}

// Object is one object of an Export.
type Object struct {
	Key  string // its UID; "" where Err says why it cannot be taken
	Data []byte
	Make func() []byte // in place of Data: makes it anew each time, so that not all are in memory at once
	Err  error
}

// Bytes are Data, or what Make makes.
func (o *Object) Bytes() []byte {
	if o.Make != nil {
		return o.Make()
	}
	return o.Data
}

// Exports are files on this machine, or folders of them, as a Source. Each file of
// many objects is a collection; files of one object each are one together with
// their folder, as other programs keep them.
type Exports struct {
	At     string // a file or a folder
	Suffix string // of the files that count: ".ics"
	// Take takes a file apart.
	Take func(data []byte) Export
	// Named are the properties of a collection that is called so and has the colour
	// that its folder says, or "".
	Named func(title, color string) []resource.Property

	found map[string]*gathered // by Collection.Source
}

type gathered struct {
	entries  []Entry
	failures []Failure
	data     map[string]Object // by Entry.Name
}

// maxExport is the largest file that is taken apart, bytes; it is in memory at once.
const maxExport = 512 << 20

// maxFiles bounds how many files a folder of exports may have.
const maxFiles = 1_000_000

// Collections reads all files.
func (x *Exports) Collections(ctx context.Context) ([]Collection, error) {
	at, err := filepath.Abs(x.At)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(at)
	if err != nil {
		return nil, err
	}
	x.found = map[string]*gathered{}
	var list []Collection
	if !info.IsDir() {
		root, err := os.OpenRoot(filepath.Dir(at))
		if err != nil {
			return nil, err
		}
		defer root.Close()
		data, err := readFile(root, filepath.Base(at))
		if err != nil {
			return nil, err
		}
		x.add(&list, at, stem(at), "", x.Take(data), "")
		return list, nil
	}
	root, err := os.OpenRoot(at)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := x.walk(ctx, root, at, &list); err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b Collection) int { return cmp.Compare(a.Source, b.Source) })
	return list, nil
}

func stem(name string) string {
	return strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
}

// walk reads a folder and those below; links are not followed.
func (x *Exports) walk(ctx context.Context, root *os.Root, at string, list *[]Collection) error {
	seen := 0
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.IsDir() || !strings.EqualFold(path.Ext(name), x.Suffix) {
			return nil
		}
		if seen++; seen > maxFiles {
			return fmt.Errorf("%s holds more than %d files", at, maxFiles)
		}
		folder := filepath.Join(at, filepath.FromSlash(path.Dir(name)))
		if !d.Type().IsRegular() {
			x.gather(list, folder, filepath.Base(folder), x.folderProperties(root, path.Dir(name), filepath.Base(folder)))
			x.refuse(folder, path.Base(name), Refuse(Link, "it is a symbolic link or a device, which is not followed"))
			return nil
		}
		data, err := readFile(root, name)
		if err != nil {
			return err
		}
		taken := x.Take(data)
		if !taken.Single {
			file := filepath.Join(at, filepath.FromSlash(name))
			x.add(list, file, stem(file), "", taken, "")
			return nil
		}
		title, color := filepath.Base(folder), ""
		title = cmp.Or(firstLine(root, path.Join(path.Dir(name), "displayname")), title)
		color = firstLine(root, path.Join(path.Dir(name), "color"))
		taken.Title, taken.Properties = title, x.Named(title, color)
		x.add(list, folder, filepath.Base(folder), color, taken, path.Base(name))
		return nil
	})
}

func (x *Exports) folderProperties(root *os.Root, folder, title string) []resource.Property {
	return x.Named(cmp.Or(firstLine(root, path.Join(folder, "displayname")), title), firstLine(root, path.Join(folder, "color")))
}

// firstLine reads a small file beside the objects, in which vdir keeps a
// collection's name or colour.
func firstLine(root *os.Root, name string) string {
	f, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

func readFile(root *os.Root, name string) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxExport+1))
	if err == nil && len(data) > maxExport {
		err = fmt.Errorf("%s has more than %d MiB; take it apart first", name, maxExport>>20)
	}
	return data, err
}

// gather answers what belongs to a collection, begun where it is new.
func (x *Exports) gather(list *[]Collection, source, base string, properties []resource.Property) *gathered {
	g := x.found[source]
	if g == nil {
		g = &gathered{data: map[string]Object{}}
		x.found[source] = g
		*list = append(*list, Collection{Source: source, Target: Segment(base), Properties: properties, ID: []string{"file", source}})
	}
	return g
}

// add puts the objects of a file into a collection. name is that of the file where
// it is one object.
func (x *Exports) add(list *[]Collection, source, base, color string, taken Export, name string) {
	title := cmp.Or(taken.Title, base)
	properties := taken.Properties
	if properties == nil {
		properties = x.Named(title, color)
	}
	g := x.gather(list, source, base, properties)
	for i := range *list {
		if c := &(*list)[i]; c.Source == source {
			c.Title, c.Cut = title, name == "" && !taken.Single
		}
	}
	for _, o := range taken.Objects {
		label := cmp.Or(o.Key, name, "an object without UID")
		switch known, twice := g.data[o.Key]; {
		case o.Err != nil:
			x.refuse(source, label, o.Err)
		case twice && !bytes.Equal(known.Bytes(), o.Bytes()):
			x.refuse(source, label, Refuse(UIDTaken, "the same UID comes twice with different content; the first was taken"))
		case !twice:
			g.data[o.Key] = o
			g.entries = append(g.entries, Entry{Name: o.Key, Path: []string{ObjectName(cmp.Or(name, o.Key), x.Suffix)}, Size: -1})
		}
	}
}

func (x *Exports) refuse(source, name string, err error) {
	g := x.found[source]
	g.failures = append(g.failures, Failure{Collection: source, Name: name, Code: codeOf(err), Reason: reason(err)})
}

// List answers what was read before.
func (x *Exports) List(_ context.Context, c *Collection) ([]Entry, []Failure, error) {
	g := x.found[c.Source]
	if g == nil {
		return nil, nil, errors.New("it was not read")
	}
	return g.entries, g.failures, nil
}

// Open answers an object.
func (x *Exports) Open(_ context.Context, c *Collection, e *Entry) (*Content, error) {
	o, ok := x.found[c.Source].data[e.Name]
	if !ok {
		return nil, Refuse(AtSource, "it is not in the file")
	}
	data := o.Bytes()
	return &Content{Body: io.NopCloser(bytes.NewReader(data)), Size: int64(len(data))}, nil
}
