package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// Version is the version of the manifest's form.
const Version = 1

// Names of files in the folder.
const (
	ManifestName = "manifest.json"
	readmeName   = "LIESMICH-README.txt"
	removedName  = "removed.json"
	stateFolder  = ".fachwerk"
)

// MailFormat is how messages are written.
type MailFormat string

// The formats.
const (
	Maildir MailFormat = "maildir"
	Mbox    MailFormat = "mbox" // mboxrd, a file a mailbox
)

// The values of the member type of each line.
const (
	typeExport     = "export"
	typeCollection = "collection"
	typeMessage    = "message"
	typeObject     = "object" // a calendar object resource
	typeCard       = "card"   // an address object resource
	typeFile       = "file"
	typeFolder     = "folder"
	typeTotals     = "totals"
)

// Kinds of collections.
const (
	kindMailbox     = "mailbox"
	kindCalendar    = "calendar"
	kindAddressBook = "addressbook"
	kindDrive       = "drive"
)

// Header is the first line.
type Header struct {
	Type       string     `json:"type"`
	Version    int        `json:"version"`
	Tenant     int64      `json:"tenant"`
	Account    int64      `json:"account"`
	Address    string     `json:"address"`
	Addresses  []string   `json:"addresses,omitempty"` // with aliases
	Name       string     `json:"name"`
	Kind       string     `json:"kind"` // person, function, team, room, resource
	Generation int64      `json:"generation"`
	Mark       int64      `json:"mark"`       // the account's modseq
	Consistent string     `json:"consistent"` // "account", or "collection": see the package comment
	Taken      string     `json:"taken"`      // when the journal was read up to the mark
	Mail       MailFormat `json:"mail"`
	// Subscribed are the mailbox names their owner subscribes to, there or not.
	Subscribed []string `json:"subscribed,omitempty"`
}

// Collection is a mailbox, a calendar, an address book or the drive. Its items follow.
type Collection struct {
	Type        string     `json:"type"`
	ID          int64      `json:"id"`
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Folder      string     `json:"folder,omitempty"` // below the export's; of a mbox the file
	SpecialUse  string     `json:"special_use,omitempty"`
	UIDValidity int64      `json:"uidvalidity,omitempty"` // of mailboxes
	UIDNext     int64      `json:"uidnext,omitempty"`
	ModSeq      int64      `json:"modseq"`
	Created     string     `json:"created"`
	Items       int64      `json:"items"`
	Properties  []Property `json:"properties,omitempty"`
	Key         string     `json:"key,omitempty"` // of a mbox, as of items
	Size        int64      `json:"size,omitempty"`
	SHA256      string     `json:"sha256,omitempty"`
}

// Item is a message, an object, a card, a file or a folder.
type Item struct {
	Type       string     `json:"type"`
	Collection int64      `json:"collection"`
	ID         int64      `json:"id"`
	UID        int64      `json:"uid"`
	ModSeq     int64      `json:"modseq"`
	Name       string     `json:"name,omitempty"`   // of objects and cards: the last segment of their href
	Path       []string   `json:"path,omitempty"`   // of files and folders: names from the drive's or the trash's root
	File       string     `json:"file,omitempty"`   // below the export's folder
	Key        string     `json:"key,omitempty"`    // names the content for later runs of the export
	Offset     *int64     `json:"offset,omitempty"` // in a mbox: of the From line
	Prefix     int64      `json:"prefix,omitempty"` // in a mbox: bytes of the From line and of the flags before the message
	Length     int64      `json:"length,omitempty"` // in a mbox: of all that, with the message as it is quoted there
	Size       int64      `json:"size"`             // bytes of the content
	SHA256     string     `json:"sha256,omitempty"` // of the content
	Date       string     `json:"date"`             // INTERNALDATE; time of last change of others
	Created    string     `json:"created"`          // SAVEDATE of a message
	Flags      []string   `json:"flags,omitempty"`
	Keywords   []string   `json:"keywords,omitempty"`
	Email      int64      `json:"email,omitempty"`  // what EMAILID is made of: copies share it
	Thread     int64      `json:"thread,omitempty"` // THREADID
	Trash      *Trashed   `json:"trash,omitempty"`
	Digests    []string   `json:"digests,omitempty"` // as clients sent them: "SHA1:…"
	Properties []Property `json:"properties,omitempty"`
}

// Trashed is set for what lies in the trash; of what lies in a folder there both
// members are empty.
type Trashed struct {
	Deleted string   `json:"deleted,omitempty"`
	From    []string `json:"from,omitempty"` // where it lay
}

// Property is a dead property or a live one that is stored; Value is its XML element.
type Property struct {
	Space string `json:"space"`
	Local string `json:"local"`
	Value string `json:"value"`
}

// Totals is the last line.
type Totals struct {
	Type        string `json:"type"`
	Collections int64  `json:"collections"`
	Messages    int64  `json:"messages"`
	Objects     int64  `json:"objects"`
	Cards       int64  `json:"cards"`
	Files       int64  `json:"files"`
	Folders     int64  `json:"folders"`
	Trashed     int64  `json:"trashed"` // of files and folders, those in the trash
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256"` // of all lines before this one
}

func (t *Totals) add(i *Item) {
	switch i.Type {
	case typeMessage:
		t.Messages++
	case typeObject:
		t.Objects++
	case typeCard:
		t.Cards++
	case typeFile:
		t.Files++
	case typeFolder:
		t.Folders++
	}
	if i.Trash != nil {
		t.Trashed++
	}
	t.Bytes += i.Size
}

// ErrManifest says that a manifest cannot be read or was changed.
var ErrManifest = errors.New("the manifest cannot be used")

// Bounds of times that can be written; nothing real lies outside.
var (
	firstMoment = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	lastMoment  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro()
)

// stamp writes a time, in Unix microseconds, as in RFC 3339.
func stamp(micros int64) string {
	return time.UnixMicro(min(max(micros, firstMoment), lastMoment)).UTC().Format(time.RFC3339Nano)
}

func parseStamp(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, fmt.Errorf("%w: the time %.40q", ErrManifest, text)
	}
	return t, nil
}

// manifestWriter writes lines and digests them.
type manifestWriter struct {
	w      *bufio.Writer
	sum    hash.Hash
	totals Totals
	line   bytes.Buffer
}

func newManifestWriter(w io.Writer) *manifestWriter {
	return &manifestWriter{w: bufio.NewWriterSize(w, 256<<10), sum: sha256.New(), totals: Totals{Type: typeTotals}}
}

func (m *manifestWriter) encode(v any) error {
	m.line.Reset()
	e := json.NewEncoder(&m.line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	m.sum.Write(m.line.Bytes())
	_, err := m.w.Write(m.line.Bytes())
	return err
}

func (m *manifestWriter) collection(c *Collection) error {
	m.totals.Collections++
	return m.encode(c)
}

func (m *manifestWriter) item(i *Item) error {
	m.totals.add(i)
	return m.encode(i)
}

// end writes the totals.
func (m *manifestWriter) end() error {
	m.totals.SHA256 = hex.EncodeToString(m.sum.Sum(nil))
	if err := m.encode(&m.totals); err != nil {
		return err
	}
	return m.w.Flush()
}

// maxLine bounds a line of a manifest: a resource has at most 1 MiB of properties,
// which JSON may write six times as long.
const maxLine = 16 << 20

// visitor takes the lines of a manifest; nil members are passed over.
type visitor struct {
	header     func(*Header) error
	collection func(*Collection) error
	item       func(*Item) error
}

// readManifest reads all lines and compares totals and digest at the end: what the
// visitor was told is to be trusted only then.
func readManifest(r io.Reader, v visitor) (h Header, t Totals, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	sum, seen := sha256.New(), Totals{Type: typeTotals}
	number, ended := 0, false
	for lines.Scan() {
		number++
		line := lines.Bytes()
		bad := func(err error) (Header, Totals, error) {
			return h, t, fmt.Errorf("%w: line %d: %w", ErrManifest, number, err)
		}
		var kind struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(line, &kind); err != nil {
			return bad(err)
		}
		switch {
		case ended, (kind.Type == typeExport) != (number == 1):
			return bad(errors.New("not expected here"))
		case kind.Type == typeTotals:
			if err := json.Unmarshal(line, &t); err != nil {
				return bad(err)
			}
			ended = true
			seen.SHA256 = hex.EncodeToString(sum.Sum(nil))
			if seen != t {
				return bad(errors.New("the totals are others: lines were changed or are missing"))
			}
		default:
			if err := v.take(kind.Type, line, &h, &seen); err != nil {
				return bad(err)
			}
		}
		sum.Write(line)
		sum.Write([]byte{'\n'})
	}
	if err := lines.Err(); err != nil {
		return h, t, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if !ended {
		return h, t, fmt.Errorf("%w: it ends early", ErrManifest)
	}
	return h, t, nil
}

func (v visitor) take(kind string, line []byte, h *Header, seen *Totals) error {
	switch kind {
	case typeExport:
		if err := json.Unmarshal(line, h); err != nil {
			return err
		}
		if h.Version != Version {
			return fmt.Errorf("version %d is not known here", h.Version)
		}
		if v.header != nil {
			return v.header(h)
		}
	case typeCollection:
		var c Collection
		if err := json.Unmarshal(line, &c); err != nil {
			return err
		}
		seen.Collections++
		if v.collection != nil {
			return v.collection(&c)
		}
	case typeMessage, typeObject, typeCard, typeFile, typeFolder:
		var i Item
		if err := json.Unmarshal(line, &i); err != nil {
			return err
		}
		seen.add(&i)
		if v.item != nil {
			return v.item(&i)
		}
	default:
		return fmt.Errorf("the type %.20q is not known", kind)
	}
	return nil
}
