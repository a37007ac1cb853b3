package meta

import (
	"bytes"
	"embed"
	"io/fs"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations are the schema's steps, in one text for every engine.
func Migrations() fs.FS {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// Dialect is fsys with an engine's words in the place of the markers that
// migrations/00001_house.sql explains.
func Dialect(fsys fs.FS, words *strings.Replacer) fs.FS {
	return dialect{fsys, words}
}

type dialect struct {
	fs.FS
	words *strings.Replacer
}

// Open answers a file with its words replaced, and a folder as it is.
func (d dialect) Open(name string) (fs.File, error) {
	f, err := d.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	defer f.Close()
	text, err := fs.ReadFile(d.FS, name)
	if err != nil {
		return nil, err
	}
	replaced := d.words.Replace(string(text))
	return &textFile{bytes.NewReader([]byte(replaced)), textInfo{info, int64(len(replaced))}}, nil
}

type textFile struct {
	*bytes.Reader
	info textInfo
}

func (f *textFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *textFile) Close() error               { return nil }

type textInfo struct {
	fs.FileInfo
	size int64
}

func (i textInfo) Size() int64        { return i.size }
func (i textInfo) ModTime() time.Time { return time.Time{} }
