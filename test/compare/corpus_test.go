package compare

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
)

const (
	corpusMessages = 40
	corpusLargest  = 200 << 10 // octets
)

// corpusSessions fetch every part of messages from the corpus, if there is one.
func corpusSessions(t *testing.T) []session {
	t.Helper()
	dir, ok := need.Corpus(t)
	if !ok {
		return nil
	}
	s := session{name: "corpus", messages: map[string]string{}}
	var b strings.Builder
	b.WriteString("1 CREATE corpus/box\n")
	files := corpusFiles(t, filepath.Join(dir, "mail"))
	for i := range files {
		name := fmt.Sprint("file", i+1)
		s.messages[name] = files[i]
		fmt.Fprintf(&b, "1 APPEND corpus/box @%s\n", name)
	}
	b.WriteString("1 EXAMINE corpus/box\n")
	for i := range files {
		for _, item := range []string{"RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "BODY[]", "BODY[HEADER]", "BODY[TEXT]",
			"BODY[1]", "BODY[1.MIME]", "BODY[2]", "BODY[2.MIME]", "BODY[]<7.100>",
			"BODY[HEADER.FIELDS (From To Cc Subject Date)]", "BODY[HEADER.FIELDS.NOT (Received)]"} {
			fmt.Fprintf(&b, "1 FETCH %d %s\n", i+1, item)
		}
	}
	s.script = b.String()
	return []session{s}
}

// corpusFiles chooses evenly over the folder: files without NUL, with CRLF line
// ends, as RFC 9051 wants messages.
func corpusFiles(t *testing.T, dir string) (out []string) {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || len(text) == 0 || len(text) > corpusLargest || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
		if bytes.IndexByte(text, '\r') >= 0 {
			return nil // another kind of line end
		}
		all = append(all, strings.ReplaceAll(string(text), "\n", "\r\n"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < corpusMessages && len(all) > 0; i++ {
		out = append(out, all[i*len(all)/corpusMessages])
	}
	return out
}
