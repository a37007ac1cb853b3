package system

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// Evolution's calendar service makes, changes and deletes an event, and sees what
// others change.
func TestEvolutionCalendar(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	s := calendarsOf(t, d, d.Anna())
	e := newEvolutionCalendar(t, s)
	home := s.home() + "calendar/"

	e.do("create", "Bürgersprechstunde")
	href, text := s.having(home, "UID:evolution@musterstadt.example")
	if !strings.Contains(text, "SUMMARY:Bürgersprechstunde") {
		t.Fatalf("the event did not arrive: %q", text)
	}
	e.do("change", "Bürgersprechstunde, im Saal")
	if text := s.want(http.StatusOK, "GET", href, ""); !strings.Contains(text, `SUMMARY:Bürgersprechstunde\, im Saal`) {
		t.Errorf("the change did not arrive: %q", text)
	}
	s.want(http.StatusNoContent, "PUT", href, calendarEvent("evolution@musterstadt.example", "20261207T090000", "Von jemand anderem"))
	e.do("see", "Von jemand anderem")
	e.do("remove", "")
	s.want(http.StatusNotFound, "GET", href, "")
	d.Check(t)
}

// An evolution is Evolution's data server with a home of its own, as scripts use it. Its bus
// starts its own services alone: no keyring asks for a password.
type evolution struct {
	*program
	bus string
}

// newEvolution makes one; imports are what its scripts begin with.
func newEvolution(t *testing.T, imports string) *evolution {
	t.Helper()
	need.Program(t, "dbus-run-session")
	// The monitor of networks would find none and stay offline.
	e := &evolution{program: newProgram(t, "GSETTINGS_BACKEND=memory", "GIO_USE_NETWORK_MONITOR=base", "NO_AT_BRIDGE=1")}
	if out, err := e.run("", debianPython, "-c", imports); err != nil {
		need.Missing(t, "evolution-data-server cannot be used from Python, install evolution-data-server, gir1.2-ecal-2.0, gir1.2-ebook-1.2 and python3-gi: "+out)
	}
	const services = "/usr/share/dbus-1/services"
	found, err := filepath.Glob(services + "/org.gnome.evolution.dataserver.*.service")
	if err != nil || len(found) == 0 {
		need.Missing(t, "there are no services of evolution-data-server in "+services)
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e.file("services/"+filepath.Base(path), string(text))
	}
	e.bus = e.file("bus.conf", fmt.Sprintf(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=%s</listen>
  <auth>EXTERNAL</auth>
  <servicedir>%s</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`, e.home, filepath.Join(e.home, "services")))
	return e
}

// session is the command that runs a script on a bus of its own.
func (e *evolution) session(script string, args ...string) (name string, all []string) {
	return "dbus-run-session", append([]string{"--config-file=" + e.bus, "--", debianPython, "-u", script}, args...)
}

// An evolutionCalendar runs the commands of a script on a calendar.
type evolutionCalendar struct {
	*evolution
	script string
	args   []string
}

func newEvolutionCalendar(t *testing.T, s *calendarShare) *evolutionCalendar {
	t.Helper()
	e := &evolutionCalendar{evolution: newEvolution(t, evolutionCalendarImports)}
	e.script = e.file("script.py", evolutionCalendarImports+evolutionWait+evolutionCalendarScript)
	e.args = []string{s.root.Hostname(), s.root.Port(), s.home() + "calendar/", s.user, s.password}
	return e
}

// do runs one of the script's commands.
func (e *evolutionCalendar) do(command, text string) {
	e.t.Helper()
	name, args := e.session(e.script, append(slices.Clone(e.args), command, text)...)
	out, err := e.run("", name, args...)
	if err != nil || !strings.Contains(out, "done "+command) {
		e.t.Fatalf("evolution-data-server, %s: %v\n%s", command, err, out)
	}
}

// debianPython is the one that has Debian's modules, whatever python3 is on PATH.
const debianPython = "/usr/bin/python3"

const evolutionCalendarImports = `
import gi
for name, version in (("EDataServer", "1.2"), ("ECal", "2.0"), ("ICalGLib", "3.0")):
    gi.require_version(name, version)
from gi.repository import ECal, EDataServer, GLib, ICalGLib
`

// evolutionWait is what scripts wait with, while the main loop goes on.
const evolutionWait = `
import sys
import time


def wait(what, holds):
    end = time.time() + 120
    while not holds():
        while GLib.MainContext.default().iteration(False):
            pass
        if time.time() > end:
            sys.exit("waited too long until " + what)
        time.sleep(0.05)


def connected(source, user, password):
    credentials = EDataServer.NamedParameters.new()
    credentials.set("username", user)
    credentials.set("password", password)
    source.invoke_authenticate_sync(credentials, None)
    wait("it is connected", lambda: source.get_connection_status() == EDataServer.SourceConnectionStatus.CONNECTED)
`

const evolutionCalendarScript = `
host, port, path, user, password, command, text = sys.argv[1:]
registry = EDataServer.SourceRegistry.new_sync(None)
source = registry.ref_source("fachwerk")
if source is None:
    source = EDataServer.Source.new_with_uid("fachwerk", None)
    source.set_display_name("Fachwerk")
    source.set_parent("caldav-stub")
    source.get_extension(EDataServer.SOURCE_EXTENSION_CALENDAR).set_backend_name("caldav")
    login = source.get_extension(EDataServer.SOURCE_EXTENSION_AUTHENTICATION)
    login.set_host(host)
    login.set_port(int(port))
    login.set_user(user)
    login.set_method("plain/password")
    source.get_extension(EDataServer.SOURCE_EXTENSION_WEBDAV_BACKEND).set_resource_path(path)
    source.get_extension(EDataServer.SOURCE_EXTENSION_SECURITY).set_method("none")
    registry.commit_source_sync(source, None)
    source = registry.ref_source("fachwerk")

# -1: do not wait for a connection, the password comes after it.
client = ECal.Client.connect_sync(source, ECal.ClientSourceType.EVENTS, 0xFFFFFFFF, None)
connected(source, user, password)
wait("it can be written", lambda: not client.is_readonly())

uid = "evolution@musterstadt.example"
if command == "create":
    event = ICalGLib.Component.new_from_string(
        "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20261101T080000Z\r\nDTSTART:20261207T080000Z\r\n"
        "DTEND:20261207T090000Z\r\nSUMMARY:" + text + "\r\nEND:VEVENT\r\n")
    client.create_object_sync(event, ECal.OperationFlags.NONE, None)
elif command == "change":
    _, event = client.get_object_sync(uid, None, None)
    event.set_summary(text)
    client.modify_object_sync(event, ECal.ObjModType.ALL, ECal.OperationFlags.NONE, None)
elif command == "see":
    client.refresh_sync(None)
    wait("the change is seen", lambda: client.get_object_sync(uid, None, None)[1].get_summary() == text)
elif command == "remove":
    client.remove_object_sync(uid, None, ECal.ObjModType.ALL, ECal.OperationFlags.NONE, None)
print("done", command)
`
