package system

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/vdir"
	"fachwerk/test/system/harness"
)

// vdirsyncer keeps calendars in step with folders both ways, khal writes and reads
// there: events, changes and removals, a new calendar with name and colour.
func TestVdirsyncerAndKhal(t *testing.T) {
	need.Program(t, "vdirsyncer")
	need.Program(t, "khal")
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		s := calendarsOf(t, d, d.Anna())
		v := newCalendarFolder(t, s)
		v.sync()
		first := v.calendars()
		if len(first) == 0 {
			t.Fatal("no calendar was found")
		}
		name := filepath.Base(first[0])
		home := s.home() + name + "/"
		if far, near := len(s.list(home)), len(v.events(first[0])); far != near {
			t.Errorf("%d events there, %d came", far, near)
		}

		// khal's event arrives, one from there is shown by khal.
		v.khal("new", "-a", name, "2026-12-01", "10:00", "11:00", "Bauausschuss", "::", "öffentlich")
		s.want(http.StatusCreated, "PUT", home+"umzug.ics", calendarEvent("umzug@musterstadt.example", "20261201T140000", "Umzug des Bürgeramts"), "If-None-Match", "*")
		v.sync()
		href, text := s.having(home, "SUMMARY:Bauausschuss")
		if href == "" || !strings.Contains(text, "öffentlich") {
			t.Errorf("khal's event did not arrive: %q", text)
		}
		if day := v.khal("list", "2026-12-01", "2026-12-01"); !strings.Contains(day, "10:00-11:00 Bauausschuss") || !strings.Contains(day, "14:00-15:00 Umzug des Bürgeramts") {
			t.Errorf("khal shows %q", day)
		}

		// Changes and removals go both ways.
		s.want(http.StatusNoContent, "PUT", home+"umzug.ics", calendarEvent("umzug@musterstadt.example", "20261202T140000", "Umzug, einen Tag später"))
		near := v.having(first[0], "SUMMARY:Bauausschuss")
		v.write(near, strings.Replace(v.read(near), "Bauausschuss", "Finanzausschuss", 1))
		v.sync()
		if got := s.want(http.StatusOK, "GET", href, ""); !strings.Contains(got, "Finanzausschuss") {
			t.Errorf("the change made here did not arrive: %q", got)
		}
		if day := v.khal("list", "2026-12-02", "2026-12-02"); !strings.Contains(day, "einen Tag später") {
			t.Errorf("the change made there did not come: %q", day)
		}
		if err := os.Remove(near); err != nil {
			t.Fatal(err)
		}
		s.want(http.StatusNoContent, "DELETE", home+"umzug.ics", "")
		v.sync()
		s.want(http.StatusNotFound, "GET", href, "")
		if v.having(first[0], "umzug@musterstadt.example") != "" {
			t.Error("what was removed there is still here")
		}

		// A calendar made here, with its name and colour.
		made := filepath.Join(v.near, "projekte")
		if err := os.MkdirAll(made, 0o700); err != nil {
			t.Fatal(err)
		}
		v.write(filepath.Join(made, "displayname"), "Projekte")
		v.write(filepath.Join(made, "color"), "#ff8800")
		v.write(filepath.Join(made, "a.ics"), calendarEvent("projekt@musterstadt.example", "20261203T090000", "Auftakt"))
		v.sync()
		v.must("", "vdirsyncer", "-c", v.config, "metasync")
		if href, _ := s.having(s.home()+"projekte/", "SUMMARY:Auftakt"); href == "" {
			t.Error("the new calendar's event did not arrive")
		}
		props := s.want(http.StatusMultiStatus, "PROPFIND", s.home()+"projekte/",
			`<propfind xmlns="DAV:"><prop><displayname/><calendar-color xmlns="http://apple.com/ns/ical/"/></prop></propfind>`, "Depth", "0")
		if !strings.Contains(props, "Projekte") || !strings.Contains(strings.ToLower(props), "#ff8800") {
			t.Errorf("name and colour did not arrive: %s", props)
		}
		before := v.snapshot()
		v.sync()
		if v.snapshot() != before {
			t.Error("a last run changed something though nothing had happened")
		}
		d.Check(t)
	})
}

// A calendarFolder is a folder of calendars with vdirsyncer's and khal's configuration.
type calendarFolder struct {
	*program
	near, config, khalConfig string
}

func newCalendarFolder(t *testing.T, s *calendarShare) *calendarFolder {
	t.Helper()
	v := &calendarFolder{program: newProgram(t, "TZ=Europe/Berlin")}
	v.near = filepath.Join(v.home, "calendars")
	v.config, v.khalConfig = filepath.Join(v.home, "vdirsyncer.conf"), filepath.Join(v.home, "khal.conf")
	if err := os.MkdirAll(v.near, 0o700); err != nil {
		t.Fatal(err)
	}
	v.write(v.config, vdir.Vdirsyncer(filepath.Join(v.home, "status"), []vdir.Pair{
		{Name: "calendars", A: "near", B: "far", Collections: []string{"from a", "from b"}, Metadata: []string{"displayname", "color"}, Winner: "a"},
	}, []vdir.Storage{vdir.Folder("near", v.near, ".ics"), {Name: "far", Type: "caldav", URL: s.root.String(), User: s.user, Password: s.password}}))
	v.write(v.khalConfig, vdir.Khal(v.near, filepath.Join(v.home, "khal.db")))
	return v
}

func (v *calendarFolder) sync() {
	v.t.Helper()
	v.must(strings.Repeat("y\n", 20), "vdirsyncer", "-c", v.config, "discover")
	v.must("", "vdirsyncer", "-c", v.config, "sync")
}

func (v *calendarFolder) khal(args ...string) string {
	v.t.Helper()
	return v.must("", "khal", append([]string{"-c", v.khalConfig}, args...)...)
}

// calendars are the folders, events the objects of one.
func (v *calendarFolder) calendars() []string { return v.glob(filepath.Join(v.near, "*")) }

func (v *calendarFolder) events(folder string) []string {
	return v.glob(filepath.Join(folder, "*.ics"))
}

func (v *calendarFolder) glob(pattern string) []string {
	list, err := filepath.Glob(pattern)
	if err != nil {
		v.t.Fatal(err)
	}
	return list
}

func (v *calendarFolder) having(folder, what string) string {
	for _, path := range v.events(folder) {
		if strings.Contains(v.read(path), what) {
			return path
		}
	}
	return ""
}

func (v *calendarFolder) read(path string) string {
	v.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(text)
}

func (v *calendarFolder) write(path, text string) {
	v.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		v.t.Fatal(err)
	}
}

// snapshot is all that lies in the folder, with times.
func (v *calendarFolder) snapshot() string {
	v.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(v.near, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return b.String()
}
