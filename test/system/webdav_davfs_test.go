package system

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// davfs2 mounts the drive as a file system; ordinary file work goes through it.
func TestWebDAVDavfs(t *testing.T) {
	mount := need.Program(t, "mount.davfs")
	umount := need.Program(t, "umount")
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		need.Missing(t, "davfs2 needs /dev/fuse, which cannot be opened here: "+err.Error())
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		need.Missing(t, "mount.davfs mounts for root only, unless /etc/fstab says otherwise")
	}
	d := harness.Start(t, harness.Options{})
	s := shareOf(t, d, d.Anna())
	p := newProgram(t)
	at := filepath.Join(p.home, "laufwerk")
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	// With its smaller default, davfs2 1.6 and 1.7 list nothing on Linux 6.16 and newer.
	config := p.file("davfs2.conf", fmt.Sprintf("ask_auth 0\ndelay_upload 0\nuse_locks 1\nbuf_size 64\nsecrets %s\n",
		p.file("secrets", fmt.Sprintf("%s %q %q\n", s.url, s.user, s.password))))
	p.must("", mount, "-o", "conf="+config, s.url.String(), at)
	mounted := true
	unmount := func() {
		if mounted {
			mounted = false
			p.must("", umount, at) // waits until all is written
		}
	}
	t.Cleanup(unmount)

	big := make([]byte, 3<<20)
	if _, err := rand.Read(big); err != nil {
		t.Fatal(err)
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(os.MkdirAll(filepath.Join(at, "Bauamt", "2026"), 0o700))
	do(os.WriteFile(filepath.Join(at, "Bauamt", "Plan.bin"), big, 0o600))
	do(os.WriteFile(filepath.Join(at, "Bauamt", "Übersicht.txt"), []byte("erste Fassung"), 0o600))
	do(os.WriteFile(filepath.Join(at, "Bauamt", "Übersicht.txt"), []byte("zweite Fassung"), 0o600))
	do(os.Rename(filepath.Join(at, "Bauamt", "Plan.bin"), filepath.Join(at, "Bauamt", "2026", "Plan.bin")))
	do(os.WriteFile(filepath.Join(at, "weg.txt"), []byte("weg"), 0o600))
	do(os.Remove(filepath.Join(at, "weg.txt")))
	got, err := os.ReadFile(filepath.Join(at, "Bauamt", "2026", "Plan.bin"))
	if err != nil || string(got) != string(big) {
		t.Errorf("through the mount %d bytes came back, %v", len(got), err)
	}
	list, err := os.ReadDir(filepath.Join(at, "Bauamt"))
	if err != nil || len(list) != 2 {
		t.Errorf("Bauamt lists %v, %v", list, err)
	}
	unmount()

	_, text := s.want(http.StatusOK, http.MethodGet, "Bauamt/2026/Plan.bin", "")
	if text != string(big) {
		t.Errorf("%d bytes came to the server, want %d of the same", len(text), len(big))
	}
	if _, text := s.want(http.StatusOK, http.MethodGet, "Bauamt/%C3%9Cbersicht.txt", ""); text != "zweite Fassung" {
		t.Errorf("the server has %q", text)
	}
	harness.Eventually(t, time.Minute, "weg.txt goes", func() bool {
		res, _ := s.do(http.MethodHead, "weg.txt", "")
		return res.StatusCode == http.StatusNotFound
	})
	d.Check(t)
}
