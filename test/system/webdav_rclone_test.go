package system

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// awkward are names that programs trip over.
var awkward = []string{
	"Übersicht.odt", "Anlage 1 (neu).pdf", "100% fertig.txt", "Frage?.txt", "a+b=c&d.txt", "Nr. #7.txt",
	"日本語.txt", "🗂️ Akten.txt", "'einfach' \"doppelt\".txt", "zwei  Leerzeichen.txt", "semi;kolon,komma.txt",
	"~tilde.txt", "[eckig].txt", "%2F.txt", "back\\slash.txt", "CON.txt", "Ende.",
}

// rclone copies a tree there and back, checks it by digest, moves it and keeps its
// times, as a Nextcloud's client and as that of any server.
func TestWebDAVRclone(t *testing.T) {
	rclone := need.Program(t, "rclone")
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		vendors := []string{"nextcloud", "other"}
		if e == harness.Remote {
			vendors = vendors[:1] // what differs is the client's
		}
		for _, vendor := range vendors {
			t.Run(vendor, func(t *testing.T) {
				r := newRclone(t, rclone, shareOf(t, d, d.Anna()))
				src := makeTree(t, 16)
				there := vendor + ":" + vendor
				r.must("copy", src, there)
				if r.same(src, there); vendor == "other" {
					r.same(src, there, "--download")
				}
				if out := r.must("copy", "-v", src, there); vendor == "nextcloud" && strings.Contains(out, ": Copied") {
					t.Errorf("a second run copies again:\n%s", out)
				}
				if vendor == "nextcloud" {
					r.sameTimes(src, there)
				}
				// Moving and copying happen on the server.
				r.must("moveto", there+"/Ordner 1", there+"/Verschoben/tief/unten")
				r.must("copyto", there+"/Ordner 2", there+"/Kopie von 2")
				back := filepath.Join(r.home, "back")
				r.must("copy", there, back)
				r.same(back, there)
				r.same(filepath.Join(src, "Ordner 1"), there+"/Verschoben/tief/unten")
				r.same(filepath.Join(src, "Ordner 2"), there+"/Kopie von 2")
				// move takes the source away.
				r.must("move", back, vendor+":"+vendor+"-2")
				if left := countFiles(t, back); left != 0 {
					t.Errorf("%d files are left where they were moved from", left)
				}
				if out := r.must("cat", there+"/"+"Übersicht.odt"); !strings.HasPrefix(out, "Inhalt von") {
					t.Errorf("cat: %.100s", out)
				}
				r.must("about", there)
				r.must("purge", there)
				if out, err := r.run("", r.path, "lsf", there); err == nil {
					t.Errorf("a purged folder lists: %s", out)
				}
			})
		}
		d.Check(t)
	})
}

// One gigabyte goes there and back whole, and the server's memory stays small.
func TestWebDAVRcloneGigabyte(t *testing.T) {
	rclone := need.Program(t, "rclone")
	for e, size := range map[harness.Engines]int64{harness.Embedded: 1 << 30, harness.Remote: 200 << 20} {
		t.Run(string(e), func(t *testing.T) {
			d := harness.Start(t, harness.Options{Engines: e})
			r := newRclone(t, rclone, shareOf(t, d, d.Anna()))
			src := filepath.Join(r.home, "groß.bin")
			want := makeNoise(t, src, size)
			atStart := peakMemory(t, d.PID)
			for _, vendor := range []string{"nextcloud", "other"} {
				there := vendor + ":" + vendor + "/groß.bin"
				began := time.Now()
				r.must("copyto", src, there)
				up := time.Since(began)
				began = time.Now()
				if out := r.must("hashsum", "SHA256", "--download", there); !strings.HasPrefix(out, want) {
					t.Errorf("%s: came back as %s, want %s", vendor, out, want)
				}
				t.Logf("%s: %d MiB up in %v, down in %v", vendor, size>>20, up, time.Since(began))
				r.must("deletefile", there)
			}
			peak := peakMemory(t, d.PID)
			t.Logf("the server's memory reached %d MiB at its start and %d MiB at last", atStart>>20, peak>>20)
			if peak > 300<<20 {
				t.Errorf("the server's memory reached %d MiB", peak>>20)
			}
		})
	}
}

// An rcloneRun is a configuration with the drive as two vendors' servers.
type rcloneRun struct {
	*program
	path string
}

func newRclone(t *testing.T, path string, s *webdavShare) *rcloneRun {
	t.Helper()
	r := &rcloneRun{newProgram(t), path}
	obscured := strings.TrimSpace(r.program.must(s.password, path, "obscure", "-"))
	var config strings.Builder
	for _, vendor := range []string{"nextcloud", "other"} {
		fmt.Fprintf(&config, "[%s]\ntype = webdav\nurl = %s\nvendor = %s\nuser = %s\npass = %s\n\n", vendor, s.url, vendor, s.user, obscured)
	}
	r.env = append(r.env, "RCLONE_CONFIG="+r.file("rclone.conf", config.String()))
	return r
}

// must runs rclone, without retries that would hide a fault.
func (r *rcloneRun) must(args ...string) string {
	r.t.Helper()
	return r.program.must("", r.path, append([]string{"--retries", "1", "--low-level-retries", "1"}, args...)...)
}

// same compares two trees both ways: names, sizes, and digests where both know one;
// with download the bytes themselves.
func (r *rcloneRun) same(a, b string, more ...string) {
	r.t.Helper()
	if out := r.must(append([]string{"check", a, b}, more...)...); !strings.Contains(out, " 0 differences found") {
		r.t.Errorf("check %v: %s", more, out)
	}
}

// sameTimes compares the files' times, to the second.
func (r *rcloneRun) sameTimes(a, b string) {
	r.t.Helper()
	list := func(at string) string {
		lines := strings.Split(r.must("lsf", "-R", "--files-only", "--format", "tsp", at), "\n")
		slices.Sort(lines) // folders come in any order
		return strings.Join(lines, "\n")
	}
	if here, there := list(a), list(b); here != there {
		r.t.Errorf("times here:\n%.2000s\nthere:\n%.2000s", here, there)
	}
}

// makeTree makes a folder of small files with awkward names and old times, an empty
// file and folders in folders.
func makeTree(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string, age time.Duration) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC).Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range awkward {
		put(name, "Inhalt von "+name, time.Duration(i)*24*time.Hour)
	}
	put("leer.txt", "", 365*24*time.Hour)
	for i := range n {
		put(fmt.Sprintf("Ordner %d/Unter %d/Vorgang %d.txt", i%4, i%7, i), strings.Repeat(fmt.Sprintf("Zeile %d\n", i), i*37), time.Duration(i)*time.Hour)
	}
	return dir
}

// makeNoise writes a file that no compression makes smaller and answers its SHA-256.
func makeNoise(t *testing.T, path string, size int64) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(noise{rand.NewPCG(3, 4)}, size)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return hexSum(sum)
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

type noise struct{ *rand.PCG }

func (n noise) Read(p []byte) (int, error) {
	for i := 0; i+8 <= len(p); i += 8 {
		binary.LittleEndian.PutUint64(p[i:], n.Uint64())
	}
	return len(p) &^ 7, nil
}

func countFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// peakMemory is the most that a process has had resident, bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	t.Fatal("no VmHWM in the process's status")
	return 0
}
