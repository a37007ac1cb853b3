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
	s.DB.Close()
	acknowledged := map[int64]bool{}
	for range 3 {
		child := exec.Command(os.Args[0], "-test.run", "^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
		child.Env = append(os.Environ(), crashPlace+"="+s.Place,
			fmt.Sprintf("%s=%d %d %d", crashKey, s.Key.Tenant, s.Key.Account, inbox.ID))
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
	if len(acknowledged) < 10 {
		t.Fatalf("only %d writes before the kill", len(acknowledged))
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
	s.sound(t)
}

// writeUntilKilled is the child: it prints a UID when its item is durable.
func writeUntilKilled(t *testing.T, f Factory, place string) {
	s := &Store{DB: OpenAt(t, f, place), Place: place}
	var collection int64
	if _, err := fmt.Sscan(os.Getenv(crashKey), &s.Key.Tenant, &s.Key.Account, &collection); err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
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
