package crossing

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fachwerk/internal/testenv/samples"
)

// client follows nothing and keeps no connections.
var client = &http.Client{
	Timeout: patience,
	Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return (&net.Dialer{LocalAddr: anywhere(), Timeout: patience}).DialContext(ctx, network, address)
	}},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// dav asks with a password and writes down the whole answer.
func (h *house) dav(t *testing.T, who, password, method, path, body string, fields ...string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.URL("http")+path, strings.NewReader(body))
	must(t, err)
	req.SetBasicAuth(who, password)
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := client.Do(req)
	must(t, err)
	return written(t, res)
}

func written(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	var lines []string
	for key, values := range res.Header {
		for _, v := range values {
			lines = append(lines, key+": "+v)
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("%s\n%s\n\n%s\n", res.Status, strings.Join(lines, "\n"), text)
}

func (h *house) annas(t *testing.T, method, path, body string, fields ...string) string {
	t.Helper()
	return h.dav(t, anna, h.Passwords[anna], method, path, body, fields...)
}

// belongings gives somebody a calendar, contacts and files, and answers the tokens of a
// lock and of the drive.
func (h *house) belongings(t *testing.T, who, owner string) (lock, token string) {
	t.Helper()
	do := func(method, path, body string, fields ...string) string {
		t.Helper()
		got := h.dav(t, who, h.Passwords[who], method, path, body, fields...)
		if got[0] != '2' {
			t.Fatalf("%s %s: %s", method, path, got)
		}
		return got
	}
	_, domain, _ := strings.Cut(owner, "@")
	word := wordOf(owner)
	files, calendar, book := "/files/"+owner+"/", "/calendars/"+owner+"/akten/", "/addressbooks/"+owner+"/akten/"
	do("PUT", files+"Akte.txt", large(word))
	do("MKCOL", files+"Ordner/", "")
	do("MKCALENDAR", calendar, "")
	do("PUT", calendar+"termin.ics", samples.Event("termin@"+domain, word), "Content-Type", "text/calendar")
	do("MKCOL", book, `<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/><addressbook xmlns="urn:ietf:params:xml:ns:carddav"/></resourcetype></prop></set></mkcol>`,
		"Content-Type", "application/xml")
	do("PUT", book+"karte.vcf", samples.Card("karte@"+domain, word), "Content-Type", "text/vcard")
	got := do("LOCK", files+"Akte.txt", `<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`, "Content-Type", "application/xml")
	lock = regexp.MustCompile(`urn:uuid:[0-9a-f-]{36}|opaquelocktoken:[^<>"]+`).FindString(got)
	got = do("PROPFIND", files, `<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`, "Depth", "0", "Content-Type", "application/xml")
	_, rest, _ := strings.Cut(got, "sync-token>")
	token, _, _ = strings.Cut(rest, "<")
	if lock == "" || token == "" {
		t.Fatalf("no lock token or no sync-token: %q %q", lock, token)
	}
	return lock, token
}

// large is more than lies in a database row, compressed too: it is in the object store.
func large(word string) string {
	noise := make([]byte, 256<<10)
	_, _ = rand.Read(noise) // it never fails
	return word + "\n" + string(noise)
}

// A request has {n} for the name in its path, body and fields.
type request struct {
	method, path, body string
	fields             []string
}

const (
	xmlHead   = `xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:A="urn:ietf:params:xml:ns:carddav"`
	lockinfo  = `<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`
	calQuery  = `<C:calendar-query ` + xmlHead + `><prop><getetag/><C:calendar-data/></prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`
	bookQuery = `<A:addressbook-query ` + xmlHead + `><prop><getetag/><A:address-data/></prop></A:addressbook-query>`
)

// davPaths are what lies below somebody's name.
var davPaths = []string{
	"/files/{n}/", "/files/{n}", "/files/{n}/Akte.txt", "/files/{n}/Ordner/", "/calendars/{n}/", "/calendars/{n}/akten/", "/calendars/{n}/akten/termin.ics",
	"/addressbooks/{n}/", "/addressbooks/{n}/akten/", "/addressbooks/{n}/akten/karte.vcf", "/principals/{n}/", "/principals/{n}", "/calendars/{n}/inbox/", "/principals/{n}/calendar-proxy-write/",
	// As a home shows what is shared with its owner, and past one's own home.
	"/calendars/" + anna + "/{n}:akten/", "/calendars/" + anna + "/{n}:akten/termin.ics", "/addressbooks/" + anna + "/{n}:akten/karte.vcf",
	"/files/" + anna + "/%2e%2e/{n}/Akte.txt", "/files/" + anna + "/../{n}/Akte.txt", "/files/{n}%2fAkte.txt", "/trash/{n}/",
}

// davRequests are made to each of davPaths, {p}.
var davRequests = []request{
	{"PROPFIND", "{p}", "", []string{"Depth", "0"}}, {"PROPFIND", "{p}", `<propfind xmlns="DAV:"><allprop/></propfind>`, []string{"Depth", "1"}},
	{"GET", "{p}", "", nil}, {"HEAD", "{p}", "", nil}, {"OPTIONS", "{p}", "", nil}, {"PUT", "{p}", "x", nil},
	{"PUT", "{p}", "x", []string{"If-None-Match", "*"}}, {"PUT", "{p}", "x", []string{"If-Match", "*"}}, {"DELETE", "{p}", "", nil}, {"MKCOL", "{p}", "", nil}, {"MKCALENDAR", "{p}", "", nil},
	{"PROPPATCH", "{p}", `<propertyupdate xmlns="DAV:"><set><prop><displayname>x</displayname></prop></set></propertyupdate>`, nil},
	{"ACL", "{p}", `<acl xmlns="DAV:"/>`, nil}, {"LOCK", "{p}", lockinfo, nil}, {"UNLOCK", "{p}", "", []string{"Lock-Token", "<urn:uuid:00000000-0000-4000-8000-000000000000>"}},
	{"COPY", "{p}", "", []string{"Destination", "/files/" + anna + "/kopie"}}, {"MOVE", "{p}", "", []string{"Destination", "/files/" + anna + "/kopie"}},
	{"COPY", "/files/" + anna + "/Blatt.txt", "", []string{"Destination", "{p}"}}, {"MOVE", "/files/" + anna + "/Blatt.txt", "", []string{"Destination", "{p}"}},
	{"COPY", "/files/" + anna + "/Blatt.txt", "", []string{"Destination", "{p}", "Overwrite", "F"}},
	{"PUT", "/files/" + anna + "/Nie.txt", "x", []string{"If", "<{p}> ([\"x\"])"}}, {"GET", "/files/" + anna + "/Blatt.txt", "", []string{"If", "<{p}> (Not [\"x\"]) (<DAV:no-lock>)"}},
	{"REPORT", "{p}", `<sync-collection xmlns="DAV:"><sync-token/><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`, nil},
	{"REPORT", "{p}", calQuery, []string{"Depth", "1"}}, {"REPORT", "{p}", bookQuery, []string{"Depth", "1"}},
	{"REPORT", "{p}", `<C:free-busy-query ` + xmlHead + `><C:time-range start="20261201T000000Z" end="20261202T000000Z"/></C:free-busy-query>`, []string{"Depth", "1"}},
	{"REPORT", "{p}", `<principal-match xmlns="DAV:"><self/></principal-match>`, []string{"Depth", "0"}},
	{"REPORT", "{p}", `<expand-property xmlns="DAV:"><property name="owner"><property name="displayname"/></property><property name="principal-URL"><property name="displayname"/></property></expand-property>`, []string{"Depth", "0"}},
	{"REPORT", "{p}", `<acl-principal-prop-set xmlns="DAV:"><prop><displayname/></prop></acl-principal-prop-set>`, []string{"Depth", "0"}},
	{"REPORT", "/calendars/" + anna + "/akten/", `<C:calendar-multiget ` + xmlHead + `><prop><getetag/><C:calendar-data/></prop><href>{p}</href></C:calendar-multiget>`, nil},
	{"REPORT", "/addressbooks/" + anna + "/akten/", `<A:addressbook-multiget ` + xmlHead + `><prop><getetag/><A:address-data/></prop><href>{p}</href></A:addressbook-multiget>`, nil},
	{"REPORT", "/principals/", `<principal-property-search xmlns="DAV:"><property-search><prop><principal-URL/></prop><match>{p}</match></property-search><prop><displayname/></prop></principal-property-search>`, []string{"Depth", "0"}},
}

// davNames ask for a name elsewhere than in a path.
var davNames = []request{
	{"REPORT", "/principals/", `<principal-property-search xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><property-search><prop><C:calendar-user-address-set/></prop><match>{n}</match></property-search><prop><displayname/></prop></principal-property-search>`, []string{"Depth", "0"}},
	{"REPORT", "/principals/", `<principal-property-search xmlns="DAV:"><property-search><prop><displayname/></prop><match>{n}</match></property-search><prop><displayname/></prop></principal-property-search>`, []string{"Depth", "0"}},
	{"REPORT", "/addressbooks/" + anna + "/directory/", `<A:addressbook-query ` + xmlHead + `><prop><A:address-data/></prop><A:filter><A:prop-filter name="EMAIL"><A:text-match>{n}</A:text-match></A:prop-filter></A:filter></A:addressbook-query>`, []string{"Depth", "1"}},
	{"ACL", "/calendars/" + anna + "/akten/", `<acl xmlns="DAV:"><ace><principal><href>/principals/{n}/</href></principal><grant><privilege><read/></privilege></grant></ace></acl>`, nil},
	{"POST", "/calendars/" + anna + "/akten/", `<CS:share xmlns:D="DAV:" xmlns:CS="http://calendarserver.org/ns/"><CS:set><D:href>mailto:{n}</D:href><CS:read/></CS:set></CS:share>`, []string{"Content-Type", "application/xml"}},
	{"POST", "/calendars/" + anna + "/outbox/", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:f\r\nDTSTAMP:20261122T090000Z\r\nDTSTART:20261201T000000Z\r\nDTEND:20261202T000000Z\r\nORGANIZER:mailto:" + anna + "\r\nATTENDEE:mailto:{n}\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n", []string{"Content-Type", "text/calendar"}},
	{"PROPPATCH", "/principals/" + anna + "/", `<propertyupdate xmlns="DAV:"><set><prop><group-member-set><href>/principals/{n}/</href></group-member-set></prop></set></propertyupdate>`, nil},
	{"PROPPATCH", "/calendars/" + anna + "/akten/", `<propertyupdate xmlns="DAV:"><set><prop><owner><href>/principals/{n}/</href></owner></prop></set></propertyupdate>`, nil},
	{"PROPPATCH", "/calendars/" + anna + "/", `<propertyupdate ` + xmlHead + `><set><prop><C:calendar-free-busy-set><href>/calendars/{n}/akten/</href></C:calendar-free-busy-set></prop></set></propertyupdate>`, nil},
	{"SEARCH", "/files/" + anna + "/", `<searchrequest xmlns="DAV:"><basicsearch><select><allprop/></select><from><scope><href>/files/{n}/</href><depth>infinity</depth></scope></from></basicsearch></searchrequest>`, nil},
	{"MKCOL", "/files/{n}:Neu/", "", nil}, {"MKCALENDAR", "/calendars/" + anna + "/{n}:neu/", "", nil},
	{"REPORT", "/files/" + anna + "/", `<expand-property xmlns="DAV:"><property name="{n}"/></expand-property>`, []string{"Depth", "0"}},
	{"PROPFIND", "/", "", []string{"Depth", "0", "X-Forwarded-User", "{n}"}},
	{"GET", "/.well-known/caldav?user={n}", "", nil}, {"GET", "/remote.php/dav/files/{n}/", "", nil}, {"PROPFIND", "/remote.php/dav/principals/users/{n}/", "", nil},
}

func (h *house) walkDAV(t *testing.T) {
	h.belongings(t, anna, anna)
	lock, token := h.belongings(t, beate, beate)
	h.belongings(t, beate, bureau)
	h.annas(t, "PUT", "/files/"+anna+"/Blatt.txt", "Blatt")
	fill := func(r request, p, name string) string {
		f := strings.NewReplacer("{p}", strings.ReplaceAll(p, "{n}", name), "{n}", name)
		fields := slices.Clone(r.fields)
		for i := range fields {
			fields[i] = f.Replace(fields[i])
		}
		return h.annas(t, r.method, f.Replace(r.path), f.Replace(r.body), fields...)
	}
	t.Run("granted", func(t *testing.T) {
		r := davRequests[0]
		if got := fill(r, "/files/{n}/", office); !strings.HasPrefix(got, "207") {
			t.Fatalf("anna does not reach a granted drive: %s", got)
		}
		if p := missingLike(office); normal(fill(r, "/files/{n}/", office), office) == normal(fill(r, "/files/{n}/", p.missing), p.missing) {
			t.Error("a granted drive answers as one that is not there")
		}
		h.annas(t, "MKCALENDAR", "/calendars/"+office+"/akten/", "")
		if got := fill(r, "/calendars/"+anna+"/{n}:akten/", office); !strings.HasPrefix(got, "207") {
			t.Errorf("anna does not see a granted calendar in her home: %s", got)
		}
	})
	for _, path := range []string{"/", "/principals/", "/files/", "/calendars/", "/addressbooks/", "/addressbooks/" + anna + "/", "/addressbooks/" + anna + "/directory/"} {
		for _, body := range []string{"", `<propfind xmlns="DAV:"><prop><displayname/><principal-collection-set/><group-membership/><owner/></prop></propfind>`} {
			if got := h.annas(t, "PROPFIND", path, body, "Depth", "1"); strings.Contains(got, theirDomain) || strings.Contains(got, secret) || got[0] != '2' {
				t.Errorf("PROPFIND %s tells of theirs, or nothing: %s", path, got)
			}
		}
	}
	for i, p := range addresses() {
		for _, r := range davRequests {
			for j, path := range davPaths {
				if i > 0 && (i+j)%len(theirs) != 0 { // all paths with the first name, each with some others
					continue
				}
				h.same(t, fmt.Sprintf("%s %s %s (%s)", r.method, r.path, r.fields, path), p, func(_ *testing.T, name string) string { return fill(r, path, name) })
			}
		}
		for _, r := range davNames {
			h.same(t, r.method+" "+r.path+" with "+p.foreign, p, func(_ *testing.T, name string) string { return fill(r, "", name) })
		}
	}
	h.walkTokens(t, lock, token)
}

// walkTokens uses what theirs hold at things of one's own.
func (h *house) walkTokens(t *testing.T, lock, token string) {
	locks := pair{lock, lock[:len(lock)-12] + "ffffffffffff"}
	for what, ask := range map[string]func(token string) string{
		"If": func(l string) string { return h.annas(t, "PUT", "/files/"+anna+"/Akte.txt", "x", "If", "(<"+l+">)") },
		"If Not": func(l string) string {
			return h.annas(t, "GET", "/files/"+anna+"/Blatt.txt", "", "If", "(Not <"+l+">)")
		},
		"If, tagged": func(l string) string {
			return h.annas(t, "PUT", "/files/"+anna+"/Akte.txt", "x", "If", "</files/"+beate+"/Akte.txt> (<"+l+">)")
		},
		"UNLOCK": func(l string) string {
			return h.annas(t, "UNLOCK", "/files/"+anna+"/Akte.txt", "", "Lock-Token", "<"+l+">")
		},
		"refresh": func(l string) string { return h.annas(t, "LOCK", "/files/"+anna+"/Akte.txt", "", "If", "(<"+l+">)") },
	} {
		h.same(t, "lock token, "+what, locks, func(_ *testing.T, l string) string { return ask(l) })
	}
	// UIDs: each PUT with another name, so that it is new each time.
	n := 0
	for _, p := range []pair{{"termin@" + theirDomain, "keiner@" + theirDomain}, {"karte@" + theirDomain, "keine@" + theirDomain}} {
		h.same(t, "UID in a calendar", p, func(t *testing.T, uid string) string {
			n++
			path := fmt.Sprintf("/calendars/%s/akten/%s-%d.ics", anna, "t", n)
			got := h.annas(t, "PUT", path, samples.Event(uid, "Sitzung"), "Content-Type", "text/calendar")
			h.annas(t, "DELETE", path, "")
			return etags.ReplaceAllString(strings.ReplaceAll(got, path, "PATH"), "ETAG")
		})
		h.same(t, "UID in an address book", p, func(t *testing.T, uid string) string {
			n++
			path := fmt.Sprintf("/addressbooks/%s/akten/%s-%d.vcf", anna, "k", n)
			got := h.annas(t, "PUT", path, samples.Card(uid, "Muster"), "Content-Type", "text/vcard")
			h.annas(t, "DELETE", path, "")
			return etags.ReplaceAllString(strings.ReplaceAll(got, path, "PATH"), "ETAG")
		})
	}
	for _, p := range addresses() {
		h.same(t, "ATTENDEE in a calendar", p, func(t *testing.T, name string) string {
			n++
			path := fmt.Sprintf("/calendars/%s/akten/%s-%d.ics", anna, "a", n)
			got := h.annas(t, "PUT", path, samples.Event(fmt.Sprint("a", n), "Sitzung", "ORGANIZER:mailto:"+anna, "ATTENDEE:mailto:"+name), "Content-Type", "text/calendar")
			h.annas(t, "DELETE", path, "")
			return etags.ReplaceAllString(strings.ReplaceAll(got, path, "PATH"), "ETAG")
		})
	}
	// A sync-token of theirs is a number here: what it brings is one's own, or nothing.
	for _, path := range []string{"/files/" + anna + "/", "/calendars/" + anna + "/akten/", "/addressbooks/" + anna + "/akten/"} {
		got := h.annas(t, "REPORT", path, `<sync-collection xmlns="DAV:"><sync-token>`+token+`</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`)
		if strings.Contains(got, theirDomain) || strings.Contains(got, secret) {
			t.Errorf("REPORT %s with a sync-token of theirs: %s", path, got)
		}
	}
}

var etags = regexp.MustCompile(`"[0-9A-Za-z+/=_.-]{6,}"`)
