package dir

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/blobtest"
)

// envChild makes this test binary the process that is killed.
const envChild = "FACHWERK_TEST_BLOB_DIR_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(envChild); path != "" {
		storeUntilKilled(path)
	}
	os.Exit(m.Run())
}

// storeUntilKilled stores objects from four goroutines and names each on standard
// output after its Put has returned.
func storeUntilKilled(path string) {
	s, err := Open(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				key, body := blob.NewKey(int64(w), time.Now()), crashBody(i)
				if err := s.Put(context.Background(), key, body); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Fprintf(os.Stdout, "%s %d\n", key, i)
			}
		}()
	}
	select {}
}

func crashBody(i int) blobtest.Generated {
	return blobtest.Generated{Seed: byte(i), Length: int64(i * 7919 % 300_000)}
}

// Killed at any moment, the store holds every object whose Put returned, and no
// half of another.
func TestKilledWhileWriting(t *testing.T) {
	path := t.TempDir()
	acknowledged := make(map[string]int)
	for range 8 {
		for key, i := range runAndKill(t, path) {
			acknowledged[key] = i
		}
	}
	if len(acknowledged) < 20 {
		t.Fatalf("only %d objects were stored: the test shows nothing", len(acknowledged))
	}
	s := open(t, path)
	if left, err := os.ReadDir(filepath.Join(path, temporaries)); err != nil || len(left) > 0 {
		t.Errorf("%d temporary files are left after the next start, %v", len(left), err)
	}
	for key, i := range acknowledged {
		r, err := s.Get(t.Context(), key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, crashBody(i).Bytes()) {
			t.Errorf("%s has %d bytes, want %d, %v", key, len(got), crashBody(i).Length, err)
		}
	}
	sizes := make(map[int64]bool) // whole objects have one of these
	for i := range 50_000 {
		sizes[crashBody(i).Length] = true
	}
	for after := ""; ; {
		page, err := s.List(t.Context(), "", after, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, info := range page {
			if _, ok := acknowledged[info.Key]; !ok && !sizes[info.Size] {
				t.Errorf("%s, not acknowledged, is visible with %d bytes", info.Key, info.Size)
			}
		}
		after = page[len(page)-1].Key
	}
}

// runAndKill lets a process store for a moment and returns what it acknowledged.
func runAndKill(t *testing.T, path string) map[string]int {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), envChild+"="+path)
	var failed strings.Builder
	child.Stderr = &failed
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond+rand.N(100*time.Millisecond), func() { _ = child.Process.Kill() })
	acknowledged := make(map[string]int)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var key string
		var i int
		if n, _ := fmt.Sscanf(lines.Text(), "%s %d", &key, &i); n == 2 && strings.Count(key, "/") == 2 {
			acknowledged[key] = i
		}
	}
	if err := child.Wait(); err == nil || failed.Len() > 0 {
		t.Fatalf("the process was not killed but ended: %v %s", err, failed.String())
	}
	return acknowledged
}
