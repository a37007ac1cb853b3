package system

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// evolutionScript uses evolution-data-server as Evolution and GNOME Contacts do: it finds
// the address books of an account, makes, changes and deletes a contact in the first, and
// looks somebody up in the directory. What it saw is printed as JSON.
const evolutionScript = `
import json, sys, time, gi
gi.require_version("EDataServer", "1.2")
gi.require_version("EBook", "1.2")
gi.require_version("EBookContacts", "1.2")
from gi.repository import EDataServer, EBook, EBookContacts, GLib

host, port, user, password, book_path, directory_path, who = sys.argv[1:8]
registry = EDataServer.SourceRegistry.new_sync(None)
credentials = EDataServer.NamedParameters()
credentials.set("username", user)
credentials.set("password", password)
loop = GLib.MainLoop()
seen = {}

def source(uid, path):
    s = EDataServer.Source.new_with_uid(uid, None)
    s.set_display_name(uid)
    s.get_extension("Address Book").set_backend_name("carddav")
    a = s.get_extension("Authentication")
    a.set_host(host)
    a.set_port(int(port))
    a.set_user(user)
    a.set_method("plain/password")
    s.get_extension("Security").set_method("none")
    s.get_extension("WebDAV Backend").set_resource_path(path)
    s.get_extension("Offline").set_stay_synchronized(True)
    registry.commit_source_sync(s, None)
    return registry.ref_source(uid)

def connect(s):
    s.connect("credentials-required", lambda s, *args: s.invoke_authenticate(credentials, None, None, None))
    result = {}
    def done(_, res):
        try:
            result["client"] = EBook.BookClient.connect_finish(res)
        except GLib.Error as e:
            result["error"] = e
        loop.quit()
    EBook.BookClient.connect(s, 30, None, done)
    GLib.timeout_add_seconds(60, loop.quit)
    loop.run()
    if "client" not in result:
        raise result.get("error", Exception("no connection"))
    context, until = loop.get_context(), time.time() + 20
    while s.get_connection_status() != EDataServer.SourceConnectionStatus.CONNECTED and time.time() < until:
        context.iteration(False)
        time.sleep(0.02)
    result["client"].refresh_sync(None)
    return result["client"]

def query(client, field, test, text):
    q = EBookContacts.BookQuery.field_test(field, test, text)
    return client.get_contacts_sync(q.to_string(), None)[1]

# Only host and user are known, as in the dialog for a new address book.
finder = source("finder", "/")
found = EDataServer.webdav_discover_sources_sync(finder, "http://%s:%s/" % (host, port), EDataServer.WebDAVDiscoverSupports.CONTACTS, credentials, None)
seen["discovered"] = [[d.href, d.display_name] for d in found.out_discovered_sources]

client = connect(source("contacts", book_path))
seen["readonly"] = client.is_readonly()
c = EBookContacts.Contact()
c.set_property("full-name", "Renate Ringel")
c.set_property("email-1", "renate@musterstadt.example")
uid = client.add_contact_sync(c, 0, None)[1]
print("STEP added", flush=True)
sys.stdin.readline()
contact = client.get_contact_sync(uid, None)[1]
contact.set_property("full-name", "Renate Rabe")
client.modify_contact_sync(contact, 0, None)
print("STEP changed", flush=True)
sys.stdin.readline()
FULL, CONTAINS = EBookContacts.ContactField.FULL_NAME, EBookContacts.BookQueryTest.CONTAINS
client.refresh_sync(None)
seen["found"] = [x.get_property("full-name") for x in query(client, FULL, CONTAINS, "rabe")]
client.remove_contact_by_uid_sync(uid, 0, None)
print("STEP removed", flush=True)

people = connect(source("directory", directory_path))
seen["directory_readonly"] = people.is_readonly()
for _ in range(100): # a refresh goes on by itself
    seen["looked_up"] = [x.get_property("full-name") for x in query(people, EBookContacts.ContactField.EMAIL, CONTAINS, who)]
    if seen["looked_up"]:
        break
    time.sleep(0.1)
print("SEEN " + json.dumps(seen), flush=True)
`

// evolution-data-server makes, changes and deletes a contact, finds all address books by
// itself and somebody in the directory.
func TestEvolutionContacts(t *testing.T) {
	bus := need.Program(t, "dbus-run-session")
	for _, part := range []string{"/usr/libexec/evolution-addressbook-factory", "/usr/lib/python3/dist-packages/gi"} {
		if !fileExists(part) {
			need.Missing(t, part+" is not there: install evolution-data-server, python3-gi and gir1.2-ebook-1.2")
		}
	}
	d := harness.Start(t, harness.Options{})
	jan := d.Jan()
	book := bookOf(t, d, jan)
	p := newProgram(t, "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1")
	script := p.file("contacts.py", evolutionScript)
	directory := "/addressbooks/" + jan.Address + "/directory/"
	s := p.begin(bus, "--", "/usr/bin/python3", script, book.origin.Hostname(), book.origin.Port(), jan.Address, jan.AppPassword,
		book.path(""), directory, d.Anna().Address)
	s.until("STEP added")
	book.soon("FN:Renate Ringel", 1)
	s.goOn()
	s.until("STEP changed")
	book.soon("FN:Renate Rabe", 1)
	s.goOn()
	s.until("STEP removed")
	book.soon("Renate", 0)
	var seen struct {
		Discovered [][2]string `json:"discovered"`
		ReadOnly   bool        `json:"readonly"`
		Found      []string    `json:"found"`
		LookedUp   []string    `json:"looked_up"`
	}
	line := s.until("SEEN ")
	if err := json.Unmarshal([]byte(line), &seen); err != nil {
		t.Fatalf("%v in %q", err, line)
	}
	s.end()
	hrefs := func(path string) bool {
		return slices.ContainsFunc(seen.Discovered, func(f [2]string) bool { return strings.HasSuffix(f[0], path) })
	}
	if !hrefs(book.path("")) || !hrefs(directory) {
		t.Errorf("discovered %v", seen.Discovered)
	}
	if seen.ReadOnly || !slices.Equal(seen.Found, []string{"Renate Rabe"}) {
		t.Errorf("in the book: %+v", seen)
	}
	if len(seen.LookedUp) != 1 || seen.LookedUp[0] == "" {
		t.Errorf("in the directory: %v", seen.LookedUp)
	}
	book.want(http.StatusOK, http.MethodOptions, "", "")
	d.Check(t)
}

// A dialogue is a program that says how far it is and waits for a line.
type dialogue struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	errs  bytes.Buffer
}

// begin starts a program with which a test takes turns.
func (p *program) begin(name string, args ...string) *dialogue {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 3*time.Minute)
	p.t.Cleanup(cancel)
	s := &dialogue{t: p.t, cmd: exec.CommandContext(ctx, name, args...)}
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr, s.cmd.WaitDelay = p.home, p.env, &s.errs, 5*time.Second
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	s.lines = bufio.NewScanner(out)
	s.lines.Buffer(nil, 1<<20)
	if err := s.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// until reads to the line that begins so and answers the rest of it.
func (s *dialogue) until(begins string) string {
	s.t.Helper()
	for s.lines.Scan() {
		if rest, ok := strings.CutPrefix(s.lines.Text(), begins); ok {
			return rest
		}
	}
	err := s.cmd.Wait()
	s.t.Fatalf("the program ended before it said %q: %v\n%s", begins, err, s.errs.String())
	return ""
}

// goOn lets it go on.
func (s *dialogue) goOn() {
	s.t.Helper()
	if _, err := io.WriteString(s.in, "\n"); err != nil {
		s.t.Fatal(err)
	}
}

// end waits for its end.
func (s *dialogue) end() {
	s.t.Helper()
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("%v\n%s", err, s.errs.String())
	}
}
