package imap_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// messages gives the corpus, or, without one, messages made here.
func messages(t testing.TB) (names []string, content [][]byte) {
	dir := os.Getenv("FACHWERK_CORPUS")
	if dir == "" {
		t.Log("FACHWERK_CORPUS is not set: messages made here are used")
		for name, text := range map[string]string{
			"plain":     note("plain"),
			"empty":     "\r\n",
			"bare":      "Subject: bare\nX: y\r\r\n\nline\rline\n",
			"nul":       "Subject: nul\r\n\r\na\x00b\r\n",
			"8bit":      "Subject: gr\xfc\xdfe\r\nFrom: \xff <a@b>\r\n\r\n\xff\xfe\r\n",
			"multipart": crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: message/rfc822\n\nSubject: in\n\ninner\n--b\nContent-Transfer-Encoding: base64\n\naGVsbG8AIQ==\n--b--\n"),
			"unclosed":  crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: multipart/alternative; boundary=\n"),
		} {
			names, content = append(names, name), append(content, []byte(text))
		}
		return names, content
	}
	err := filepath.WalkDir(filepath.Join(dir, "mail"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "LICENSE") {
			return err
		}
		b, err := os.ReadFile(path)
		if len(b) > 0 {
			names, content = append(names, path), append(content, b)
		}
		return err
	})
	if err != nil || len(names) < 1000 {
		t.Fatalf("corpus of %d files: %v", len(names), err)
	}
	return names, content
}

func dialClient(t testing.TB, s *server, address string) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialStartTLS(s.addr, &imapclient.Options{TLSConfig: s.clients})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(address, s.password[address]).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

// Every message comes back byte for byte, and everything FETCH tells of it is well-formed.
func TestCorpus(t *testing.T) {
	s := start(t)
	names, content := messages(t)
	c := dialClient(t, s, alice)
	for i, b := range content {
		cmd := c.Append("INBOX", int64(len(b)), nil)
		cmd.Write(b)
		cmd.Close()
		data, err := cmd.Wait()
		if err != nil || int(data.UID) != i+1 {
			t.Fatalf("append %s: %v %v", names[i], data, err)
		}
	}
	mb, err := c.Select("INBOX", nil).Wait()
	if err != nil || int(mb.NumMessages) != len(content) {
		t.Fatal(mb, err)
	}
	whole := &goimap.FetchItemBodySection{Peek: true}
	header := &goimap.FetchItemBodySection{Specifier: goimap.PartSpecifierHeader, Peek: true}
	text := &goimap.FetchItemBodySection{Specifier: goimap.PartSpecifierText, Peek: true}
	middle := &goimap.FetchItemBodySection{Partial: &goimap.SectionPartial{Offset: 7, Size: 1000}, Peek: true}
	binary := &goimap.FetchItemBinarySection{Peek: true}
	opts := &goimap.FetchOptions{
		UID: true, Flags: true, Envelope: true, InternalDate: true, RFC822Size: true,
		BodyStructure: &goimap.FetchItemBodyStructure{Extended: true},
		BodySection:   []*goimap.FetchItemBodySection{whole, header, text, middle},
		BinarySection: []*goimap.FetchItemBinarySection{binary},
	}
	var set goimap.SeqSet
	set.AddRange(1, 0)
	fetched := c.Fetch(set, opts)
	n := 0
	for msg := fetched.Next(); msg != nil; msg = fetched.Next() {
		buf, err := msg.Collect()
		if err != nil {
			t.Fatalf("message %d: %v", n+1, err)
		}
		want := content[buf.SeqNum-1]
		shown := bytes.ReplaceAll(want, []byte{0}, []byte{0x80})
		name := names[buf.SeqNum-1]
		if got := buf.FindBinarySection(binary); !bytes.Equal(got, want) {
			t.Errorf("%s: BINARY[] gives %d bytes of %d", name, len(got), len(want))
		}
		if got := buf.FindBodySection(whole); !bytes.Equal(got, shown) {
			t.Errorf("%s: BODY[] gives %d bytes of %d", name, len(got), len(want))
		}
		if got := append(append([]byte{}, buf.FindBodySection(header)...), buf.FindBodySection(text)...); !bytes.Equal(got, shown) {
			t.Errorf("%s: BODY[HEADER] and BODY[TEXT] are not the message", name)
		}
		if got, want := buf.FindBodySection(middle), shown[min(7, len(shown)):min(1007, len(shown))]; !bytes.Equal(got, want) {
			t.Errorf("%s: a range is wrong", name)
		}
		if buf.RFC822Size != int64(len(want)) || buf.BodyStructure == nil || buf.Envelope == nil {
			t.Errorf("%s: size %d, body structure %v", name, buf.RFC822Size, buf.BodyStructure)
		}
		n++
	}
	if err := fetched.Close(); err != nil || n != len(content) {
		t.Fatalf("%d of %d messages, %v", n, len(content), err)
	}
	partsOf(t, s, names, content)
}

// partsOf fetches every part of every message by its number.
func partsOf(t *testing.T, s *server, names []string, content [][]byte) {
	c := dialClient(t, s, alice)
	if _, err := c.Select("INBOX", &goimap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		t.Fatal(err)
	}
	parts := 0
	for i := range content {
		buf, err := c.Fetch(goimap.UIDSetNum(goimap.UID(i+1)), &goimap.FetchOptions{BodyStructure: &goimap.FetchItemBodyStructure{}}).Collect()
		if err != nil || len(buf) != 1 {
			t.Fatalf("%s: %v", names[i], err)
		}
		opts := &goimap.FetchOptions{}
		buf[0].BodyStructure.Walk(func(path []int, part goimap.BodyStructure) bool {
			if len(path) == 0 || len(opts.BodySection) > 60 {
				return true
			}
			path = append([]int{}, path...)
			opts.BodySection = append(opts.BodySection, &goimap.FetchItemBodySection{Part: path, Peek: true},
				&goimap.FetchItemBodySection{Part: path, Specifier: goimap.PartSpecifierMIME, Peek: true})
			if leaf, ok := part.(*goimap.BodyStructureSinglePart); ok && knownEncoding(leaf.Encoding) {
				opts.BinarySectionSize = append(opts.BinarySectionSize, &goimap.FetchItemBinarySectionSize{Part: path})
				opts.BinarySection = append(opts.BinarySection, &goimap.FetchItemBinarySection{Part: path, Peek: true})
			}
			return true
		})
		if len(opts.BodySection) == 0 {
			continue
		}
		got, err := c.Fetch(goimap.UIDSetNum(goimap.UID(i+1)), opts).Collect()
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v", names[i], err)
		}
		shown := bytes.ReplaceAll(content[i], []byte{0}, []byte{0x80})
		for _, sec := range got[0].BodySection {
			parts++
			if !bytes.Contains(shown, sec.Bytes) {
				t.Errorf("%s: a part is not in the message", names[i])
			}
		}
		for k, size := range got[0].BinarySectionSize {
			if k < len(got[0].BinarySection) && int(size.Size) != len(got[0].BinarySection[k].Bytes) {
				t.Errorf("%s: BINARY.SIZE is %d, BINARY has %d", names[i], size.Size, len(got[0].BinarySection[k].Bytes))
			}
		}
	}
	t.Logf("%d messages, %d sections", len(content), parts)
}

func knownEncoding(e string) bool {
	switch strings.ToLower(e) {
	case "", "7bit", "8bit", "binary", "base64", "quoted-printable":
		return true
	}
	return false
}

// TestLibraryClient goes through a client's day with go-imap's imapclient.
func TestLibraryClient(t *testing.T) {
	s := start(t)
	c := dialClient(t, s, alice)
	if !c.Caps().Has(goimap.CapQResync) || !c.Caps().Has(goimap.CapIMAP4rev2) {
		t.Errorf("capabilities %v", c.Caps())
	}
	if _, err := c.Enable(goimap.CapIMAP4rev2).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Create("Bürger/Anträge", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	list, err := c.List("", "*", &goimap.ListOptions{ReturnStatus: &goimap.StatusOptions{NumMessages: true, Size: true}, ReturnSubscribed: true}).Collect()
	if err != nil || len(list) != 8 {
		t.Fatalf("%d mailboxes, %v", len(list), err)
	}
	ns, err := c.Namespace().Wait()
	if err != nil || len(ns.Personal) != 1 || ns.Other[0].Prefix != "Other Users/" {
		t.Errorf("%+v %v", ns, err)
	}
	var wg int
	for i := range 5 {
		msg := note(fmt.Sprint("Antrag ", i))
		cmd := c.Append("Bürger/Anträge", int64(len(msg)), &goimap.AppendOptions{Flags: []goimap.Flag{goimap.FlagFlagged}})
		io.WriteString(cmd, msg)
		cmd.Close()
		if _, err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		wg++
	}
	mb, err := c.Select("Bürger/Anträge", nil).Wait()
	if err != nil || int(mb.NumMessages) != wg {
		t.Fatal(mb, err)
	}
	found, err := c.UIDSearch(&goimap.SearchCriteria{Header: []goimap.SearchCriteriaHeaderField{{Key: "Subject", Value: "antrag 3"}}}, nil).Wait()
	if err != nil || len(found.AllUIDs()) != 1 || found.AllUIDs()[0] != 4 {
		t.Errorf("%+v %v", found, err)
	}
	if _, err := c.Copy(goimap.SeqSetNum(1, 2), "Archive").Wait(); err != nil {
		t.Error(err)
	}
	if _, err := c.Move(goimap.UIDSetNum(3), "Trash").Wait(); err != nil {
		t.Error(err)
	}
	if err := c.Store(goimap.SeqSetNum(1), &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Flags: []goimap.Flag{goimap.FlagDeleted}}, nil).Close(); err != nil {
		t.Error(err)
	}
	gone, err := c.Expunge().Collect()
	if err != nil || len(gone) != 1 {
		t.Error(gone, err)
	}
	st, err := c.Status("Bürger/Anträge", &goimap.StatusOptions{NumMessages: true, UIDNext: true, NumUnseen: true}).Wait()
	if err != nil || *st.NumMessages != 3 || st.UIDNext != 6 {
		t.Errorf("%+v %v", st, err)
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	if err := idle.Close(); err != nil {
		t.Error(err)
	}
	if err := idle.Wait(); err != nil {
		t.Error(err)
	}
	if err := c.Logout().Wait(); err != nil {
		t.Error(err)
	}
}
