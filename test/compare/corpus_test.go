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
	var out []session
	for i, f := range corpusFiles(t, filepath.Join(dir, "mail")) {
		var b strings.Builder
		fmt.Fprintf(&b, "1 CREATE corpus/%d\n1 APPEND corpus/%d @file\n1 EXAMINE corpus/%d\n", i, i, i)
		for _, item := range []string{"RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "BODY", "BODY[]", "BODY[HEADER]", "BODY[TEXT]",
			"BODY[1]", "BODY[1.MIME]", "BODY[2]", "BODY[2.MIME]", "BODY[]<7.100>", "BODY[TEXT]<1.50>",
			"BODY[HEADER.FIELDS (From To Cc Subject Date)]", "BODY[HEADER.FIELDS.NOT (Received)]"} {
			fmt.Fprintf(&b, "1 FETCH 1 %s\n", item)
		}
		out = append(out, session{name: "corpus/" + f.path, script: b.String(), messages: map[string]string{"file": f.text}})
	}
	return out
}

// corpusFile is a message, and where it lies below the corpus's mail.
type corpusFile struct{ path, text string }

// corpusFiles chooses evenly over the folder: files without NUL, with CRLF line
// ends, as RFC 9051 wants messages.
func corpusFiles(t *testing.T, dir string) (out []corpusFile) {
	t.Helper()
	var all []corpusFile
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
		rel, err := filepath.Rel(dir, path)
		all = append(all, corpusFile{filepath.ToSlash(rel), strings.ReplaceAll(string(text), "\n", "\r\n")})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < corpusMessages && len(all) > 0; i++ {
		out = append(out, all[i*len(all)/corpusMessages])
	}
	return out
}
