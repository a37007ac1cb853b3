package importer

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fachwerk/files"
	"fachwerk/internal/importing"
)

// Folder is a directory of this machine with all below it.
type Folder struct {
	at   string
	root *os.Root
}

// OpenFolder opens one; Close ends it. Nothing outside it is read, whatever links
// lead there.
func OpenFolder(at string) (*Folder, error) {
	at, err := filepath.Abs(at)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(at)
	if err != nil {
		return nil, err
	}
	return &Folder{at, root}, nil
}

// Close ends reading.
func (f *Folder) Close() error { return f.root.Close() }

// Collections is the directory.
func (f *Folder) Collections(context.Context) ([]importing.Collection, error) {
	return []importing.Collection{{Source: f.at, Title: filepath.Base(f.at), Target: files.DriveName, ID: []string{"directory", f.at}}}, nil
}

// List walks the directory.
func (f *Folder) List(ctx context.Context, c *importing.Collection) (list []importing.Entry, failures []importing.Failure, err error) {
	fail := func(name string, code importing.Code, text string) {
		failures = append(failures, importing.Failure{Collection: c.Source, Name: name, Code: code, Reason: text})
	}
	err = fs.WalkDir(f.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case name == "." && err != nil:
			return err
		case name == ".":
			return nil
		case err != nil:
			fail(name, importing.AtSource, "it cannot be read: "+err.Error())
			return fs.SkipDir
		case !d.IsDir() && !d.Type().IsRegular():
			fail(name, importing.Link, "it is a symbolic link or a device, which is not followed")
			return nil
		}
		info, err := d.Info()
		if err != nil {
			fail(name, importing.AtSource, "it cannot be read: "+err.Error())
			return nil
		}
		e := importing.Entry{Name: name, Path: strings.Split(name, "/"), Href: name, Folder: d.IsDir(), Size: -1}
		if !e.Folder {
			e.Size, e.Modified = info.Size(), info.ModTime()
			e.Version = fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
		}
		list = append(list, e)
		return nil
	})
	return list, failures, err
}

// Open begins to read a file. What is no regular file any more is not opened.
func (f *Folder) Open(_ context.Context, _ *importing.Collection, e *importing.Entry) (*importing.Content, error) {
	info, err := f.root.Lstat(e.Href)
	if err != nil {
		return nil, importing.Refuse(importing.AtSource, "it cannot be read: %v", err)
	}
	if !info.Mode().IsRegular() {
		return nil, importing.Refuse(importing.Link, "it is a symbolic link or a device, which is not followed")
	}
	file, err := f.root.Open(e.Href)
	if err != nil {
		return nil, importing.Refuse(importing.AtSource, "it cannot be read: %v", err)
	}
	// What was opened decides: size and time of the listing may be old.
	if info, err = file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, importing.Refuse(importing.AtSource, "it changed while it was opened")
	}
	return &importing.Content{Body: file, Size: info.Size(), Modified: info.ModTime()}, nil
}
