package metatest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
)

// The environment of a child that testCrash starts from the test binary.
const (
	crashPlace = "METATEST_CRASH_PLACE"
	crashKey   = "METATEST_CRASH_KEY"
	crashPath  = "path " // begins a line that tells of a path
)

// testCrash: a process that is killed while it writes loses nothing that it had
// acknowledged, and what it leaves is sound.
func testCrash(t *testing.T, f Factory) {
	if place := os.Getenv(crashPlace); place != "" {
		writeUntilKilled(t, f, place)
		return
	}
	s := Open(t, f)
	inbox := s.Mailbox(t, "INBOX")
	drive, err := s.CreateCollection(t.Context(), s.Key, meta.Drive, "drive", "", meta.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.DB.Close()
	acknowledged := map[int64]bool{}
	paths := map[string]bool{}
	for range 3 {
		child := exec.Command(os.Args[0], "-test.run", "^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
		child.Env = append(os.Environ(), crashPlace+"="+s.Place,
			fmt.Sprintf("%s=%d %d %d %d", crashKey, s.Key.Tenant, s.Key.Account, inbox.ID, drive.ID))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if path, is := strings.CutPrefix(lines.Text(), crashPath); is {
				paths[path] = true
				continue
			}
			uid, err := strconv.ParseInt(lines.Text(), 10, 64)
			if err != nil {
				continue // the test binary's own words
			}
			if acknowledged[uid] {
				t.Fatalf("UID %d given twice", uid)
			}
			acknowledged[uid] = true
			once.Do(func() { time.AfterFunc(100*time.Millisecond, func() { child.Process.Kill() }) })
		}
		child.Wait()
	}
	if len(acknowledged) < 10 || len(paths) < 5 {
		t.Fatalf("only %d and %d writes before the kill", len(acknowledged), len(paths))
	}
	s.DB = OpenAt(t, f, s.Place)
	there := map[int64]bool{}
	for after, more := int64(0), true; more; {
		items, err := s.Items(t.Context(), s.Key, inbox.ID, after, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range items {
			there[i.UID], after = true, i.UID
		}
		more = len(items) > 0
	}
	for uid := range acknowledged {
		if !there[uid] {
			t.Errorf("UID %d was acknowledged and is lost", uid)
		}
	}
	for path := range paths {
		names := strings.Split(path, "/")
		if found, err := s.WalkNames(t.Context(), s.Key, drive.ID, meta.Root, names); err != nil || len(found) != len(names) {
			t.Errorf("%s was acknowledged and is lost, %v", path, err)
		}
	}
	s.sound(t)
	for more := true; more; {
		if more, err = s.Reap(t.Context(), s.Key, drive.ID, 100); err != nil {
			t.Fatal(err)
		}
	}
	s.sound(t)
}

// writeUntilKilled is the child: it prints a UID when its item is durable.
func writeUntilKilled(t *testing.T, f Factory, place string) {
	s := &Store{DB: OpenAt(t, f, place), Place: place}
	var collection, drive int64
	if _, err := fmt.Sscan(os.Getenv(crashKey), &s.Key.Tenant, &s.Key.Account, &collection, &drive); err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	for worker := range 3 {
		writing.Go(func() {
			err := putUntilKilled(t.Context(), s, drive, worker, func(path string) { os.Stdout.WriteString(crashPath + path + "\n") })
			if err != nil {
				t.Error(err)
			}
		})
	}
	for range 4 {
		writing.Go(func() {
			for stop := time.Now().Add(20 * time.Second); time.Now().Before(stop); {
				a, err := s.Add(t.Context(), s.Key, collection, []meta.NewItem{Message(2000)})
				if err != nil {
					t.Error(err)
					return
				}
				os.Stdout.WriteString(strconv.FormatInt(a[0].UID, 10) + "\n")
			}
		})
	}
	writing.Wait()
}
