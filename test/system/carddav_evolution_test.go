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

	"fachwerk/test/system/harness"
)

// evolutionContactsScript uses evolution-data-server as Evolution and GNOME Contacts do: it finds
// the address books of an account, makes, changes and deletes a contact in the first, and
// looks somebody up in the directory. What it saw is printed as JSON.
const evolutionContactsScript = `
import json

host, port, user, password, book_path, directory_path, who = sys.argv[1:]
registry = EDataServer.SourceRegistry.new_sync(None)
seen = {}


def source(uid, path):
    s = EDataServer.Source.new_with_uid(uid, None)
    s.set_display_name(uid)
    s.set_parent("carddav-stub")
    s.get_extension(EDataServer.SOURCE_EXTENSION_ADDRESS_BOOK).set_backend_name("carddav")
    login = s.get_extension(EDataServer.SOURCE_EXTENSION_AUTHENTICATION)
    login.set_host(host)
    login.set_port(int(port))
    login.set_user(user)
    login.set_method("plain/password")
    s.get_extension(EDataServer.SOURCE_EXTENSION_SECURITY).set_method("none")
    s.get_extension(EDataServer.SOURCE_EXTENSION_WEBDAV_BACKEND).set_resource_path(path)
    s.get_extension(EDataServer.SOURCE_EXTENSION_OFFLINE).set_stay_synchronized(True)
    registry.commit_source_sync(s, None)
    return registry.ref_source(uid)


def connect(s):
    # -1: do not wait for a connection, the password comes after it.
    client = EBook.BookClient.connect_sync(s, 0xFFFFFFFF, None)
    connected(s, user, password)
    return client


def query(client, field, text):
    q = EBookContacts.BookQuery.field_test(field, EBookContacts.BookQueryTest.CONTAINS, text)
    return [c.get_property("full-name") for c in client.get_contacts_sync(q.to_string(), None)[1]]


def step(what):
    print("STEP " + what, flush=True)
    sys.stdin.readline()


# All are made before the first is connected to: that starts the address book factory,
# which learns of later ones some time after they are there.
finder, own, directory = source("finder", "/"), source("contacts", book_path), source("directory", directory_path)
# Only host and user are known, as in the dialog for a new address book.
credentials = EDataServer.NamedParameters.new()
credentials.set("username", user)
credentials.set("password", password)
found = EDataServer.webdav_discover_sources_sync(
    finder, "http://%s:%s/" % (host, port), EDataServer.WebDAVDiscoverSupports.CONTACTS, credentials, None)
seen["discovered"] = [[d.href, d.display_name] for d in found.out_discovered_sources]

client = connect(own)
wait("it can be written", lambda: not client.is_readonly())
c = EBookContacts.Contact()
c.set_property("full-name", "Renate Ringel")
c.set_property("email-1", "renate@musterstadt.example")
uid = client.add_contact_sync(c, 0, None)[1]
step("added")
contact = client.get_contact_sync(uid, None)[1]
contact.set_property("full-name", "Renate Rabe")
client.modify_contact_sync(contact, 0, None)
step("changed")
client.refresh_sync(None)
wait("the contact is found", lambda: query(client, EBookContacts.ContactField.FULL_NAME, "rabe") == ["Renate Rabe"])
client.remove_contact_by_uid_sync(uid, 0, None)
step("removed")

people = connect(directory)
people.refresh_sync(None)
wait("somebody is looked up", lambda: query(people, EBookContacts.ContactField.EMAIL, who))
seen["looked_up"] = query(people, EBookContacts.ContactField.EMAIL, who)
print("SEEN " + json.dumps(seen), flush=True)
`

const evolutionContactsImports = `
import gi
for name, version in (("EDataServer", "1.2"), ("EBook", "1.2"), ("EBookContacts", "1.2")):
    gi.require_version(name, version)
from gi.repository import EBook, EBookContacts, EDataServer, GLib
`

// evolution-data-server makes, changes and deletes a contact, finds all address books by
// itself and somebody in the directory.
func TestEvolutionContacts(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	jan := d.Jan()
	book := bookOf(t, d, jan)
	e := newEvolution(t, evolutionContactsImports)
	script := e.file("contacts.py", evolutionContactsImports+evolutionWait+evolutionContactsScript)
	directory := "/addressbooks/" + jan.Address + "/directory/"
	name, args := e.session(script, book.origin.Hostname(), book.origin.Port(), jan.Address, jan.AppPassword,
		book.path(""), directory, d.Anna().Address)
	s := e.begin(name, args...)
	s.until("STEP added")
	book.soon("FN:Renate Ringel", 1)
	s.goOn()
	s.until("STEP changed")
	book.soon("FN:Renate Rabe", 1)
	s.goOn()
	s.until("STEP removed")
	book.soon("Renate", 0)
	s.goOn()
	var seen struct {
		Discovered [][2]string `json:"discovered"`
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
	said  []string // its lines so far
	errs  bytes.Buffer
}

// begin starts a program with which a test takes turns.
func (p *program) begin(name string, args ...string) *dialogue {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 8*time.Minute)
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
		s.said = append(s.said, s.lines.Text())
		if rest, ok := strings.CutPrefix(s.lines.Text(), begins); ok {
			return rest
		}
	}
	err := s.cmd.Wait()
	s.t.Fatalf("the program ended before it said %q: %v\n%s\n%s", begins, err, strings.Join(s.said, "\n"), s.errs.String())
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
		s.t.Errorf("%v\n%s\n%s", err, strings.Join(s.said, "\n"), s.errs.String())
	}
}
