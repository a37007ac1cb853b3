package system

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"fachwerk/test/system/harness"
)

// A foreignSite is a page of somebody else's that also hears whether script or style
// of stored content ran.
type foreignSite struct {
	*httptest.Server
	mu    sync.Mutex
	heard []string
	page  string // what it answers at /page
}

func newForeignSite(t *testing.T) *foreignSite {
	t.Helper()
	f := &foreignSite{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch {
		case strings.HasPrefix(r.URL.Path, "/ran/"):
			f.heard = append(f.heard, strings.TrimPrefix(r.URL.Path, "/ran/"))
			w.Header().Set("Access-Control-Allow-Origin", "*")
		case r.URL.Path == "/page":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, f.page)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *foreignSite) show(page string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.page = page
	return f.URL + "/page"
}

// ran are what was heard since the last time.
func (f *foreignSite) ran() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	heard := f.heard
	f.heard = nil
	return heard
}

// activeContent would tell the site by each way that it finds to run.
func activeContent(site string) map[string]string {
	script := `new Image().src="` + site + `/ran/script";fetch("` + site + `/ran/fetch");document.title="ran"`
	html := `<!DOCTYPE html><html><head><title>harmlos</title><link rel="stylesheet" href="` + site + `/ran/link"><style>body{background:url(` + site +
		`/ran/style)}@import url(` + site + `/ran/import);</style><meta http-equiv="refresh" content="1;url=` + site + `/ran/refresh"><script>` + script +
		`</script></head><body onload='` + script + `'><img src="x" onerror='` + script + `'><iframe src="` + site + `/ran/frame"></iframe>` +
		`<form id="f" action="` + site + `/ran/form"></form><object data="` + site + `/ran/object"></object></body></html>`
	svg := `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9" onload='` + script + `'><style>@import url(` + site +
		`/ran/svgstyle);</style><script><![CDATA[` + script + `]]></script><image xlink:href="` + site + `/ran/image" width="9" height="9"/></svg>`
	xhtml := `<?xml version="1.0"?><?xml-stylesheet type="text/css" href="` + site + `/ran/xmlstyle"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>harmlos</title></head>` +
		`<body><script><![CDATA[` + script + `]]></script><img src="` + site + `/ran/xmlimage"/></body></html>`
	return map[string]string{
		"a.html": html, "a.htm": html, "a.xhtml": xhtml, "a.xml": xhtml, "a.svg": svg, "a.txt": html, "a.png": html, "a.jpg": svg, "a.pdf": html,
		"a": html, "a.mht": html, "a.js": script, "a.css": "body{background:url(" + site + "/ran/css)}", "a.ics": html, "a.html%00.txt": html,
	}
}

// visit goes to an address; what becomes a download is no page and no failure.
func (p *page) visit(address string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	_ = chromedp.Do(ctx, chromedp.Navigate(address))
}

func (p *page) eval(expression string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
	must(p.t, err)
	return text
}

// Stored content that a browser opens on the DAV origin, with the password that it
// was told, runs no script and loads nothing, however it is opened. A page of
// somebody else neither reads nor writes, though the browser knows the password.
func TestDAVInABrowser(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	u := davUserOf(t, d, d.Anna())
	site := newForeignSite(t)
	active := activeContent(site.URL)
	delete(active, "a.html%00.txt")
	for name, text := range active {
		u.want(t, http.StatusCreated, "PUT", u.drive()+name, text, "Content-Type", "text/html")
	}
	calendar := u.firstOf(t, u.calendars())
	event := strings.Replace(calendarEvent("aktiv", "20261123T090000", "x"), "SUMMARY:x", "SUMMARY:<script>new Image().src=\""+site.URL+"/ran/ics\"</script>", 1)
	u.want(t, http.StatusCreated, "PUT", calendar+"aktiv.html", event, "Content-Type", "text/calendar")
	p := openPage(t)

	// The content does run where nobody hinders it, or the test would show nothing.
	p.visit(site.show(active["a.html"]))
	harness.Eventually(t, time.Minute, "active content runs elsewhere", func() bool { return slices.Contains(site.ran(), "script") })
	time.Sleep(1500 * time.Millisecond) // its refresh
	p.visit("about:blank")
	site.ran()

	signed := func(path string) string {
		at, err := url.Parse(u.url(path))
		must(t, err)
		at.User = url.UserPassword(u.Address, u.AppPassword)
		return at.String()
	}
	// A text is shown, so the browser is signed in; as a text.
	p.visit(signed(u.drive() + "a.txt"))
	if kind, at := p.eval("document.contentType"), p.eval("location.host"); kind != "text/plain" || "http://"+at != u.origin {
		t.Fatalf("the browser shows %s of %s", kind, at)
	}
	for name := range active {
		p.visit(signed(u.drive() + name))
		if title := p.eval("document.title"); title == "ran" {
			t.Errorf("%s runs when it is opened", name)
		}
	}
	p.visit(signed(calendar + "aktiv.html"))
	p.visit(signed(u.drive() + "fehlt<script>document.title='ran'</script>.html"))
	if title := p.eval("document.title"); title == "ran" {
		t.Error("an error runs")
	}
	time.Sleep(1500 * time.Millisecond)
	if heard := site.ran(); len(heard) > 0 {
		t.Errorf("stored content that was opened did: %v", heard)
	}
	davFromForeignPage(t, p, u, site, active)
	davWithPortalCookie(t, d, p, u)
	d.Check(t)
}

// davFromForeignPage tries what a page of another origin can.
func davFromForeignPage(t *testing.T, p *page, u *davUser, site *foreignSite, active map[string]string) {
	t.Helper()
	before := u.tree(t, u.drive())
	target := u.url(u.drive())
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><title>fremd</title><body>`)
	for name := range active {
		at := target + name
		fmt.Fprintf(&b, `<iframe src="%s"></iframe><embed src="%s"><object data="%s"></object><img src="%s" onload="new Image().src='/ran/img-%s'">`+
			`<script src="%s"></script><link rel="stylesheet" href="%s">`, at, at, at, at, name, at, at)
	}
	fmt.Fprintf(&b, `<form id="f" method="post" enctype="text/plain" action="%sformular.txt" target="_blank"><input name="a" value="b"></form>
<script>
window.done = [];
const tries = [];
for (const method of ["GET", "PUT", "DELETE", "MKCOL", "PROPFIND", "MOVE", "COPY", "LOCK", "PROPPATCH", "POST", "OPTIONS", "REPORT"])
  for (const mode of ["cors", "no-cors"])
    for (const file of ["a.txt", "neu.txt"]) {
      const o = {method, mode, credentials: "include", headers: mode == "cors" ? {"Destination": %q, "Depth": "1"} : {}};
      if (["PUT", "POST"].includes(method)) o.body = "fremd";
      tries.push((async () => {
        try {
          const r = await fetch(%q + file, o);
          if (r.type != "opaque" || r.status != 0) window.done.push(method + " " + mode + " " + r.status);
        } catch (e) {}
      })());
    }
Promise.allSettled(tries).then(() => { document.getElementById("f").submit(); setTimeout(() => window.finished = true, 500); });
</script>`, target, target+"kopie.txt", target)
	p.visit(site.show(b.String()))
	p.wait("window.finished")
	if done := p.eval("window.done.join('; ')"); done != "" {
		t.Errorf("a foreign page reads answers: %s", done)
	}
	if heard := site.ran(); len(heard) > 0 {
		t.Errorf("stored content in a foreign page did: %v", heard)
	}
	now := u.tree(t, u.drive())
	for at, m := range now {
		if before[at].ETag != m.ETag {
			t.Errorf("a foreign page wrote %s", at)
		}
	}
	if len(now) != len(before) {
		t.Errorf("a foreign page changed what is there: %d, it was %d", len(now), len(before))
	}
	// Were the browser to send it, the server refuses all the same.
	for _, fields := range [][]string{
		{"Origin", site.URL}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		{"Origin", u.origin + ".boese.example"}, {"Origin", strings.Replace(u.origin, "127.0.0.3", "127.0.0.1", 1)},
	} {
		for _, method := range []string{"PUT", "DELETE", "MKCOL", "MOVE", "COPY", "LOCK", "UNLOCK", "PROPPATCH", "MKCALENDAR", "ACL", "POST"} {
			u.want(t, http.StatusForbidden, method, u.drive()+"a.txt", "", append([]string{"Destination", target + "kopie.txt"}, fields...)...)
		}
		for _, method := range []string{"GET", "OPTIONS", "PROPFIND"} {
			a := u.do(t, method, u.drive()+"a.txt", "", append([]string{"Access-Control-Request-Method", "PUT"}, fields...)...)
			for name := range a.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s answers %s", method, name)
				}
			}
		}
	}
}

// davWithPortalCookie signs in at the portal: its cookie does not come to the DAV
// origin, and would open nothing there.
func davWithPortalCookie(t *testing.T, d *harness.Demo, p *page, u *davUser) {
	t.Helper()
	jar := &portalVisitor{t: t, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	p.visit(d.Portal + "/devices")
	p.wait("document.querySelector('input[type=password]')")
	p.write("#address", u.Address)
	p.write("#password", u.Password)
	p.click("form button")
	p.wait("document.getElementById('name')")
	cookies := p.cookies(d.Portal)
	if len(cookies) == 0 {
		t.Fatal("the portal sets no cookie")
	}
	if sent := p.cookies(u.origin + "/"); len(sent) > 0 {
		t.Errorf("the browser sends %d cookies to the DAV origin", len(sent))
	}
	for _, path := range []string{"/", u.drive(), u.drive() + "a.txt", u.calendars()} {
		for _, method := range []string{"GET", "PROPFIND", "PUT", "REPORT"} {
			if status := jar.ask(method, u.url(path), cookies); status != http.StatusUnauthorized {
				t.Errorf("%s %s with the portal's cookie alone: %d", method, path, status)
			}
		}
	}
	// And the portal takes no Basic.
	req, err := http.NewRequestWithContext(t.Context(), "GET", d.Portal+"/devices", nil)
	must(t, err)
	req.SetBasicAuth(u.Address, u.AppPassword)
	res, err := jar.client.Do(req)
	must(t, err)
	res.Body.Close()
	if res.StatusCode == http.StatusOK {
		t.Error("the portal takes an app password by Basic")
	}
	if got := u.want(t, http.StatusOK, "GET", u.drive()+"a.txt", ""); len(got.Header.Values("Set-Cookie")) > 0 {
		t.Error("the DAV origin sets a cookie")
	}
}

type portalVisitor struct {
	t      *testing.T
	client *http.Client
}

func (v *portalVisitor) ask(method, address string, cookies []*http.Cookie) int {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, address, nil)
	must(v.t, err)
	for _, c := range cookies {
		req.AddCookie(c)
	}
	res, err := v.client.Do(req)
	must(v.t, err)
	res.Body.Close()
	return res.StatusCode
}

// davWalk is what one person, or one app password, tries.
type davWalk struct {
	who  string
	user *davUser
	may  davRights
}

type davRights int

const (
	davNothing davRights = iota
	davReads
	davWrites
	davManages
)

// Every method at every mount of a shared account, as people with each grant and
// none: exactly what was granted passes. What is not granted, another tenant's and
// what does not exist cannot be told apart.
func TestDAVGrants(t *testing.T) {
	d := harness.Start(t, harness.Options{Accounts: 4})
	const team, other, nobody = "bauamt@musterstadt.example", "lotte@andernorts.example", "niemand@musterstadt.example"
	d.Command(t, "account", "add", team, "--kind", "team", "--name", "Bauamt")
	d.Command(t, "tenant", "add", "Andernorts")
	d.Command(t, "domain", "add", "andernorts.example", "--tenant", "Andernorts")
	d.Command(t, "account", "add", other, "--name", "Lotte Anders")
	lotte := davUserOf(t, d, harness.Account{Address: other, AppPassword: appPassword(t, d, other, "calendar,contacts,files")})
	lotte.want(t, http.StatusCreated, "PUT", lotte.drive()+"geheim.txt", "geheim")
	var walks []davWalk
	for i, rights := range []string{"", "read", "read,write", "read,write,manage"} {
		a := d.Person(i)
		if rights != "" {
			d.Command(t, "grant", "add", team, a.Address, rights)
		}
		walks = append(walks, davWalk{cmp.Or(rights, "no grant"), davUserOf(t, d, a), davRights(i)})
	}
	manager := walks[davManages].user
	for _, w := range walks {
		walkShared(t, manager, w, team)
	}
	alike(t, walks[davNothing], []string{nobody, other, "x@gibtsnicht.example", d.Jan().Address, team})
	alike(t, walks[davManages], []string{nobody, other, d.Jan().Address})
	unseen(t, walks[davNothing].user, other)
	if lotte.want(t, http.StatusOK, "GET", lotte.drive()+"geheim.txt", "").Body != "geheim" {
		t.Error("the other tenant's file was changed")
	}
	alike(t, davWalk{"another tenant's", lotte, davNothing}, []string{nobody, team, d.Anna().Address, walks[0].user.Address})
	// A grant that ends, ends at once.
	d.Command(t, "grant", "remove", team, manager.Address)
	harness.Eventually(t, time.Minute, "the grant ends", func() bool {
		return manager.do(t, "PROPFIND", "/files/"+team+"/", "", "Depth", "0").Status == http.StatusNotFound
	})
	d.Check(t)
}

// appPassword makes one for some scopes, beside the running server.
func appPassword(t *testing.T, d *harness.Demo, address, scopes string) string {
	t.Helper()
	var made struct {
		Secret string `json:"secret"`
	}
	must(t, json.Unmarshal([]byte(d.Command(t, "app-password", "add", address, "--scopes", scopes, "--json")), &made))
	return made.Secret
}

// cookies are what the browser would send there.
func (p *page) cookies(address string) (list []*http.Cookie) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		r, err := cdp.Call(ctx, s, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
		for _, c := range r.Cookies {
			list = append(list, &http.Cookie{Name: c.Name, Value: c.Value})
		}
		return err
	}))
	return list
}

// A davTry is one request at a shared account; %s in path and fields is a member
// made for it.
type davTry struct {
	need   davRights
	method string
	path   string
	body   string
	fields []string
}

// davTries are all methods at a collection and its members. own is a collection of
// the same kind of who tries.
func davTries(u *davUser, kind, at, own, object string) []davTry {
	to := func(path string) []string { return []string{"Destination", u.url(path), "Overwrite", "T"} }
	patch := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">x</x></D:prop></D:set></D:propertyupdate>`
	list := []davTry{ // in this order
		{davReads, "OPTIONS", at, "", nil},
		{davReads, "OPTIONS", "%s", "", nil},
		{davReads, "GET", "%s", "", nil},
		{davReads, "HEAD", "%s", "", nil},
		{davReads, "PROPFIND", at, "", []string{"Depth", "1"}},
		{davReads, "PROPFIND", "%s", "", []string{"Depth", "0"}},
		{davReads, "REPORT", at, syncBody(""), nil},
		{davReads, "COPY", "%s", "", to(own + "von-dort-" + kind)},
		{davWrites, "PUT", "%s", object, nil},
		{davWrites, "PUT", "%s-neu", object, nil},
		{davWrites, "PROPPATCH", "%s", patch, nil},
		{davWrites, "LOCK", "%s", `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`, []string{"Timeout", "Second-1"}},
		{davWrites, "MOVE", "%s", "", to(at + "anders-" + kind)},
		{davWrites, "MOVE", "%s", "", to(own + "weg-" + kind)},
		{davWrites, "DELETE", "%s", "", nil},
		{davManages, "PROPPATCH", at, patch, nil},
	}
	switch kind {
	case "files":
		list = append(list, davTry{davWrites, "MKCOL", "%s-ordner/", "", nil}, davTry{davWrites, "LOCK", "%s-noch-nichts",
			`<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`, []string{"Timeout", "Second-1"}})
	case "calendars":
		home := at[:strings.LastIndex(strings.TrimSuffix(at, "/"), "/")+1]
		list = append(list, davTry{davManages, "MKCALENDAR", home + "neuer-kalender/", "", nil}, davTry{davManages, "DELETE", home + "neuer-kalender/", "", nil})
	}
	return list
}

// walkShared tries everything at a shared account.
func walkShared(t *testing.T, manager *davUser, w davWalk, team string) {
	t.Helper()
	shared := *manager
	shared.Address = team // its homes, not its password
	homes := map[string][2]string{
		"files":        {shared.drive(), w.user.drive()},
		"calendars":    {manager.firstOf(t, shared.calendars()), w.user.firstOf(t, w.user.calendars())},
		"addressbooks": {manager.firstOf(t, shared.books()), w.user.firstOf(t, w.user.books())},
	}
	manager.do(t, "DELETE", shared.calendars()+"neuer-kalender/", "")
	count := 0
	for kind, home := range homes {
		for i, try := range davTries(w.user, kind, home[0], home[1], "%s") {
			count++
			name := fmt.Sprintf("%swalk-%d-%d-%s", home[0], w.may, i, kind)
			object := davContent(kind, fmt.Sprintf("%x%d-%d-300", i+1, w.may, i))
			manager.want(t, http.StatusCreated, "PUT", name, object)
			if try.method == "DELETE" && strings.Contains(try.path, "neuer-kalender") && w.may < davManages {
				manager.want(t, http.StatusCreated, "MKCALENDAR", try.path, "")
			}
			before := manager.tree(t, home[0])
			path := strings.Replace(try.path, "%s", name, 1)
			body := strings.Replace(try.body, "%s", object, 1)
			if try.method == "PUT" && path != name {
				body = davContent(kind, fmt.Sprintf("aaa%x%d-%d-300", i+1, w.may, i))
			}
			a := w.user.do(t, try.method, path, body, try.fields...)
			allowed, want := a.Status/100 == 2, w.may >= try.need
			switch {
			case allowed != want:
				t.Errorf("%s: %s %s: %d, allowed should be %v\n%.300s", w.who, try.method, path, a.Status, want, a.Body)
			case !allowed && w.may == davNothing && a.Status != http.StatusNotFound, !allowed && w.may > davNothing && a.Status != http.StatusForbidden:
				t.Errorf("%s: %s %s: %d", w.who, try.method, path, a.Status)
			}
			if !want || try.need == davReads {
				if now := manager.tree(t, home[0]); !maps.Equal(now, before) {
					t.Errorf("%s: %s %s changed something", w.who, try.method, path)
				}
			}
			manager.do(t, "DELETE", home[0]+"anders-"+kind, "")
			w.user.do(t, "DELETE", home[1]+"weg-"+kind, "")
			w.user.do(t, "DELETE", home[1]+"von-dort-"+kind, "")
		}
	}
	t.Logf("%s: %d requests", w.who, count)
}

// alike wants the same answer to all of these addresses, none of which there is for
// who asks, by every method at every mount.
func alike(t *testing.T, w davWalk, hidden []string) {
	t.Helper()
	for _, mount := range []string{"files", "calendars", "addressbooks", "trash"} {
		for _, below := range []string{"", "geheim.txt", "calendar/geheim.ics"} {
			for _, method := range []string{"GET", "HEAD", "OPTIONS", "PROPFIND", "PROPPATCH", "PUT", "DELETE", "MKCOL", "MKCALENDAR", "COPY", "MOVE", "COPY to", "MOVE to", "LOCK", "UNLOCK", "REPORT", "ACL", "POST"} {
				var first string
				for i, address := range hidden {
					at := "/" + mount + "/" + address + "/" + below
					a := askHidden(t, w.user, method, at)
					is := fmt.Sprintf("%d %v %s", a.Status, a.Header, a.Body)
					is = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(address)).ReplaceAllString(is, "X")
					is = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(url.PathEscape(address))).ReplaceAllString(is, "X")
					is = regexp.MustCompile(`Date:\[[^]]*\]|Content-Length:\[\d+\]|urn:uuid:[0-9a-f-]+`).ReplaceAllString(is, "")
					if i == 0 {
						first = is
					} else if is != first {
						t.Errorf("%s: %s %s tells more than that nothing is there:\n%s\n%s", w.who, method, at, is, first)
					}
					if a.Status/100 == 2 && method != "OPTIONS" {
						t.Errorf("%s: %s %s: %d", w.who, method, at, a.Status)
					}
				}
			}
		}
	}
}

func askHidden(t *testing.T, u *davUser, method, at string) davAnswer {
	t.Helper()
	own := u.drive() + "eigenes.txt"
	switch method {
	case "COPY to", "MOVE to":
		u.do(t, "PUT", own, "eigenes")
		return u.do(t, strings.TrimSuffix(method, " to"), own, "", "Destination", u.url(at))
	case "COPY", "MOVE":
		return u.do(t, method, at, "", "Destination", u.url(own+"-kopie"))
	case "UNLOCK":
		return u.do(t, method, at, "", "Lock-Token", "<urn:uuid:00000000-0000-0000-0000-000000000000>")
	case "PUT":
		return u.do(t, method, at, "x")
	case "REPORT":
		return u.do(t, method, at, syncBody(""))
	case "PROPPATCH":
		return u.do(t, method, at, `<D:propertyupdate xmlns:D="DAV:"><D:remove><D:prop><D:x/></D:prop></D:remove></D:propertyupdate>`)
	case "LOCK":
		return u.do(t, method, at, `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`)
	}
	return u.do(t, method, at, "", "Depth", "0")
}

// unseen looks for somebody of another tenant in all that lists.
func unseen(t *testing.T, u *davUser, address string) {
	t.Helper()
	name, _, _ := strings.Cut(address, "@")
	asked := map[string]davAnswer{
		"/":                     u.do(t, "PROPFIND", "/", "", "Depth", "1"),
		"/files/":               u.do(t, "PROPFIND", "/files/", "", "Depth", "1"),
		"/principals/":          u.do(t, "PROPFIND", "/principals/", "", "Depth", "1"),
		"the address book home": u.do(t, "PROPFIND", u.books(), "", "Depth", "1"),
		"the directory":         u.do(t, "PROPFIND", u.books()+"directory/", "", "Depth", "1"),
		"a search": u.do(t, "REPORT", "/principals/", `<D:principal-property-search xmlns:D="DAV:"><D:property-search><D:prop><D:displayname/></D:prop><D:match>`+name+
			`</D:match></D:property-search><D:prop><D:displayname/></D:prop></D:principal-property-search>`, "Depth", "0"),
		"a query": u.do(t, "REPORT", u.books()+"directory/", `<C:addressbook-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:prop><C:address-data/></D:prop><C:filter>`+
			`<C:prop-filter name="FN"><C:text-match>`+name+`</C:text-match></C:prop-filter></C:filter></C:addressbook-query>`, "Depth", "1"),
	}
	for what, a := range asked {
		if a.Status != http.StatusMultiStatus {
			t.Errorf("%s: %d", what, a.Status)
		}
		if strings.Contains(strings.ToLower(a.Body), name+"@") || strings.Contains(a.Body, "Lotte") {
			t.Errorf("%s tells of another tenant's %s", what, address)
		}
	}
	there, nobody := u.do(t, "PROPFIND", "/principals/"+address+"/", "", "Depth", "0"), u.do(t, "PROPFIND", "/principals/niemand@andernorts.example/", "", "Depth", "0")
	if there.Status != http.StatusNotFound || there.Status != nobody.Status || there.Body != nobody.Body {
		t.Errorf("the principal of another tenant: %d, one that is not there %d", there.Status, nobody.Status)
	}
}

// App passwords open what they are for: each scope at each mount, by every method.
func TestDAVScopes(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	anna := davUserOf(t, d, d.Anna())
	anna.want(t, http.StatusCreated, "PUT", anna.drive()+"da.txt", "da")
	homes := map[string]string{"calendar": anna.firstOf(t, anna.calendars()), "contacts": anna.firstOf(t, anna.books()), "files": anna.drive(), "files ": "/trash/" + anna.Address + "/"}
	for _, scopes := range []string{"calendar", "contacts", "files", "calendar,contacts", "mail.read,mail.send"} {
		u := davUserOf(t, d, harness.Account{Address: anna.Address, AppPassword: appPassword(t, d, anna.Address, scopes)})
		for scope, at := range homes {
			open := slices.Contains(strings.Split(scopes, ","), strings.TrimSpace(scope))
			for _, method := range []string{"PROPFIND", "REPORT", "GET", "HEAD", "PUT", "MKCOL", "DELETE", "PROPPATCH", "LOCK", "UNLOCK", "COPY", "MOVE", "ACL"} {
				path, body := at+"nichts/nichts", ""
				switch method {
				case "PROPFIND":
					path = at
				case "REPORT":
					path, body = at, syncBody("")
				}
				a := u.do(t, method, path, body, "Depth", "0", "Destination", u.url(at+"anderswo"))
				if method == "PROPFIND" && open != (a.Status == http.StatusMultiStatus) {
					t.Errorf("%s: PROPFIND %s: %d", scopes, at, a.Status)
				}
				if !open && a.Status != http.StatusForbidden {
					t.Errorf("%s: %s %s: %d", scopes, method, path, a.Status)
				}
			}
			// Neither into what is not covered, nor out of it.
			if !open && scope != "files" {
				continue
			}
			for other, to := range homes {
				covered := slices.Contains(strings.Split(scopes, ","), strings.TrimSpace(other))
				if a := u.do(t, "COPY", anna.drive()+"da.txt", "", "Destination", u.url(to+"kopie")); !covered && a.Status != http.StatusForbidden {
					t.Errorf("%s: COPY to %s: %d", scopes, to, a.Status)
				}
			}
		}
		if scopes != "mail.read,mail.send" {
			root := u.want(t, http.StatusMultiStatus, "PROPFIND", "/", "", "Depth", "1").Body
			for _, mount := range []string{"calendars", "addressbooks", "files"} {
				scope := map[string]string{"calendars": "calendar", "addressbooks": "contacts", "files": "files"}[mount]
				if strings.Contains(root, "/"+mount+"/") != slices.Contains(strings.Split(scopes, ","), scope) {
					t.Errorf("%s: the root and %s", scopes, mount)
				}
			}
		}
	}
	if !d.Running() || anna.want(t, http.StatusOK, "GET", anna.drive()+"da.txt", "").Body != "da" {
		t.Error("something was changed")
	}
}
