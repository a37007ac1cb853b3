package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"fachwerk/internal/store"
)

// A mbox is written as mboxrd: each message behind a line "From …", lines of the
// message that begin with any number of ">" and "From " with one ">" more, and an
// empty line at its end. Status and X-Status tell mail programs its flags. They are no
// part of the message: the manifest says how long they are.

// fromLine is what lines must not begin with.
const fromLine = "From "

// quoter adds a ">" to lines that look like the beginning of a message, or with
// unquote takes it away again.
type quoter struct {
	w       io.Writer
	unquote bool
	inside  bool // of a line, behind what could be quoted
	held    bool // unquote: a ">" that may have to go
	matched int  // bytes of fromLine
	out     []byte
}

func (q *quoter) Write(p []byte) (int, error) {
	q.out = q.out[:0]
	for _, c := range p {
		if !q.inside {
			q.begin(c)
		} else {
			q.out = append(q.out, c)
		}
		if c == '\n' {
			q.inside, q.matched, q.held = false, 0, false
		}
	}
	_, err := q.w.Write(q.out)
	return len(p), err
}

// begin takes a byte of a line's beginning.
func (q *quoter) begin(c byte) {
	switch {
	case c == '>' && q.matched == 0:
		if !q.unquote || q.held {
			q.out = append(q.out, c)
		}
		q.held = q.unquote
	case c == fromLine[q.matched]:
		if q.matched++; q.matched == len(fromLine) {
			if !q.unquote {
				q.out = append(q.out, '>')
			}
			q.held = false
			q.settle()
		}
	default:
		q.settle()
		q.out = append(q.out, c)
	}
}

// settle writes what was held back: the line is decided.
func (q *quoter) settle() {
	if q.held {
		q.out = append(q.out, '>')
	}
	q.out = append(q.out, fromLine[:q.matched]...)
	q.inside, q.held = true, false
}

// end writes what a text that ends early leaves held back.
func (q *quoter) end() error {
	if q.inside {
		return nil
	}
	q.out = q.out[:0]
	q.settle()
	_, err := q.w.Write(q.out)
	return err
}

// mboxEntry is where a message lies in a mbox.
type mboxEntry struct {
	UID    int64  `json:"uid"`
	Offset int64  `json:"offset"`
	Prefix int64  `json:"prefix"`
	Length int64  `json:"length"`
	SHA256 string `json:"sha256"`
}

// indexName is the file that remembers a mbox's entries for later runs.
func indexName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return stateFolder + "/mbox/" + hex.EncodeToString(sum[:12]) + ".json"
}

func (ex *exporter) writeMbox(ctx context.Context, p *place) (written, error) {
	var index []mboxEntry
	at := &counter{}
	return ex.f.write(p.folder, time.Time{}, func(w written) error {
		text, err := json.Marshal(index)
		if err != nil {
			return err
		}
		if _, err := ex.f.write(indexName(p.key), time.Time{}, nil, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
			return err
		}
		return ex.st.put(p.key, p.folder, w)
	}, func(w io.Writer) error {
		w = io.MultiWriter(w, at)
		for _, k := range p.kept {
			e := mboxEntry{UID: k.UID, Offset: at.n}
			prefix := mboxPrefix(k.entry)
			e.Prefix = int64(len(prefix))
			if _, err := io.WriteString(w, prefix); err != nil {
				return err
			}
			h, last := sha256.New(), &lastByte{c: '\n'}
			q := &quoter{w: io.MultiWriter(w, last)}
			if err := ex.copy(ctx, k.Content, io.MultiWriter(q, h)); err != nil {
				return err
			}
			if err := q.end(); err != nil {
				return err
			}
			end := "\n"
			if last.c != '\n' {
				end = "\n\n"
			}
			e.Length, e.SHA256 = at.n-e.Offset, hex.EncodeToString(h.Sum(nil))
			index = append(index, e)
			if _, err := io.WriteString(w, end); err != nil {
				return err
			}
		}
		return nil
	})
}

type lastByte struct{ c byte }

func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.c = p[len(p)-1]
	}
	return len(p), nil
}

func mboxPrefix(e *entry) string {
	status, more := "O", ""
	if e.Flags&store.FlagSeen != 0 {
		status = "RO"
	}
	for _, f := range []struct {
		bit    int64
		letter string
	}{{store.FlagAnswered, "A"}, {store.FlagFlagged, "F"}, {store.FlagDraft, "T"}, {store.FlagDeleted, "D"}} {
		if e.Flags&f.bit != 0 {
			more += f.letter
		}
	}
	date := time.UnixMicro(min(max(e.InternalDate, firstMoment), lastMoment)).UTC().Format("Mon Jan _2 15:04:05 2006")
	text := "From MAILER-DAEMON " + date + "\nStatus: " + status + "\n"
	if more != "" {
		text += "X-Status: " + more + "\n"
	}
	if e.Keywords != "" {
		text += "X-Keywords: " + e.Keywords + "\n"
	}
	return text
}

// mboxIndex reads where a mbox's messages lie.
func (ex *exporter) mboxIndex(p *place) (map[int64]mboxEntry, error) {
	file, err := openFile(ex.f.root, indexName(p.key))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var list []mboxEntry
	if err := json.NewDecoder(file).Decode(&list); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	by := make(map[int64]mboxEntry, len(list))
	for _, e := range list {
		by[e.UID] = e
	}
	return by, nil
}

// tidyIndexes removes those of mailboxes as they were before.
func (ex *exporter) tidyIndexes(l *layout) error {
	keep := map[string]bool{}
	for _, u := range l.files {
		if u.mbox != nil {
			keep[path.Base(indexName(u.key))] = true
		}
	}
	d, err := ex.f.root.Open(stateFolder + "/mbox")
	if err != nil {
		return ignoreMissing(err)
	}
	defer d.Close()
	list, err := d.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range list {
		if !keep[name] && strings.HasSuffix(name, ".json") {
			if err := ex.f.root.Remove(stateFolder + "/mbox/" + name); err != nil {
				return err
			}
		}
	}
	return nil
}

// unquoted reads a message out of a mbox.
func unquoted(w io.Writer, r io.ReaderAt, i *Item) error {
	q := &quoter{w: &limited{w: w, left: i.Size}, unquote: true}
	section := io.NewSectionReader(r, *i.Offset+i.Prefix, i.Length-i.Prefix)
	if _, err := io.Copy(q, section); err != nil {
		return err
	}
	return q.end()
}

// limited drops what is more than left.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	n := len(p)
	p = p[:min(int64(n), max(l.left, 0))]
	l.left -= int64(len(p))
	if _, err := l.w.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}
