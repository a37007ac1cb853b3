package system

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/test/system/harness"
)

const (
	backedUp  = 30 // messages, before the backup
	afterward = 60 // and after it
)

// TestRestoreAfterACrash follows docs/admin/backup.md: a backup beside the running server,
// more mail, SIGKILL, and the backup back in its place. With the log that the killed server
// left it is never opened; without it, not before a new generation has begun.
func TestRestoreAfterACrash(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	backup, next := fillAndBackUp(t, d)
	d.Kill(t)
	database := filepath.Join(d.Data, "metadata.db")
	if info, err := os.Stat(database + "-wal"); err != nil || info.Size() == 0 {
		t.Fatal("the test shows nothing: the killed server left no log", err)
	}
	putBack(t, backup, database)
	for _, command := range [][]string{
		{"check"}, {"serve"}, {"account", "list"}, {"store", "migrate"}, {"store", "backup", backup + "2"},
		{"store", "new-generation", "--yes"}, {"store", "new-generation", "--yes", "--with-log"},
	} {
		refused(t, d, "remove "+database+"-wal and "+database+"-shm", command...)
	}
	removeLog(t, database)
	restoredWhole(t, d, next)
}

// TestRestoreAfterAStop: also where the server was stopped in good order, and nothing tells
// the backup from the database but the backup itself.
func TestRestoreAfterAStop(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	backup, next := fillAndBackUp(t, d)
	d.Stop(t)
	removeLog(t, filepath.Join(d.Data, "metadata.db"))
	putBack(t, backup, filepath.Join(d.Data, "metadata.db"))
	restoredWhole(t, d, next)
}

// TestRestoreIntoAnEmptyFolder is the other way that is documented.
func TestRestoreIntoAnEmptyFolder(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	backup, next := fillAndBackUp(t, d)
	d.Kill(t)
	all, err := filepath.Glob(filepath.Join(d.Data, "metadata.db*"))
	must(t, err)
	for _, file := range all {
		must(t, os.Remove(file))
	}
	putBack(t, backup, filepath.Join(d.Data, "metadata.db"))
	restoredWhole(t, d, next)
}

// TestRestoreOfACopy: a copy that somebody made with other tools, while the server ran, bears
// no mark and fits the identity that lies beside the database. How far that had come is in the
// blob store.
func TestRestoreOfACopy(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	backup, next := fillAndBackUp(t, d)
	f, err := os.OpenFile(backup, os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt(make([]byte, 4), 68) // as if SQLite's own tool had made it
	must(t, errors.Join(err, f.Close()))
	d.Stop(t)
	removeLog(t, filepath.Join(d.Data, "metadata.db"))
	putBack(t, backup, filepath.Join(d.Data, "metadata.db"))
	d.Command(t, "store", "migrate") // it asks no blob store
	for _, command := range [][]string{{"check"}, {"serve"}, {"account", "list"}} {
		refused(t, d, "store new-generation", command...)
	}
	putIntoUse(t, d, next)
}

// fillAndBackUp delivers mail to Anna before and after a backup, and answers its file and
// the next UID that a mail program has seen.
func fillAndBackUp(t *testing.T, d *harness.Demo) (backup string, next uint64) {
	t.Helper()
	deliverMany(t, d, "vor der Sicherung", backedUp)
	backup = filepath.Join(t.TempDir(), "backup.db")
	d.Command(t, "store", "backup", backup)
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal("who else reads it?", info, err)
	}
	refused(t, d, "is there already", "store", "backup", backup)
	deliverMany(t, d, "danach", afterward)
	return backup, code(t, dialRaw(t, d, d.Anna()).do(t, "SELECT INBOX"), "UIDNEXT")
}

func deliverMany(t *testing.T, d *harness.Demo, subject string, n int) {
	t.Helper()
	for i := range n {
		d.Deliver(t, harness.Message(fmt.Sprintf("%s %d", subject, i), 3000), d.Anna().Address)
	}
}

// restoredWhole checks that nothing opens what was put back, and that the documented
// commands bring it into use.
func restoredWhole(t *testing.T, d *harness.Demo, next uint64) {
	t.Helper()
	for _, command := range [][]string{{"check"}, {"serve"}, {"account", "list"}, {"store", "migrate"}} {
		refused(t, d, "store new-generation", command...)
	}
	putIntoUse(t, d, next)
}

// putIntoUse begins a new generation, and checks that all is there and no UID is given out
// twice.
func putIntoUse(t *testing.T, d *harness.Demo, next uint64) {
	t.Helper()
	d.Command(t, "store", "new-generation", "--yes")
	d.Check(t)
	d.Restart(t)
	c := dialRaw(t, d, d.Anna())
	c.do(t, "SELECT INBOX")
	if found := strings.Count(c.do(t, "UID SEARCH RETURN (COUNT) SUBJECT %q", "vor der Sicherung"), fmt.Sprint("COUNT ", backedUp)); found != 1 {
		t.Error("not all is back that the backup had")
	}
	if found := strings.Count(c.do(t, "UID SEARCH RETURN (COUNT) SUBJECT %q", "danach"), "COUNT 0"); found != 1 {
		t.Error("something came back that the backup did not have")
	}
	d.Deliver(t, harness.Message("nach der Rückkehr", 500), d.Anna().Address)
	if after := code(t, dialRaw(t, d, d.Anna()).do(t, "SELECT INBOX"), "UIDNEXT"); after <= next {
		t.Errorf("UIDNEXT is %d, and %d was seen", after, next)
	}
	d.Check(t)
}

// refused runs a command that must fail and say why.
func refused(t *testing.T, d *harness.Demo, why string, args ...string) {
	t.Helper()
	_, told, err := d.Try(t, "", args...)
	if err == nil || !strings.Contains(told, why) {
		t.Errorf("fachwerk %v: %v, %s", args, err, told)
	}
}

func putBack(t *testing.T, backup, database string) {
	t.Helper()
	text, err := os.ReadFile(backup)
	must(t, err)
	must(t, os.WriteFile(database, text, 0o600))
}

func removeLog(t *testing.T, database string) {
	t.Helper()
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(database + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
