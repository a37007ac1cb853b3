package importing

import (
	"context"
	"fmt"
	"hash"
	"io"
	"time"

	"fachwerk/internal/resource"
)

// Collection is a collection of the source and where it goes.
type Collection struct {
	Source  string `json:"source"`          // its path there
	Title   string `json:"title,omitempty"` // what people call it
	Target  string `json:"target"`          // the segment of its href here
	Objects int    `json:"objects"`         // at the source; files and folders of a drive
	Skip    string `json:"skip,omitempty"`  // why it is left out
	// Cut says that objects are cut out of a file with many, so that not the file but
	// each object is kept byte for byte.
	Cut bool `json:"cut,omitempty"`

	// Properties are given to the collection where it is made; one that is here
	// already keeps its own.
	Properties []resource.Property `json:"-"`
	// ID names it among all sources: server, user, path.
	ID []string `json:"-"`
}

// Entry is an object, a file or a folder of a source.
type Entry struct {
	Name     string   // unique in its collection, and the same in every run
	Path     []string // the names that it should bear here, from the collection down
	Href     string   // the source's own
	Folder   bool
	Version  string    // changes whenever the content does, as an ETag; "": not known
	Size     int64     // bytes; -1: not known
	Modified time.Time // a file's own; zero: not known
}

// Content is what a source gives of an entry.
type Content struct {
	Body     io.ReadCloser
	Size     int64  // bytes; -1: not known
	Checksum string // as in OC-Checksum, "SHA1:…"; "": none
	Modified time.Time
	// Open says that the source does not tell where the body ends, so that one that
	// breaks off looks as if it were whole.
	Open bool
}

// Source is where the data is.
type Source interface {
	// Collections lists them, without Objects.
	Collections(ctx context.Context) ([]Collection, error)
	// List answers what is in one, and what of it cannot come.
	List(ctx context.Context, c *Collection) ([]Entry, []Failure, error)
	// Open begins to read an entry that is no folder. An error that is ErrSource is
	// tried again; others are the entry's own.
	Open(ctx context.Context, c *Collection, e *Entry) (*Content, error)
}

// Domain knows what the objects are.
type Domain interface {
	Kind() resource.Kind
	// Reserved is a name that no collection may take, "" for none.
	Reserved() string
	// Path is the entry's Path as it can be used here.
	Path(e *Entry) ([]string, error)
	// Other is a second path, where another object has the first; nil: none.
	Other(e *Entry) []string
	// Load reads content whole. h is to digest the bytes as they will be stored.
	Load(ctx context.Context, l Loading) (Loaded, error)
}

// Loading is what a Domain needs to take content in.
type Loading struct {
	Account  resource.Account
	Entry    *Entry
	Content  *Content
	Hash     hash.Hash
	Replaces int64 // bytes of what is in its place
}

// Loaded is content that is here but stored nowhere yet.
type Loaded interface {
	// Draft judges it for a place; old is what is there.
	Draft(ctx context.Context, at resource.Place, old resource.Item) (resource.Draft, error)
	// Note says what had to be changed about it, "" for nothing.
	Note() string
	Close() error
}

// ReadObject reads an object whole; no more than limit bytes.
func ReadObject(c *Content, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(c.Body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > limit:
		return nil, Refuse(TooLarge, "it has more than %d bytes", limit)
	case c.Size >= 0 && int64(len(data)) != c.Size:
		return nil, fmt.Errorf("%w gives %d bytes of %d", ErrSource, len(data), c.Size)
	}
	return data, nil
}
