package system

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// davRandom is content that is as large sealed as it is plain.
func davRandom(size int) string {
	b := make([]byte, size)
	rand.Read(b)
	return string(b)
}

// refusedForNow reports whether an answer tells a client to come again, or that
// there is no room; anything else but success fails the test.
func refusedForNow(t *testing.T, what string, a davAnswer) bool {
	t.Helper()
	switch a.Status {
	case http.StatusCreated, http.StatusNoContent, http.StatusOK:
		return false
	case http.StatusServiceUnavailable:
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: 503 without Retry-After", what)
		}
	case http.StatusInsufficientStorage:
	default:
		t.Errorf("%s: %d, neither done nor 503 nor 507\n%.300s", what, a.Status, a.Body)
	}
	return true
}

// A full disk refuses PUT and keeps what it took; with room again it goes on.
func TestDAVDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		need.Missing(t, "a small disk: only root can mount one")
	}
	disk := filepath.Join(t.TempDir(), "disk")
	must(t, os.Mkdir(disk, 0o700))
	must(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64m"))
	d := harness.Start(t, harness.Options{Args: []string{"--data", disk}})
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	d.Data = disk
	u := davUserOf(t, d, d.Anna())
	kept := map[string]string{}
	full := 0
	for i := 0; i < 400 && full < 5; i++ {
		at, text := fmt.Sprintf("%sAkte %d", u.drive(), i), davRandom(20_000+i%3*700_000)
		switch a := u.do(t, "PUT", at, text); {
		case !refusedForNow(t, at, a):
			kept[at] = text
		default:
			full++
		}
		if i == 10 { // the rest of the disk goes to somebody else
			fill(t, filepath.Join(disk, "filler"), 3<<20)
		}
	}
	if full == 0 {
		t.Fatal("the disk never filled")
	}
	whole := func() {
		t.Helper()
		found := u.tree(t, u.drive())
		for at, text := range kept {
			if u.want(t, http.StatusOK, "GET", at, "").Body != text {
				t.Errorf("%s has not the bytes that were sent", at)
			}
			delete(found, at)
		}
		for at := range found {
			if strings.Contains(at, "/Akte") {
				t.Errorf("%s was refused and is there", at)
			}
		}
	}
	whole()
	must(t, os.Remove(filepath.Join(disk, "filler")))
	harness.Eventually(t, 60*time.Second, "files are taken again", func() bool {
		at := u.drive() + "nachher"
		kept[at] = "Es ist wieder Platz."
		return !refusedForNow(t, at, u.do(t, "PUT", at, kept[at]))
	})
	whole()
	nothingLeft(t, d)
	d.Check(t)
}

// davOutage cuts a part off under PUT and GET, in the middle of both, and brings it
// back: 503 or a broken connection, never half an answer that looks whole.
func davOutage(t *testing.T, d *harness.Demo, g *gate, size int) {
	t.Helper()
	u := davUserOf(t, d, d.Anna())
	kept := map[string]string{}
	put := func(name string, size int) bool {
		at, text := u.drive()+name, davRandom(size)
		if refusedForNow(t, name, u.do(t, "PUT", at, text)) {
			return false
		}
		kept[at] = text
		return true
	}
	const large = 24 << 20
	if !put("vorher", size) || !put("groß", large) {
		t.Fatal("the server takes no files")
	}
	began := u.usage(t)

	// One is being uploaded and one downloaded when it happens.
	r, w := io.Pipe()
	uploaded := make(chan davAnswer, 1)
	go func() {
		a, err := u.send(t.Context(), "PUT", u.drive()+"unterwegs", r)
		if err != nil { // the answer came while the body was still being sent, and was lost
			t.Logf("PUT in the outage: %v", err)
			a = davAnswer{Status: http.StatusInsufficientStorage}
		}
		r.CloseWithError(io.ErrClosedPipe)
		uploaded <- a
	}()
	if _, err := io.WriteString(w, davRandom(large/2)); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", u.url(u.drive()+"groß"), nil)
	must(t, err)
	req.SetBasicAuth(u.Address, u.AppPassword)
	download, err := u.client.Do(req)
	must(t, err)
	defer download.Body.Close()
	g.shut(true)
	got, err := io.ReadAll(download.Body)
	if err == nil && string(got) != kept[u.drive()+"groß"] {
		t.Errorf("GET during the outage ended well after %d of %d bytes", len(got), large)
	}
	go func() {
		_, _ = io.WriteString(w, davRandom(large/2))
		w.Close()
	}()
	if a := <-uploaded; !refusedForNow(t, "PUT in the outage", a) {
		t.Error("a PUT was acknowledged while it could not be kept")
	}
	for i := range 3 {
		if put(fmt.Sprintf("Ausfall %d", i), size) {
			t.Error("a PUT was acknowledged while it could not be kept")
		}
		a, err := u.try(t.Context(), "GET", u.drive()+"vorher", "")
		if err == nil && !refusedForNow(t, "GET in the outage", a) && a.Body != kept[u.drive()+"vorher"] {
			t.Error("GET in the outage answers what was not stored")
		}
	}
	g.shut(false)
	harness.Eventually(t, 60*time.Second, "the server is ready again", func() bool { return ready(d) })
	harness.Eventually(t, 60*time.Second, "files are taken again", func() bool { return put("nachher", size) })
	if !d.Running() {
		t.Fatal("the server ended")
	}
	for at, text := range kept {
		if u.want(t, http.StatusOK, "GET", at, "").Body != text {
			t.Errorf("%s has not the bytes that were sent", at)
		}
	}
	for at := range u.tree(t, u.drive()) {
		if strings.Contains(at, "Ausfall") || strings.Contains(at, "unterwegs") {
			t.Errorf("%s was refused and is there", at)
		}
	}
	// What a file takes besides its content is the server's to say, but for one file.
	if now := u.usage(t); now < began+int64(size) || now > began+int64(size)+4096 {
		t.Errorf("%d bytes are counted after the outage, want %d and little more", now, began+int64(size))
	}
	nothingLeft(t, d)
	d.Check(t)
}

// usage is the drive's quota-used-bytes.
func (u *davUser) usage(t *testing.T) int64 {
	t.Helper()
	a := u.want(t, http.StatusMultiStatus, "PROPFIND", u.drive(), `<propfind xmlns="DAV:"><prop><quota-used-bytes/></prop></propfind>`, "Depth", "0")
	_, rest, _ := strings.Cut(a.Body, "quota-used-bytes>")
	number, _, _ := strings.Cut(rest, "<")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		t.Fatalf("quota-used-bytes: %v\n%s", err, a.Body)
	}
	return n
}

func TestDAVPostgreSQLUnreachable(t *testing.T) {
	g, dsn := through(t, need.Postgres(t))
	d := harness.Start(t, harness.Options{Args: []string{"--metadata", dsn, "--blobs", need.S3(t)}})
	davOutage(t, d, g, 2000)
}

func TestDAVS3Unreachable(t *testing.T) {
	g, bucket := through(t, need.S3(t))
	d := harness.Start(t, harness.Options{Args: []string{"--metadata", need.Postgres(t), "--blobs", bucket}})
	davOutage(t, d, g, 200_000) // too large to lie in the database
}

// A watched server is asked bad things: how long it takes and how much memory is
// looked at.
type watched struct {
	t *testing.T
	d *harness.Demo
	u *davUser
}

// memory is VmHWM of the server, MB; reset begins anew.
func (w *watched) memory(reset bool) int {
	w.t.Helper()
	proc := fmt.Sprintf("/proc/%d/", w.d.PID)
	if reset {
		_ = os.WriteFile(proc+"clear_refs", []byte("5"), 0)
		return 0
	}
	text, err := os.ReadFile(proc + "status")
	must(w.t, err)
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	kb, err := strconv.Atoi(strings.Fields(line)[0])
	must(w.t, err)
	return kb >> 10
}

// maxPeak is far above what the server needs, MB; the start, with its password
// hashing, leaves it at about 180 for a while, and one answer with objects of 9 MB
// takes about as much.
const maxPeak = 400

// maxTook is for a machine that is slow and busy: what is not bounded takes hours.
const maxTook = 5 * time.Minute

// bounded runs something within maxTook and maxPeak.
func (w *watched) bounded(what string, f func()) {
	w.t.Helper()
	w.memory(true)
	began := time.Now()
	f()
	took, peak := time.Since(began), w.memory(false)
	w.t.Logf("%s: %v, %d MB", what, took.Round(time.Millisecond), peak)
	if took > maxTook || peak > maxPeak {
		w.t.Errorf("%s took %v and %d MB", what, took, peak)
	}
	if !w.d.Running() {
		w.t.Fatalf("the server ended at %s", what)
	}
}

// endless gives text over and over, up to n bytes.
func endless(text string, n int64) io.Reader {
	return io.LimitReader(&repeating{text: text}, n)
}

type repeating struct {
	text string
	at   int
}

func (r *repeating) Read(p []byte) (n int, err error) {
	for n < len(p) {
		k := copy(p[n:], r.text[r.at:])
		r.at = (r.at + k) % len(r.text)
		n += k
	}
	return n, nil
}

// raw writes a request as it stands, may be half of one, and closes its side if
// told to. The status is 0 where none comes.
func (u *davUser) raw(t *testing.T, head, body string, half bool) int {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(u.origin, "http://"))
	must(t, err)
	defer c.Close()
	login := base64.StdEncoding.EncodeToString([]byte(u.Address + ":" + u.AppPassword))
	_, err = fmt.Fprintf(c, "%s\r\nHost: %s\r\nAuthorization: Basic %s\r\n\r\n%s", head, strings.TrimPrefix(u.origin, "http://"), login, body)
	must(t, err)
	if half {
		must(t, c.(*net.TCPConn).CloseWrite())
	}
	must(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// Bodies and paths that lie, bomb or break off are refused within bounds, and
// afterwards all is as it was.
func TestDAVBadRequests(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	u := davUserOf(t, d, d.Anna())
	w := &watched{t, d, u}
	u.want(t, http.StatusCreated, "PUT", u.drive()+"da.txt", "da")
	calendar := strings.TrimSuffix(u.firstOf(t, u.calendars()), "/")
	book := strings.TrimSuffix(u.firstOf(t, u.books()), "/")
	event := calendar + "/termin.ics"
	u.want(t, http.StatusCreated, "PUT", event, calendarEvent("termin", "20261123T090000", "Termin"), "Content-Type", "text/calendar")
	homes := []string{u.drive(), calendar + "/", book + "/"}
	before := map[string]map[string]davMember{}
	for _, h := range homes {
		before[h] = u.tree(t, h)
	}
	used := u.usage(t)

	w.bounded("uploads that break off", func() { w.brokenUploads(u.drive()) })
	w.bounded("lengths and digests that lie", func() { w.lies(u.drive()) })
	w.bounded("odd paths", func() { w.oddPaths(u.drive()) })
	w.bounded("compressed bodies", func() { w.compressed(u.drive(), event) })
	w.bounded("XML bombs", func() { w.bombs(u.drive(), event) })
	w.bounded("objects of 100 MB", func() { w.huge(calendar, book) })
	w.bounded("headers", func() { w.headers(u.drive()) })
	w.bounded("large properties", func() { w.largeProperties(u.drive()) })
	w.bounded("large objects", func() { w.largeObjects(calendar) })

	for _, h := range homes {
		now := u.tree(t, h)
		for at, m := range now {
			if davState(before[h][at]) != davState(m) {
				t.Errorf("left behind: %s", at)
			}
		}
		if len(now) != len(before[h]) {
			t.Errorf("%s has %d members, had %d", h, len(now), len(before[h]))
		}
	}
	if now := u.usage(t); now != used {
		t.Errorf("%d bytes are counted, it was %d", now, used)
	}
	if u.want(t, http.StatusOK, "GET", u.drive()+"da.txt", "").Body != "da" {
		t.Error("da.txt has other bytes")
	}
	nothingLeft(t, d)
	d.Check(t)
}

// firstOf is the first collection of a home.
func (u *davUser) firstOf(t *testing.T, home string) string {
	t.Helper()
	for _, m := range u.propfind(t, home, "1")[1:] {
		if m.Folder && m.Token != "" && strings.HasPrefix(m.Path, home) && !strings.Contains(m.Path[len(home):], ":") && !strings.HasSuffix(m.Path, "/directory") {
			return m.Path + "/"
		}
	}
	t.Fatalf("%s has no collection", home)
	return ""
}

// expect wants one of the statuses; a connection that the server closed while it
// was still sent to counts as 413.
func (w *watched) expect(what string, got int, want ...int) {
	w.t.Helper()
	for _, s := range want {
		if got == s {
			return
		}
	}
	w.t.Errorf("%s: %d, want %v", what, got, want)
}

func (w *watched) brokenUploads(home string) {
	at := strings.ReplaceAll(home, "@", "%40")
	for i := range 20 {
		w.u.raw(w.t, fmt.Sprintf("PUT %sbruch%d HTTP/1.1\r\nContent-Length: 50000000", at, i), davRandom(2<<20), true)
		w.u.raw(w.t, fmt.Sprintf("PUT %sbruch%d HTTP/1.1\r\nTransfer-Encoding: chunked", at, i), "100000\r\n"+davRandom(1<<20)+"\r\n", true)
		w.u.raw(w.t, "PUT "+at+"da.txt HTTP/1.1\r\nContent-Length: 50000000", davRandom(100), true)
	}
	// One whose client is gone from one moment to the next.
	for range 5 {
		ctx, cancel := context.WithTimeout(w.t.Context(), 50*time.Millisecond)
		_, _ = w.u.send(ctx, "PUT", home+"bruch", endless("x", 1<<40))
		cancel()
	}
}

func (w *watched) lies(home string) {
	at := strings.ReplaceAll(home, "@", "%40")
	w.expect("a length beyond the content", w.u.raw(w.t, "PUT "+at+"lüge HTTP/1.1\r\nContent-Length: 1000", "kurz", true), 400)
	w.expect("two lengths", w.u.raw(w.t, "PUT "+at+"l%C3%BCge HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5", "kurz", true), 400)
	w.expect("a negative length", w.u.raw(w.t, "PUT "+at+"l%C3%BCge HTTP/1.1\r\nContent-Length: -4", "kurz", true), 400)
	w.expect("a length and chunks", w.u.raw(w.t, "PUT "+at+"l%C3%BCge HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 4", "kurz", true), 400, 501)
	for name, value := range map[string]string{
		"OC-Checksum": "SHA1:da39a3ee5e6b4b0d3255bfef95601890afd80709", "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==",
		"Content-Digest":  "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
		"OC-Total-Length": "5", "X-Expected-Entity-Length": "4000",
	} {
		for _, file := range []string{"lüge", "da.txt"} {
			a := w.u.do(w.t, "PUT", home+file, "kurz", name, value)
			w.expect(name, a.Status, 400, 412)
			if len(a.Body) == 0 {
				w.t.Errorf("%s: no sentence", name)
			}
		}
	}
}

func (w *watched) oddPaths(home string) {
	at := strings.ReplaceAll(home, "@", "%40")
	for _, path := range []string{
		at + "..%2f..%2fetc", at + "%2e%2e/x", at + "a%2Fb", at + "%2e%2e%2f%2e%2e%2fjan", at + "a%00b", at + "a%0Ab", "/files/..%2f..%2fx",
		at + "%c0%ae%c0%ae/x", at + "%", at + "%zz", "/files//../../metadata.db", "/../../metadata.db", at + "../../../metadata.db", at + "./x/../../y",
	} {
		for _, method := range []string{"GET", "PUT", "MKCOL", "DELETE", "PROPFIND", "LOCK"} {
			body := ""
			if method == "PUT" {
				body = "x"
			}
			w.expect(method+" "+path, w.u.raw(w.t, fmt.Sprintf("%s %s HTTP/1.1\r\nContent-Length: %d", method, path, len(body)), body, true), 400, 403, 404, 405)
		}
	}
	for _, to := range []string{
		"http://boese.example" + at + "kopie", "http://boese.example@" + "anderswo.example" + at + "kopie", "//boese.example/kopie",
		w.u.origin + ".boese.example" + at + "kopie", w.u.origin + "/files/../files/x", w.u.origin + at + "%2e%2e/kopie", w.u.origin + at + "a%2Fb",
		"ftp://127.0.0.3" + at + "kopie", "file:///etc/kopie", w.u.origin + at + "a%00", "kopie", "", "http://[::1", w.u.origin + "/principals/x/",
	} {
		for _, method := range []string{"COPY", "MOVE"} {
			a := w.u.do(w.t, method, home+"da.txt", "", "Destination", to)
			w.expect(method+" to "+to, a.Status, 400, 403, 404, 409, 502)
		}
	}
}

func (w *watched) compressed(home, event string) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := io.Copy(z, endless(" ", 64<<20))
	must(w.t, err)
	must(w.t, z.Close())
	for _, c := range []struct{ method, path string }{
		{"PUT", home + "gepackt"}, {"PUT", event}, {"PROPFIND", home}, {"REPORT", home}, {"PROPPATCH", home + "da.txt"}, {"MKCOL", home + "gepackt/"}, {"LOCK", home + "da.txt"},
	} {
		for _, encoding := range []string{"gzip", "deflate", "br", "identity, gzip"} {
			a, err := w.u.send(w.t.Context(), c.method, c.path, bytes.NewReader(packed.Bytes()), "Content-Encoding", encoding, "Content-Type", "application/xml", "Depth", "0")
			must(w.t, err)
			w.expect(c.method+" "+encoding, a.Status, 415)
		}
	}
}

func (w *watched) bombs(home, event string) {
	lol := `<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "aaaaaaaaaaaaaaaa">`
	for c := 'b'; c < 'k'; c++ {
		lol += fmt.Sprintf(`<!ENTITY %c "%s">`, c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
	}
	lol += `]><propfind xmlns="DAV:"><prop><displayname>&j;</displayname></prop></propfind>`
	var many strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&many, `<x%d xmlns="urn:x"/>`, i)
	}
	bombs := map[string]string{
		"nested":             `<propfind xmlns="DAV:">` + strings.Repeat("<a>", 340_000),
		"closed":             `<propfind xmlns="DAV:"><prop>` + strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000) + `</prop></propfind>`,
		"entities":           lol,
		"an external entity": `<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><prop><a>&x;</a></prop></propfind>`,
		"many properties":    `<propfind xmlns="DAV:"><prop>` + many.String() + `</prop></propfind>`,
		"many attributes":    `<propfind xmlns="DAV:" ` + attributes(20_000) + `/>`,
		"a long name":        `<propfind xmlns="DAV:"><prop><` + strings.Repeat("a", 900_000) + `/></prop></propfind>`,
		"namespaces":         `<propfind xmlns="DAV:"><prop>` + strings.Repeat(`<a xmlns:b="urn:b">`, 30_000) + `</prop></propfind>`,
		"UTF-7":              `<?xml version="1.0" encoding="UTF-7"?>+ADw-propfind xmlns=+ACI-DAV:+ACI-/+AD4-`,
		"binary":             davRandom(100_000),
	}
	for what, body := range bombs {
		for _, c := range []struct{ method, path string }{{"PROPFIND", home}, {"REPORT", home}, {"PROPPATCH", home + "da.txt"}, {"MKCOL", home + "bombe/"}, {"LOCK", home + "da.txt"}, {"ACL", home + "da.txt"}} {
			a := w.u.do(w.t, c.method, c.path, body, "Depth", "0", "Content-Type", "application/xml")
			if what == "a long name" && c.method == "PROPFIND" {
				w.expect("a long name", a.Status, 207, 400) // it is told as not found
				continue
			}
			w.expect(c.method+" with "+what, a.Status, 400, 403, 413, 415, 422, 507)
			if strings.Contains(a.Body, "root:") {
				w.t.Errorf("%s with %s reads a file of the server", c.method, what)
			}
		}
	}
	a, err := w.u.send(w.t.Context(), "PROPFIND", home, endless(" ", 1<<30), "Depth", "0")
	if err == nil {
		w.expect("a body without end", a.Status, 400, 413)
	}
	w.properties(home, home+"da.txt")
	w.expect("every member below", w.u.do(w.t, "PROPFIND", home, "", "Depth", "infinity").Status, 403)
	deep := strings.Repeat(`<property name="current-user-principal" namespace="DAV:">`, 60) + strings.Repeat(`</property>`, 60)
	a = w.u.do(w.t, "REPORT", "/principals/"+w.u.Address+"/", `<expand-property xmlns="DAV:">`+deep+`</expand-property>`, "Depth", "0")
	w.expect("expand-property 60 deep", a.Status, 207, 400, 403)
	wide := strings.Repeat(`<property name="principal-collection-set" namespace="DAV:">`+strings.Repeat(`<property name="current-user-principal"/>`, 400)+`</property>`, 60)
	a = w.u.do(w.t, "REPORT", "/principals/"+w.u.Address+"/", `<expand-property xmlns="DAV:">`+wide+`</expand-property>`, "Depth", "0")
	w.expect("expand-property 60 times 400 wide", a.Status, 207, 400, 403)
	hrefs := strings.Repeat("<D:href>"+event+"</D:href>", 40_000)
	a = w.u.do(w.t, "REPORT", event[:strings.LastIndex(event, "/")+1], `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop>`+hrefs+`</C:calendar-multiget>`, "Depth", "1")
	w.expect("a multiget of 40,000", a.Status, 207, 400, 403, 413, 507)
	for _, token := range []string{"data:,x", "http://x/9.9.9.9", "../../x", strings.Repeat("9", 100_000), "-1.-1.-1.-1"} {
		w.expect("a token made up", w.u.do(w.t, "REPORT", home, syncBody(token), "Depth", "0").Status, 403)
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `a%d="x" `, i)
	}
	return b.String()
}

// properties sets more and more of them until there is no more room, and takes them
// away again.
func (w *watched) properties(home, at string) {
	value := strings.Repeat("x", 100)
	patch := func(verb string, from, to int, value string) int {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, `<x%d xmlns="urn:x">%s</x%d>`, i, value, i)
		}
		a := w.u.do(w.t, "PROPPATCH", at, `<D:propertyupdate xmlns:D="DAV:"><D:`+verb+`><D:prop>`+b.String()+`</D:prop></D:`+verb+`></D:propertyupdate>`)
		if strings.Contains(a.Body, " 507 ") || strings.Contains(a.Body, " 403 ") {
			return 507
		}
		return a.Status
	}
	set, status := 0, 207
	for ; status == 207 && set < 20_000; set += 200 {
		status = patch("set", set, set+200, value)
	}
	if status == 207 {
		w.t.Errorf("%d properties of 100 bytes are taken", set)
	}
	for i := 0; i < set; i += 200 {
		w.expect("properties are removed", patch("remove", i, i+200, ""), 207)
	}
	w.expect("a property beyond the limit", patch("set", 0, 1, strings.Repeat("x", 900_000)), 507)
	w.expect("a folder with properties beyond the limit", w.u.do(w.t, "MKCOL", home+"ordner/", `<D:mkcol xmlns:D="DAV:"><D:set><D:prop><D:resourcetype>`+
		`<D:collection/></D:resourcetype><x xmlns="urn:x">`+strings.Repeat("x", 900_000)+`</x></D:prop></D:set></D:mkcol>`).Status, 403, 507)
}

// largeProperties asks for an answer far larger than the memory that the server may
// use.
func (w *watched) largeProperties(home string) {
	const members, size = 300, 60_000
	w.u.want(w.t, http.StatusCreated, "MKCOL", home+"groß/", "")
	for i := range members {
		at := fmt.Sprintf("%sgroß/%d", home, i)
		w.u.want(w.t, http.StatusCreated, "PUT", at, "")
		w.u.want(w.t, http.StatusMultiStatus, "PROPPATCH", at, `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">`+
			strings.Repeat("x", size)+`</x></D:prop></D:set></D:propertyupdate>`)
	}
	w.consume("allprop of large properties", "PROPFIND", home+"groß/", "", members*size)
	w.u.want(w.t, http.StatusNoContent, "DELETE", home+"groß/", "")
	w.u.want(w.t, http.StatusNoContent, "DELETE", "/trash/"+w.u.Address+"/groß/", "")
}

// largeObjects asks for one large object in many words.
func (w *watched) largeObjects(calendar string) {
	event := calendarEvent("gross", "20261123T090000", strings.Repeat("x", 9<<20))
	w.u.want(w.t, http.StatusCreated, "PUT", calendar+"/gross.ics", event, "Content-Type", "text/calendar")
	hrefs := ""
	for i := range 30 { // the same, in other words
		hrefs += "<D:href>" + strings.Repeat("/", i) + calendar + "/gross.ics</D:href>"
	}
	w.consume("a multiget of large objects", "REPORT", calendar+"/", `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">`+
		`<D:prop><C:calendar-data/></D:prop>`+hrefs+`</C:calendar-multiget>`, 9<<20)
	w.u.want(w.t, http.StatusNoContent, "DELETE", calendar+"/gross.ics", "")
}

// consume reads an answer of at least that many bytes without keeping it.
func (w *watched) consume(what, method, path, body string, atLeast int64) {
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.u.url(path), strings.NewReader(body))
	must(w.t, err)
	req.SetBasicAuth(w.u.Address, w.u.AppPassword)
	req.Header.Set("Depth", "1")
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	res, err := w.u.client.Do(req)
	must(w.t, err)
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || res.StatusCode != http.StatusMultiStatus || n < atLeast {
		w.t.Errorf("%s: %d, %d bytes, want at least %d; %v", what, res.StatusCode, n, atLeast, err)
	}
}

func (w *watched) huge(calendar, book string) {
	const size = 100 << 20
	ics := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:riesig\r\nDTSTAMP:20261101T080000Z\r\nDTSTART:20261101T080000Z\r\nDESCRIPTION:"
	card := "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:riesig\r\nFN:Riesig\r\nN:Riesig;;;;\r\nNOTE:"
	for _, c := range []struct{ at, text, kind string }{{calendar + "/riesig.ics", ics, "text/calendar"}, {book + "/riesig.vcf", card, "text/vcard"}} {
		for _, more := range []string{"x", "x\r\n ", "x\r\nX-A:", "\r\nBEGIN:VALARM"} {
			a, err := w.u.send(w.t.Context(), "PUT", c.at, io.MultiReader(strings.NewReader(c.text), endless(more, size)), "Content-Type", c.kind)
			if err == nil { // the server may hang up while it is still sent to
				w.expect(c.at, a.Status, 403, 413)
			}
			req, err := http.NewRequestWithContext(w.t.Context(), "PUT", w.u.url(c.at), io.MultiReader(strings.NewReader(c.text), endless(more, size-int64(len(c.text)))))
			must(w.t, err)
			req.ContentLength = size
			req.SetBasicAuth(w.u.Address, w.u.AppPassword)
			req.Header.Set("Expect", "100-continue")
			if res, err := w.u.client.Do(req); err == nil {
				res.Body.Close()
				w.expect(c.at+" announced", res.StatusCode, 403, 413)
			}
		}
	}
}

func (w *watched) headers(home string) {
	at := home + "da.txt"
	for name, value := range map[string]string{
		"If":            strings.Repeat("(<urn:uuid:x>) ", 20_000),
		"If-Match":      strings.Repeat(`"x", `, 50_000),
		"If-None-Match": strings.Repeat(`"x", `, 50_000),
		"Range":         "bytes=" + strings.Repeat("0-,", 20_000),
		"Destination":   "http://127.0.0.3/" + strings.Repeat("a", 500_000),
		"X-Lang":        strings.Repeat("x", 2<<20),
		"Overwrite":     "vielleicht",
		"Depth":         "7",
	} {
		method := "GET"
		if name == "Destination" || name == "Overwrite" {
			method = "COPY"
		}
		a, err := w.u.try(w.t.Context(), method, at, "", name, value)
		if err == nil {
			w.expect(name, a.Status, 200, 400, 412, 414, 416, 431)
			if name == "Range" && len(a.Body) > 1000 {
				w.t.Errorf("ranges make %d bytes of two", len(a.Body))
			}
		}
	}
}

// Rules that repeat every second for fifty years, and others made to be costly, are
// refused or answered, within bounds.
func TestDAVRecurrenceBombs(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	u := davUserOf(t, d, d.Anna())
	w := &watched{t, d, u}
	calendar := u.firstOf(t, u.calendars())
	object := func(uid, start, more string) string {
		return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//musterstadt.example//Test//DE\r\nBEGIN:VEVENT\r\nUID:" + uid +
			"\r\nDTSTAMP:20261101T080000Z\r\nDTSTART:" + start + "\r\nDURATION:PT1S\r\nSUMMARY:Bombe\r\n" + more + "END:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	seconds, hours := list(0, 59), list(0, 23)
	rules := map[string]string{
		"secondly":   "RRULE:FREQ=SECONDLY;UNTIL=20761123T090000Z\r\n",
		"endless":    "RRULE:FREQ=SECONDLY\r\n",
		"all":        "RRULE:FREQ=YEARLY;BYMONTH=" + list(1, 12) + ";BYMONTHDAY=" + list(1, 31) + ";BYHOUR=" + hours + ";BYMINUTE=" + seconds + ";BYSECOND=" + seconds + "\r\n",
		"never":      "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30\r\n",
		"never2":     "RRULE:FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1;BYMONTHDAY=31;BYMONTH=2,4\r\n",
		"last":       "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=" + hours + ";BYMINUTE=" + seconds + ";BYSECOND=" + seconds + ";BYSETPOS=-1\r\n",
		"count":      "RRULE:FREQ=SECONDLY;COUNT=2000000000\r\n",
		"interval":   "RRULE:FREQ=SECONDLY;INTERVAL=999999999\r\n",
		"rules":      strings.Repeat("RRULE:FREQ=SECONDLY;INTERVAL=7\r\n", 90),
		"exrule":     "RRULE:FREQ=MINUTELY\r\nEXRULE:FREQ=SECONDLY\r\n",
		"exdates":    "RRULE:FREQ=MINUTELY\r\nEXDATE:" + dates(20_000) + "\r\n",
		"rdates":     "RDATE:" + dates(90_000) + "\r\n",
		"periods":    "RDATE;VALUE=PERIOD:" + strings.ReplaceAll(dates(50_000), "Z", "Z/P1000D") + "\r\n",
		"alarms":     "RRULE:FREQ=SECONDLY\r\n" + strings.Repeat("BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT1S\r\nREPEAT:2000000000\r\nDURATION:PT1S\r\nEND:VALARM\r\n", 50),
		"long":       "RRULE:FREQ=SECONDLY;BYSECOND=" + strings.Repeat("1,", 50_000) + "1\r\n",
		"nonsense":   "RRULE:FREQ=SECONDLY;INTERVAL=0\r\n",
		"nonsense2":  "RRULE:FREQ=SECONDLY;INTERVAL=99999999999999999999\r\n",
		"leap":       "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29\r\n",
		"later":      "RRULE:FREQ=SECONDLY\r\nEXRULE:FREQ=SECONDLY;UNTIL=20290101T000000Z\r\n",
		"most":       "RRULE:FREQ=MINUTELY;INTERVAL=30;UNTIL=20761123T090000Z\r\n",
		"hourly":     "RRULE:FREQ=HOURLY\r\n" + strings.Repeat("BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT1S\r\nREPEAT:9000\r\nDURATION:PT1S\r\nEND:VALARM\r\n", 50),
		"everywhere": "RRULE:FREQ=SECONDLY\r\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261123T090000Z\r\n",
	}
	taken := map[string]bool{"never": true, "never2": true, "last": true, "most": true, "hourly": true, "leap": true}
	w.bounded("PUT of recurrence bombs", func() {
		for name, rule := range rules {
			for i := range 8 {
				began := time.Now()
				a := u.do(t, "PUT", fmt.Sprintf("%s%s%d.ics", calendar, name, i), object(fmt.Sprintf("%s%d", name, i), "20261123T090000Z", rule), "Content-Type", "text/calendar")
				if took := time.Since(began); took > maxTook {
					t.Errorf("PUT of %s took %v", name, took)
				}
				if refused := a.Status != 201; refused == taken[name] {
					t.Errorf("%s: %d\n%.500s", name, a.Status, a.Body)
				}
				if a.Status != 201 && !strings.Contains(a.Body, "max-instances/>") && !strings.Contains(a.Body, "valid-calendar-data/>") {
					t.Errorf("%s is refused without a precondition: %.500s", name, a.Body)
				}
			}
		}
	})
	const head = `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">`
	for what, c := range map[string]struct{ data, at string }{
		"a leap day":          {"", `start="20280229T000000Z" end="20280229T230000Z"`},
		"a leap day, all":     {`<C:expand start="20280229T000000Z" end="20280229T230000Z"/>`, `start="20280229T000000Z" end="20280229T230000Z"`},
		"a second":            {"", `start="20300101T000000Z" end="20300101T000001Z"`},
		"fifty years":         {"", `start="20260101T000000Z" end="20760101T000000Z"`},
		"all times":           {"", `start="19000101T000000Z"`},
		"far away":            {"", `start="99980101T000000Z" end="99990101T000000Z"`},
		"fifty years, all":    {`<C:expand start="20260101T000000Z" end="20760101T000000Z"/>`, `start="20260101T000000Z" end="20760101T000000Z"`},
		"fifty years, limits": {`<C:limit-recurrence-set start="20260101T000000Z" end="20760101T000000Z"/>`, `start="20260101T000000Z" end="20760101T000000Z"`},
	} {
		w.bounded("query of "+what, func() {
			a := u.do(t, "REPORT", calendar, head+`<D:prop><D:getetag/><C:calendar-data>`+c.data+`</C:calendar-data></D:prop><C:filter><C:comp-filter name="VCALENDAR">`+
				`<C:comp-filter name="VEVENT"><C:time-range `+c.at+`/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`, "Depth", "1")
			w.expect("query of "+what, a.Status, 207)
			// Objects that would fill the answer are told of without their instances.
			if n := strings.Count(a.Body, " 507 "); (n > 0) != strings.HasSuffix(what, ", all") {
				t.Errorf("query of %s: %d objects are too much", what, n)
			}
		})
		if c.data != "" {
			continue
		}
		w.bounded("alarms of "+what, func() {
			a := u.do(t, "REPORT", calendar, head+`<D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">`+
				`<C:comp-filter name="VALARM"><C:time-range `+c.at+`/></C:comp-filter></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`, "Depth", "1")
			w.expect("alarms of "+what, a.Status, 207)
		})
		w.bounded("free-busy of "+what, func() {
			a := u.do(t, "REPORT", calendar, `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range `+c.at+`/></C:free-busy-query>`, "Depth", "1")
			w.expect("free-busy of "+what, a.Status, 200, 400, 403, 507)
		})
	}
	nothingLeft(t, d)
	d.Check(t)
}

func list(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, "%d", i)
		if i < to {
			b.WriteByte(',')
		}
	}
	return b.String()
}

// dates are so many minutes, one after the other.
func dates(n int) string {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	parts := make([]string, n)
	for i := range parts {
		parts[i] = at.Add(time.Duration(i) * time.Minute).Format("20060102T150405Z")
	}
	return strings.Join(parts, ",")
}

// A database restored from a backup begins a new generation: a client that syncs
// since what was lost is told to begin anew, and one that goes by the ETags of
// folders looks again.
func TestRestoreSeenByASyncClient(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	u := davUserOf(t, d, d.Anna())
	calendar := u.firstOf(t, u.calendars())
	u.want(t, http.StatusCreated, "MKCOL", u.drive()+"Akten/", "")
	u.want(t, http.StatusCreated, "PUT", u.drive()+"Akten/alt.txt", "alt")
	d.Stop(t)
	saved := databaseFiles(t, d)
	d.Restart(t)
	u.client.CloseIdleConnections()
	u.want(t, http.StatusCreated, "PUT", u.drive()+"Akten/verloren.txt", "verloren")
	u.want(t, http.StatusCreated, "PUT", calendar+"verloren.ics", calendarEvent("verloren", "20261123T090000", "Verloren"), "Content-Type", "text/calendar")
	tokens := map[string]string{u.drive(): u.tokenOf(t, u.drive()), calendar: u.tokenOf(t, calendar)}
	folder := u.propfind(t, u.drive()+"Akten/", "0")[0].ETag
	file := u.propfind(t, u.drive()+"Akten/alt.txt", "0")[0].ETag
	id := u.resourceID(t, u.drive()+"Akten/verloren.txt")
	d.Stop(t)
	restoreDatabase(t, d, saved)
	d.Command(t, "store", "new-generation", "--yes")
	d.Restart(t)
	u.client.CloseIdleConnections()
	u.want(t, http.StatusCreated, "PUT", u.drive()+"Akten/neu.txt", "neu")
	for at, token := range tokens {
		a := u.want(t, http.StatusForbidden, "REPORT", at, syncBody(token), "Depth", "0")
		if !strings.Contains(a.Body, "valid-sync-token") {
			t.Errorf("%s: no valid-sync-token: %s", at, a.Body)
		}
		found, next := u.sync(t, at, "")
		if next == token || len(found) == 0 {
			t.Errorf("%s: beginning anew tells %d resources and %s", at, len(found), next)
		}
		for _, m := range found {
			if strings.Contains(m.Path, "verloren") {
				t.Errorf("%s was lost and is told", m.Path)
			}
		}
		if now := u.tokenOf(t, at); now == token {
			t.Errorf("%s has the sync-token of before", at)
		}
	}
	if now := u.propfind(t, u.drive()+"Akten/", "0")[0].ETag; now == folder {
		t.Errorf("the folder's ETag is still %s", now)
	}
	if now := u.propfind(t, u.drive()+"Akten/alt.txt", "0")[0].ETag; now != file {
		t.Errorf("the file is the same and its ETag is %s, was %s", now, file)
	}
	if now := u.resourceID(t, u.drive()+"Akten/neu.txt"); now == id {
		t.Errorf("a new file has the identity of a lost one: %s", now)
	}
	d.Check(t)
}

// resourceID is RFC 5842's.
func (u *davUser) resourceID(t *testing.T, at string) string {
	t.Helper()
	a := u.want(t, http.StatusMultiStatus, "PROPFIND", at, `<propfind xmlns="DAV:"><prop><resource-id/></prop></propfind>`, "Depth", "0")
	_, rest, found := strings.Cut(a.Body, "resource-id>")
	id, _, _ := strings.Cut(rest, "</D:resource-id")
	if !found || id == "" {
		t.Fatalf("no resource-id: %s", a.Body)
	}
	return id
}

// databaseFiles reads the SQLite database of a server that stands still.
func databaseFiles(t *testing.T, d *harness.Demo) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.Data, "*.db*"))
	must(t, err)
	saved := map[string][]byte{}
	for _, f := range files {
		saved[f], err = os.ReadFile(f)
		must(t, err)
	}
	if len(saved) == 0 {
		t.Fatal("no database in the data directory")
	}
	return saved
}

func restoreDatabase(t *testing.T, d *harness.Demo, saved map[string][]byte) {
	t.Helper()
	for f := range databaseFiles(t, d) {
		must(t, os.Remove(f))
	}
	for f, text := range saved {
		must(t, os.WriteFile(f, text, 0o600))
	}
}

// Sixteen at once who store the largest and costliest objects, and who look through
// them, do not take sixteen times the memory of one.
func TestDAVLargeObjectsTogether(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	u := davUserOf(t, d, d.Anna())
	w := &watched{t, d, u}
	calendar := u.firstOf(t, u.calendars())
	slow := &slowClients{t: t, u: davUserOf(t, d, d.Jan())}
	defer slow.end()
	// The most, MB, is twice what it takes: password hashing leaves the server at 180 for a
	// while, and it reaches 235 on a busy processor. Without a budget it is 1,000 and more.
	const size, most = 9 << 20, 450
	together := func(what string, n int, f func(i int) (davAnswer, error), want ...int) {
		t.Helper()
		w.memory(true)
		began := time.Now()
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				a, err := f(i)
				if err != nil {
					t.Error(err)
					return
				}
				w.expect(what, a.Status, want...)
			})
		}
		all.Wait()
		took, peak := time.Since(began), w.memory(false)
		t.Logf("%s: %v, %d MB", what, took.Round(time.Millisecond), peak)
		if took > maxTook || peak > most {
			t.Errorf("%s took %v and %d MB", what, took, peak)
		}
	}
	// Those who send without end take nothing from those who are ready.
	slow.send(20, slow.u.firstOf(t, slow.u.calendars()), size)
	for what, line := range map[string]string{"text": "X-TEXT:" + strings.Repeat("x\r\n x", 200) + "\r\n", "parameters": "X;A=1;B=2;C=3:" + strings.Repeat("x", 100) + "\r\n"} {
		together("16 PUT of much "+what, 16, func(i int) (davAnswer, error) {
			text := strings.Replace(calendarEvent(fmt.Sprint(what, i), "20261123T090000", "x"), "END:VEVENT", strings.Repeat(line, size/len(line))+"END:VEVENT", 1)
			return u.try(t.Context(), "PUT", fmt.Sprintf("%s%s%d.ics", calendar, what, i%4), text, "Content-Type", "text/calendar")
		}, 201, 204, 403)
	}
	report := func(root, inside string) func(int) (davAnswer, error) {
		body := "<C:" + root + ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">` + inside + "</C:" + root + ">"
		return func(int) (davAnswer, error) { return u.try(t.Context(), "REPORT", calendar, body, "Depth", "1") }
	}
	together("8 queries", 8, report("calendar-query", `<D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR">`+
		`<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match>zz</C:text-match></C:prop-filter></C:comp-filter></C:comp-filter></C:filter>`), 207)
	two := "<D:href>" + calendar + "text0.ics</D:href><D:href>" + calendar + "parameters1.ics</D:href>"
	together("8 multigets", 8, report("calendar-multiget", "<D:prop><D:getetag/><C:calendar-data/></D:prop>"+two), 207)
	together("8 multigets of a part", 8, report("calendar-multiget",
		`<D:prop><C:calendar-data><C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="X"/></C:comp></C:comp></C:calendar-data></D:prop>`+two), 207)
	// Nor do those who do not take what they asked for.
	slow.read(20, calendar, u, "<C:calendar-multiget xmlns:D='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><D:prop><C:calendar-data/></D:prop>"+two+"</C:calendar-multiget>")
	together("8 multigets beside slow ones", 8, report("calendar-multiget", "<D:prop><C:calendar-data/></D:prop>"+two), 207)
	slow.end()
	nothingLeft(t, d)
	d.Check(t)
}

// slowClients begin and do not go on.
type slowClients struct {
	t    *testing.T
	u    *davUser
	open []net.Conn
}

// send begins n PUTs of size bytes each and sends most of them.
func (s *slowClients) send(n int, calendar string, size int) {
	s.t.Helper()
	for i := range n {
		c := s.begin(s.u, fmt.Sprintf("PUT %slangsam%d.ics HTTP/1.1\r\nContent-Type: text/calendar\r\nContent-Length: %d", strings.ReplaceAll(calendar, "@", "%40"), i, size))
		_, err := io.Copy(c, endless("X-LANGSAM:x\r\n", int64(size)*9/10))
		must(s.t, err)
	}
}

// read asks n times and reads the first line of the answer alone.
func (s *slowClients) read(n int, calendar string, u *davUser, body string) {
	s.t.Helper()
	for range n {
		c := s.begin(u, fmt.Sprintf("REPORT %s HTTP/1.1\r\nDepth: 1\r\nContent-Length: %d", strings.ReplaceAll(calendar, "@", "%40"), len(body)))
		_, err := io.WriteString(c, body)
		must(s.t, err)
		line := make([]byte, len("HTTP/1.1 207"))
		_, err = io.ReadFull(c, line)
		if err != nil || string(line) != "HTTP/1.1 207" {
			s.t.Errorf("a slow reader is answered %q, %v", line, err)
		}
	}
}

func (s *slowClients) begin(u *davUser, head string) net.Conn {
	s.t.Helper()
	at := strings.TrimPrefix(u.origin, "http://")
	c, err := net.Dial("tcp", at)
	must(s.t, err)
	s.open = append(s.open, c)
	login := base64.StdEncoding.EncodeToString([]byte(u.Address + ":" + u.AppPassword))
	_, err = fmt.Fprintf(c, "%s\r\nHost: %s\r\nAuthorization: Basic %s\r\n\r\n", head, at, login)
	must(s.t, err)
	return c
}

func (s *slowClients) end() {
	for _, c := range s.open {
		c.Close()
	}
	s.open = nil
}
