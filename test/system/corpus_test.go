package system

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// Every message of the corpus comes back byte for byte: by APPEND, by BDAT with
// BINARYMIME over LMTP, and, with bare CR and LF made CRLF first, by DATA. A
// message with NUL comes back exactly by BINARY[]; BODY[] replaces NUL, which
// IMAP cannot carry there (RFC 9051 section 4.3).
func TestCorpusRoundTrip(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		files := corpus(t)
		d := harness.Start(t, harness.Options{Engines: e, Accounts: 3})
		byAppend := d.IMAP(t, d.Person(0))
		var uids []imap.UID
		for _, f := range files {
			if bytes.IndexByte(f.text, 0) >= 0 {
				uids = append(uids, appendLiteral8(t, d, d.Person(0), f))
			} else {
				uids = append(uids, harness.Append(t, byAppend, "INBOX", f.text))
			}
		}
		harness.Select(t, byAppend, "INBOX")
		for i, f := range files {
			compareMessage(t, byAppend, uids[i], "APPEND", f, f.text, "")
		}

		bdat := dialLMTP(t, d)
		for _, f := range files {
			bdat.bdat(t, d.Person(1).Address, f.text)
		}
		bdat.close(t)
		compareAll(t, d, d.Person(1), "BDAT", files, func(b []byte) []byte { return b })

		data := dialLMTP(t, d)
		for _, f := range files {
			data.data(t, d.Person(2).Address, withCRLF(f.text))
		}
		data.close(t)
		compareAll(t, d, d.Person(2), "DATA", files, withCRLF)
		d.Check(t)
	})
}

// A corpusFile is one message.
type corpusFile struct {
	name string
	text []byte
}

// corpus reads all messages, or makes a few hard ones where there is no corpus.
func corpus(t *testing.T) []corpusFile {
	t.Helper()
	dir, ok := need.Corpus(t)
	if !ok {
		return madeCorpus()
	}
	var files []corpusFile
	err := filepath.WalkDir(filepath.Join(dir, "mail"), func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), "LICENSE") {
			return err
		}
		text, err := os.ReadFile(name)
		if len(text) > 0 { // an empty file is no message
			files = append(files, corpusFile{name, text})
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("the corpus: %d files, %v", len(files), err)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].name < files[j].name })
	t.Logf("%d messages of the corpus", len(files))
	return files
}

func madeCorpus() []corpusFile {
	head := "From: a@elsewhere.example\r\nSubject: x\r\n\r\n"
	return []corpusFile{
		{"plain", []byte(head + "Guten Tag\r\n")},
		{"no line end", []byte(head + "Ende")},
		{"bare LF", []byte("Subject: x\n\nGuten\nTag\n")},
		{"bare CR", []byte(head + "Guten\rTag\r\n")},
		{"CR CR LF", []byte(head + "Guten\r\r\nTag\r\n")},
		{"NUL", []byte(head + "Guten\x00Tag\r\n")},
		{"dots", []byte(head + ".\r\n..\r\n.Punkt\r\n")},
		{"long line", []byte(head + strings.Repeat("x", 100_000) + "\r\n")},
		{"eight bit", []byte("Subject: \xe4\xf6\xfc\r\n\r\n\xff\xfe\r\n")},
		{"no header", []byte("\r\nnur Text\r\n")},
		{"no body", []byte("Subject: nur Kopf\r\n")},
	}
}

// withCRLF makes every bare CR and LF a CRLF, as SMTP demands (RFC 5321 section
// 2.3.8), and ends the last line.
func withCRLF(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	b = bytes.ReplaceAll(b, []byte("\r"), []byte("\n"))
	b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
	if !bytes.HasSuffix(b, []byte("\r\n")) {
		b = append(b, "\r\n"...)
	}
	return b
}

// appendLiteral8 stores a message that holds NUL, by hand: imapclient has no
// literal8 (RFC 3516).
func appendLiteral8(t *testing.T, d *harness.Demo, a harness.Account, f corpusFile) imap.UID {
	t.Helper()
	conn, err := tls.Dial("tcp", d.State.IMAPS, d.TLS(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	until := func(begins string) string {
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatalf("APPEND %s: waiting for %s: %v", f.name, begins, err)
			}
			if strings.HasPrefix(line, begins) {
				return line
			}
		}
	}
	until("* OK")
	fmt.Fprintf(conn, "a LOGIN %s %s\r\n", a.Address, a.AppPassword)
	until("a OK")
	fmt.Fprintf(conn, "b APPEND INBOX ~{%d}\r\n", len(f.text))
	until("+")
	fmt.Fprintf(conn, "%s\r\n", f.text)
	line := until("b ")
	var validity, uid uint32
	if _, err := fmt.Sscanf(line, "b OK [APPENDUID %d %d]", &validity, &uid); err != nil {
		t.Fatalf("APPEND %s: %q: %v", f.name, line, err)
	}
	return imap.UID(uid)
}

// compareAll compares what LMTP brought, in the order of delivery, behind the
// trace header.
func compareAll(t *testing.T, d *harness.Demo, a harness.Account, way string, files []corpusFile, made func([]byte) []byte) {
	t.Helper()
	c := d.IMAP(t, a)
	if n := harness.Select(t, c, "INBOX"); int(n) != len(files) {
		t.Errorf("%s: %d messages came, want %d", way, n, len(files))
		return
	}
	list, err := c.Fetch(imap.SeqSet{imap.SeqRange{Start: 1}}, &imap.FetchOptions{UID: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range list {
		compareMessage(t, c, m.UID, way, files[i], made(files[i].text), "Return-Path: ")
	}
}

// compareMessage reads a message by BINARY[] and by BODY[]. begins is how a trace
// header begins that stands before the message.
func compareMessage(t *testing.T, c *imapclient.Client, uid imap.UID, way string, f corpusFile, want []byte, begins string) {
	t.Helper()
	body := &imap.FetchItemBodySection{Peek: true}
	binary := &imap.FetchItemBinarySection{Peek: true}
	options := &imap.FetchOptions{UID: true, RFC822Size: true, Envelope: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, BodySection: []*imap.FetchItemBodySection{body}}
	nul := bytes.IndexByte(want, 0) >= 0
	if nul {
		options.BinarySection = []*imap.FetchItemBinarySection{binary}
	}
	list, err := c.Fetch(imap.UIDSetNum(uid), options).Collect()
	if err != nil || len(list) != 1 {
		t.Fatalf("%s, %s: FETCH: %d messages, %v", way, f.name, len(list), err)
	}
	got := list[0].FindBodySection(body)
	if nul {
		exact := list[0].FindBinarySection(binary)
		if !same(exact, want, begins) {
			t.Errorf("%s, %s: BINARY[] differs: %s", way, f.name, difference(exact, want, begins))
		}
		if bytes.IndexByte(got, 0) >= 0 {
			t.Errorf("%s, %s: BODY[] holds NUL", way, f.name)
		}
	} else if !same(got, want, begins) {
		t.Errorf("%s, %s: %s", way, f.name, difference(got, want, begins))
	}
	if list[0].RFC822Size != int64(len(got)) {
		t.Errorf("%s, %s: RFC822.SIZE %d, but %d bytes came", way, f.name, list[0].RFC822Size, len(got))
	}
	if list[0].Envelope == nil || list[0].BodyStructure == nil {
		t.Errorf("%s, %s: no ENVELOPE or BODYSTRUCTURE", way, f.name)
	}
}

func same(got, want []byte, begins string) bool {
	if begins == "" {
		return bytes.Equal(got, want)
	}
	return bytes.HasPrefix(got, []byte(begins)) && bytes.HasSuffix(got, want)
}

func difference(got, want []byte, begins string) string {
	if begins != "" {
		got = got[max(0, len(got)-len(want)):]
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%d bytes, want %d; at %d %.40q, want %.40q", len(got), len(want), i, got[i:], want[i:])
		}
	}
	return fmt.Sprintf("%d bytes, want %d", len(got), len(want))
}
