package house

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

const module = "fachwerk"

// A rule says what the packages of a folder may import from this module. The
// rule with the longest folder decides. A trailing /... covers what lies below.
type rule struct {
	folder string
	may    []string
}

// rules are the floors of the house from top to bottom; docs/architecture.md
// has the picture. "." stands for the folder itself and all below it.
var rules = []rule{
	{"cmd", []string{"internal/app"}},
	{"internal/app", []string{".", "mail/...", "dav/...", "calendar/...", "contacts/...", "files/...", "auth/...",
		"location/...", "portal/...", "admin/...", "internal/store/...", "internal/resource", "internal/importing", "internal/archive",
		"internal/listen", "internal/budget"}},
	// The configuration is read by internal/app alone.
	{"internal/app/config", nil},

	// An account as a folder: above the domains, beside the heads.
	{"internal/archive", []string{"mail", "calendar", "contacts", "files", "auth", "internal/resource", "internal/store"}},

	// Heads: their own domain, who is asking, never the store.
	{"mail/imap", []string{".", "mail", "mail/message", "auth"}},
	{"mail/smtp", []string{".", "mail", "mail/message", "mail/queue", "auth"}},
	// dav stands on named resources; its heads on dav and their domain.
	{"dav", []string{"auth", "internal/resource"}},
	{"dav/davtest", []string{"dav", "auth", "internal/resource"}},
	{"dav/caldav", []string{".", "dav", "calendar", "calendar/ical", "auth", "internal/resource", "internal/contentline"}},
	{"dav/carddav", []string{".", "dav", "contacts", "auth", "internal/resource", "internal/contentline"}},
	{"dav/webdav", []string{".", "dav", "files", "auth", "internal/resource"}},
	{"portal", []string{".", "auth", "location"}},
	{"admin", []string{".", "auth", "location"}},

	// Domains: the store, never each other.
	{"mail", []string{"mail/message", "auth", "internal/store", "internal/budget"}},
	{"mail/message", []string{"."}},
	{"mail/importer", []string{".", "mail", "mail/message"}},
	{"mail/queue", []string{".", "mail", "mail/message", "internal/store", "internal/budget"}},
	{"mail/sieve", []string{".", "mail/message"}},
	{"calendar", []string{".", "auth", "internal/resource", "internal/contentline"}},
	{"calendar/ical", []string{".", "internal/contentline"}},
	{"contacts", []string{".", "auth", "internal/resource", "internal/contentline"}},
	{"files", []string{".", "auth", "internal/resource"}},
	{"calendar/importer", []string{"calendar", "calendar/ical", "internal/importing", "internal/resource", "internal/contentline"}},
	{"contacts/importer", []string{"contacts", "internal/importing", "internal/resource", "internal/contentline"}},
	{"files/importer", []string{"files", "internal/importing", "internal/resource"}},
	// What the three imports have in common; it notes where objects came from.
	{"internal/importing", []string{"internal/resource", "internal/store"}},
	// What calendars, address books and drives have in common.
	{"internal/resource", []string{"auth", "internal/store", "internal/budget"}},
	{"internal/budget", nil},
	{"internal/contentline", nil},

	// Sockets and certificates, of no protocol.
	{"internal/listen", nil},

	// Who is asking and where data may lie: asked by all, asking nobody.
	{"auth", nil},
	{"auth/idp", []string{".", "auth"}},
	{"location", []string{"."}},

	// The store. Engines import their interface's package alone.
	{"internal/store", []string{"internal/store/meta", "internal/store/content", "internal/store/blob", "internal/budget", "auth", "location"}},
	{"internal/store/meta", nil},
	{"internal/store/meta/sqlite", []string{"internal/store/meta"}},
	{"internal/store/meta/postgres", []string{"internal/store/meta"}},
	{"internal/store/content", []string{".", "internal/store/blob"}},
	{"internal/store/blob", nil},
	{"internal/store/blob/dir", []string{"internal/store/blob"}},
	{"internal/store/blob/s3", []string{"internal/store/blob"}},
	{"internal/store/blob/fault", []string{"internal/store/blob"}},

	// Tests: system tests run the built program and import none of it.
	{"internal/testenv", []string{".", "internal/app/..."}},
	{"internal/testenv/need", nil},
	{"test", []string{".", "internal/testenv/need", "internal/testenv/dovecot", "internal/testenv/parts", "internal/testenv/browser",
		"internal/testenv/pen", "internal/testenv/thunderbird", "internal/testenv/vdir", "internal/testenv/child", "internal/testenv/samples"}},
	// The server in the test's process, which counts what it does, or keeps its log.
	{"test/control", []string{".", "internal/testenv/...", "test/system/harness", "admin/admintest"}},
	{"test/crossing", []string{".", "internal/app", "internal/testenv/..."}},
	{"test/placement", []string{".", "internal/app", "internal/testenv/..."}},
	// What engines see of real servers is compared without a program around them.
	{"test/location", []string{".", "internal/testenv/child", "internal/testenv/parts", "internal/testenv/need", "internal/testenv/browser", "test/system/harness", "location/...", "internal/store/..."}},
}

// Test files, and packages for tests (suites and helpers, whose names end in
// test), may build real parts of the house to test with; they never reach up to
// heads and the wiring. Nothing else may import a package for tests.
var mayInTests = []string{"internal/testenv/...", "internal/store/...", "location/...", "auth/...",
	"mail", "mail/message", "mail/mailtest", "mail/queue/...", "internal/resource/...", "internal/contentline",
	"calendar/...", "contacts", "files", "dav/davtest"}

func forTests(folder string) bool {
	return strings.HasSuffix(path.Base(folder), "test") || strings.HasPrefix(folder, "internal/testenv") ||
		folder == "test" || strings.HasPrefix(folder, "test/")
}

func allowed(list []string, folder, target string) bool {
	for _, m := range list {
		if m == "." {
			m = folder + "/..."
		}
		below, tree := strings.CutSuffix(m, "/...")
		if target == below || tree && strings.HasPrefix(target, below+"/") {
			return true
		}
	}
	return false
}

func ruleFor(folder string) (rule, bool) {
	for at := folder; at != "."; at = path.Dir(at) {
		for _, r := range rules {
			if r.folder == at {
				return r, true
			}
		}
	}
	return rule{}, false
}

// forbidden explains why a file may not import a package of this module; ""
// where it may.
func forbidden(folder, target string, test bool) string {
	r, ok := ruleFor(folder)
	test = test || forTests(folder)
	switch {
	case forTests(target) && !test:
		return target + " is for tests"
	case !ok:
		return fmt.Sprintf("%s has no rule: add one to test/house/imports_test.go", folder)
	case target == folder, allowed(r.may, r.folder, target):
		return ""
	case test && folder != "test" && !strings.HasPrefix(folder, "test/") &&
		(allowed(mayInTests, folder, target) || strings.HasPrefix(target, folder+"/")):
		return ""
	}
	return fmt.Sprintf("%s may import %v of this module, not %s", r.folder, r.may, target)
}

func TestImportsFollowTheFloors(t *testing.T) {
	seen := 0
	for _, f := range goFiles(t) {
		for _, imported := range f.imports {
			target, own := strings.CutPrefix(imported, module+"/")
			if !own {
				continue
			}
			seen++
			if why := forbidden(f.folder, target, f.test); why != "" {
				t.Errorf("%s: %s", f.path, why)
			}
		}
	}
	if seen == 0 {
		t.Error("no import of this module was seen: the test reads nothing")
	}
}

func TestForbiddenImportsAreSeen(t *testing.T) {
	for _, c := range []struct {
		folder, target string
		test, ok       bool
	}{
		{"cmd/fachwerk", "internal/app", false, true},
		{"cmd/fachwerk", "internal/store", false, false},
		{"cmd/fachwerk", "internal/app/config", false, false},
		{"mail/imap", "internal/store", false, false},
		{"mail/imap", "internal/store", true, true},
		{"mail/imap", "mail/smtp", false, false},
		{"mail/imap", "mail/smtp", true, false},
		{"mail/imap/wire", "mail/imap", false, true},
		{"mail", "internal/store", false, true},
		{"mail", "internal/store/meta", false, false},
		{"mail", "calendar", false, false},
		{"mail", "mail/imap", false, false},
		{"auth", "internal/store", false, false},
		{"internal/store/meta/sqlite", "internal/store/meta", false, true},
		{"internal/store/meta/sqlite", "internal/store/meta/postgres", false, false},
		{"internal/store/meta", "internal/store/meta/metatest", true, true},
		{"internal/store", "internal/app", true, false},
		{"internal/app", "internal/testenv", false, false},
		{"test/system", "internal/store", true, false},
		{"newcomer", "mail", false, false},
	} {
		if got := forbidden(c.folder, c.target, c.test) == ""; got != c.ok {
			t.Errorf("%s importing %s (test %v): allowed %v, want %v", c.folder, c.target, c.test, got, c.ok)
		}
	}
}
