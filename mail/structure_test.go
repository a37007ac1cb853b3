package mail

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/mail/message"
)

// samples are messages to read: the corpus, or a few made here.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	list := map[string][]byte{
		"plain":     []byte("From: a@x.example\r\nSubject: s\r\n\r\nText\r\n"),
		"no body":   []byte("Subject: s\r\n"),
		"empty":     {},
		"blank":     []byte("\r\nText\r\n"),
		"continued": []byte(" continued\r\nSubject: s\r\n\r\nText"),
		"bare LF":   []byte("Subject: s\n\nText\n"),
		"parts": []byte("Received: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n" +
			"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntwo\r\n--b--\r\n"),
	}
	dir, ok := need.Corpus(t)
	if !ok {
		return list
	}
	err := filepath.WalkDir(filepath.Join(dir, "mail"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		list[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A message behind its trace fields is found as a scan of both together finds it.
func TestShiftedIsWhatAScanFinds(t *testing.T) {
	prefix := []byte("Return-Path: <a@x.example>\r\nReceived: from x by y\r\n\twith LMTP; now\r\n")
	shifts := 0
	for name, text := range samples(t) {
		var first byte
		if len(text) > 0 {
			first = text[0]
		}
		if !shiftable(prefix, first) {
			continue
		}
		shifts++
		got := shifted(message.Scan(text, message.Limits{}), prefix)
		want := message.Scan(append(append([]byte{}, prefix...), text...), message.Limits{})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: shifted\n%+v\n%+v\nscanned\n%+v\n%+v", name, got, got.Root, want, want.Root)
		}
	}
	if shifts == 0 {
		t.Error("no sample could be shifted")
	}
	for _, p := range []string{"Received: x", "Subject: x\r\n", " x\r\n", "Received: x\r\n\r\n", "x\r\n"} {
		if shiftable([]byte(p), 'F') {
			t.Errorf("prefix %q is taken for trace fields", p)
		}
	}
	if shiftable(prefix, ' ') || shiftable(prefix, '\r') {
		t.Error("a continuation line would change its meaning")
	}
}

func TestStructuresComeBackAsStored(t *testing.T) {
	for name, text := range samples(t) {
		m := message.Scan(text, message.Limits{})
		st, err := newStructure(m, "Vorschau")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got Structure
		if err := got.decode(st.encode()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(got.Envelope, st.Envelope) || !bytes.Equal(got.Body, st.Body) || !bytes.Equal(got.BodyStructure, st.BodyStructure) ||
			got.Preview != "Vorschau" || got.HeaderSize != m.Root.BodyOffset || got.Flags != m.Flags {
			t.Errorf("%s: %+v", name, got)
		}
		back, err := got.Message()
		if err != nil || back.Size != m.Size || back.Root.BodyOffset != m.Root.BodyOffset {
			t.Errorf("%s: %+v, %v", name, back, err)
		}
	}
}

func FuzzStructure(f *testing.F) {
	for _, text := range []string{"", "Subject: s\r\n\r\nText"} {
		st, err := newStructure(message.Scan([]byte(text), message.Limits{}), "p")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(st.encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var st Structure
		if err := st.decode(data); err != nil {
			if !errors.Is(err, errStructure) {
				t.Fatal(err)
			}
			return
		}
		var again Structure
		if err := again.decode(st.encode()); err != nil || !reflect.DeepEqual(st, again) {
			t.Fatalf("%v: %+v, %+v", err, st, again)
		}
	})
}

func FuzzNormalizeName(f *testing.F) {
	for _, name := range []string{"INBOX", "inbox/a", "Büro", "a//b", "a\x00", strings.Repeat("/", 9), "Other Users"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		n, err := normalizeName(name)
		if err != nil {
			if !errors.Is(err, ErrName) {
				t.Fatal(err)
			}
			return
		}
		if again, err := normalizeName(n); err != nil || again != n || len(n) > maxNameBytes {
			t.Fatalf("%q became %q, then %q, %v", name, n, again, err)
		}
	})
}

func TestSentDay(t *testing.T) {
	for date, want := range map[string]day{
		"Sun, 22 Nov 2026 10:00:00 +0100": 20261122, "22 Nov 26 10:00 GMT": 20261122, "3 February 1999": 19990203,
		"Sat, 1-Jan-94 00:00:00 EST": 19940101, "Mon,  4 DEC 117 1:2:3 (x)": 20171204, "22 Nov 2026\r\n 10:00": 20261122,
		"": 0, "morgen": 0, "Nov 22 2026": 0, "99 Nov 2026": 0, "22 Foo 2026": 0, strings.Repeat("1 ", 500): 0,
	} {
		if got := sentDay(date); got != want {
			t.Errorf("%.40q: %d, want %d", date, got, want)
		}
	}
}

func TestObjectIDs(t *testing.T) {
	for _, id := range []int64{1, 35, 36, 1<<63 - 1} {
		s := ObjectIDString('M', id)
		if got, ok := ParseObjectID('M', s); !ok || got != id || len(s) > 100 {
			t.Errorf("%d: %q, %d, %v", id, s, got, ok)
		}
		if _, ok := ParseObjectID('T', s); ok {
			t.Errorf("%q taken for a THREADID", s)
		}
	}
	for _, s := range []string{"", "M", "M+1", "M01", "Mä", "M1X"} {
		if _, ok := ParseObjectID('M', s); ok {
			t.Errorf("%q accepted", s)
		}
	}
}
