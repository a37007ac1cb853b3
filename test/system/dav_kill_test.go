package system

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

const (
	davKillRounds = 20
	davKillLeast  = 20 // requests that are acknowledged in a round
	davKillDrives = 6  // clients that each have a folder
	davKillOthers = 2  // clients that each have two calendars, and two address books
)

// The server is killed at random moments under PUT, MOVE, COPY, DELETE and MKCOL
// of files, events and cards. After each restart every client finds what it was
// told was done, byte for byte, and of the one request that was not answered
// either all or nothing; a sync from before tells what changed and nothing else;
// nobody ever reads half a file; nothing is left behind.
func TestDAVKill(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		k := newDAVKill(t, d)
		for range davKillRounds {
			k.round(t, d)
		}
		k.sinceTheStart(t)
		t.Logf("%d acknowledged, %d cut off: %d of them done, %d not; %d reads while it was written; %d rounds",
			k.acked, k.cut, k.done, k.cut-k.done, k.reads, davKillRounds)
		if k.acked < davKillRounds*davKillLeast || k.cut < davKillRounds {
			t.Error("the test has not tested much")
		}
		nothingLeft(t, d)
		d.Check(t)
		d.Stop(t)
		nothingLeft(t, d)
	})
}

// davKill is what all clients know.
type davKill struct {
	user    *davUser
	clients []*davKillClient
	tokens  map[string]string               // of the collections that are synced, as of the last listing
	first   map[string]string               // of the start
	before  map[string]map[string]davMember // listing by collection
	whole   map[string]string               // what an ETag stands for, by path and ETag

	mu                      sync.Mutex
	acked, cut, done, reads int
}

// A davKillClient is alone in its folder, or its two collections, so it knows what
// is there. State maps paths to the content's id, or "/" for a folder.
type davKillClient struct {
	user    *davUser
	kind    string   // "files", "calendars", "addressbooks", "homes" where calendars come and go, "across" two accounts
	homes   []string // "/files/…/client3", or "/calendars/…/client3a", or what its calendars begin with
	rng     *rand.Rand
	count   int
	state   map[string]string
	pending map[string]string // the state if the request that was cut off was done
	touched []string          // in this round
}

func newDAVKill(t *testing.T, d *harness.Demo) *davKill {
	t.Helper()
	u := davUserOf(t, d, d.Anna())
	u.client.Timeout = 2 * time.Minute
	k := &davKill{user: u, whole: map[string]string{}, before: map[string]map[string]davMember{}}
	add := func(kind string, homes ...string) {
		c := &davKillClient{user: u, kind: kind, homes: homes, rng: rand.New(rand.NewPCG(uint64(len(k.clients)), 20261122)), state: map[string]string{}}
		k.clients = append(k.clients, c)
	}
	for i := range davKillDrives {
		home := fmt.Sprintf("%sclient%d", u.drive(), i)
		u.want(t, http.StatusCreated, "MKCOL", home+"/", "")
		add("files", home)
	}
	for i := range davKillOthers {
		var calendars, books []string
		for _, name := range []string{"a", "b"} {
			calendars = append(calendars, fmt.Sprintf("%sclient%d%s", u.calendars(), i, name))
			books = append(books, fmt.Sprintf("%sclient%d%s", u.books(), i, name))
		}
		add("calendars", calendars...)
		add("addressbooks", books...)
		add("homes", fmt.Sprintf("%sneu%d-", u.calendars(), i))
		for n := range calendars {
			u.want(t, http.StatusCreated, "MKCALENDAR", calendars[n]+"/", "")
			u.want(t, http.StatusCreated, "MKCOL", books[n]+"/", `<D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:set><D:prop>`+
				`<D:resourcetype><D:collection/><C:addressbook/></D:resourcetype></D:prop></D:set></D:mkcol>`)
		}
	}
	across := []string{u.drive() + "hinüber", "/files/" + harness.Office + "/hinüber"}
	for _, home := range across {
		u.want(t, http.StatusCreated, "MKCOL", home+"/", "")
	}
	add("across", across...)
	// Nobody touches this folder, so no sync may name it.
	u.want(t, http.StatusCreated, "MKCOL", u.drive()+"ruhe/", "")
	u.want(t, http.StatusCreated, "PUT", u.drive()+"ruhe/still.txt", "still")
	k.list(t)
	k.first = k.tokens
	return k
}

// synced are the collections whose changes are told since a token.
func (k *davKill) synced() []string {
	list := []string{strings.TrimSuffix(k.user.drive(), "/")}
	for _, c := range k.clients {
		if c.kind == "calendars" || c.kind == "addressbooks" {
			list = append(list, c.homes...)
		}
	}
	return list
}

// list reads what is there, and the token that stands for it.
func (k *davKill) list(t *testing.T) {
	t.Helper()
	k.tokens = map[string]string{}
	for _, at := range k.synced() {
		k.tokens[at] = k.user.tokenOf(t, at+"/")
		k.before[at] = k.user.tree(t, at+"/")
	}
}

func (k *davKill) round(t *testing.T, d *harness.Demo) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, c := range k.clients {
		c.touched, c.pending = nil, nil
		all.Go(func() { k.write(ctx, t, c) })
	}
	for i := range 2 {
		rng := rand.New(rand.NewPCG(uint64(i), rand.Uint64()))
		all.Go(func() { k.read(ctx, t, rng) })
	}
	// At a random moment, but not before something was done: on a slow machine that takes
	// longer.
	enough := k.acknowledged() + davKillLeast
	time.Sleep(100*time.Millisecond + rand.N(500*time.Millisecond))
	for end := time.Now().Add(time.Minute); k.acknowledged() < enough && time.Now().Before(end); {
		time.Sleep(rand.N(20 * time.Millisecond))
	}
	d.Kill(t)
	stop()
	all.Wait()
	k.user.client.CloseIdleConnections()
	d.Restart(t)
	if k.user.origin != d.HTTP {
		t.Fatalf("the restarted server is at %s, it was at %s", d.HTTP, k.user.origin)
	}
	tokens, before := k.tokens, maps.Clone(k.before)
	k.list(t)
	for _, c := range k.clients {
		k.compare(t, c)
	}
	for _, at := range k.synced() {
		k.compareSync(t, at, tokens[at], before[at], k.touched)
	}
	if t.Failed() {
		t.FailNow()
	}
}

func (k *davKill) acknowledged() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.acked
}

// touched reports whether a client worked there in this round.
func (k *davKill) touched(at string) bool {
	for _, c := range k.clients {
		for _, p := range c.touched {
			if at == p || strings.HasPrefix(at, p+"/") {
				return true
			}
		}
	}
	return false
}

// write works until the server is gone.
func (k *davKill) write(ctx context.Context, t *testing.T, c *davKillClient) {
	for ctx.Err() == nil {
		step := c.next()
		if step.method == "" {
			continue
		}
		c.touched = append(c.touched, step.path)
		fields := []string{"Overwrite", "T"}
		if step.to != "" {
			c.touched = append(c.touched, step.to)
			fields = append(fields, "Destination", c.user.url(step.to))
		}
		body := ""
		if step.method == "PUT" {
			body = davContent(c.kind, step.then[step.path])
			fields = append(fields, "Content-Type", map[string]string{"files": "application/octet-stream",
				"calendars": "text/calendar", "addressbooks": "text/vcard"}[c.kind])
		}
		a, err := c.user.try(ctx, step.method, step.path, body, fields...)
		k.mu.Lock()
		switch {
		case err != nil:
			c.pending = step.then
			k.cut++
			k.mu.Unlock()
			return
		case a.Status/100 == 2:
			c.state = step.then
			k.acked++
		case a.Status == http.StatusServiceUnavailable: // on its way down
			c.pending = step.then
			k.cut++
		default:
			t.Errorf("%s %s to %q: %d %.300s", step.method, step.path, step.to, a.Status, a.Body)
		}
		k.mu.Unlock()
		if a.Status/100 != 2 {
			return
		}
	}
}

// read reads members while they are written: whatever comes whole must be one of
// the contents that were sent, all of it.
func (k *davKill) read(ctx context.Context, t *testing.T, rng *rand.Rand) {
	names := []string{"n0", "n1", "n2", "n3", "d0/n0", "d1/n1", "d0/d1/n2"}
	for ctx.Err() == nil {
		c := k.clients[rng.IntN(len(k.clients))]
		at := c.homes[0] + "/" + names[rng.IntN(len(names))]
		time.Sleep(5 * time.Millisecond)
		a, err := c.user.try(ctx, "GET", at, "")
		if err != nil || a.Status != http.StatusOK {
			continue
		}
		k.mu.Lock()
		k.reads++
		k.mu.Unlock()
		if id := davContentID(a.Body); id == "" || davContent(c.kind, id) != a.Body {
			t.Errorf("half a resource was read: %s, %d bytes, content %q", at, len(a.Body), id)
		}
	}
}

// A davStep is one request and the state when it is done.
type davStep struct {
	method, path, to string
	then             map[string]string
}

// next chooses a request that has to succeed.
func (c *davKillClient) next() davStep {
	switch c.kind {
	case "files":
		return c.nextFile()
	case "homes":
		return c.nextHome()
	case "across":
		return c.nextAcross()
	}
	return c.nextObject()
}

// any is one of the paths for which keep holds, "" for none.
func (c *davKillClient) any(keep func(at, is string) bool) string {
	var list []string
	for at, is := range c.state {
		if keep(at, is) {
			list = append(list, at)
		}
	}
	if len(list) == 0 {
		return ""
	}
	slices.Sort(list)
	return list[c.rng.IntN(len(list))]
}

// place is a path for a file or a folder in some folder, at most three deep; it may
// be taken.
func (c *davKillClient) place() string {
	folder := c.homes[0]
	if in := c.any(func(at, is string) bool { return is == "/" && strings.Count(at[len(folder):], "/") < 3 }); in != "" && c.rng.IntN(3) > 0 {
		folder = in
	}
	return fmt.Sprintf("%s/%s%d", folder, []string{"n", "n", "d"}[c.rng.IntN(3)], c.rng.IntN(4))
}

func (c *davKillClient) nextFile() davStep {
	at := c.place()
	step := davStep{then: maps.Clone(c.state)}
	choice := c.rng.IntN(10)
	if len(c.state) > 30 {
		choice = 9
	}
	switch choice {
	case 0, 1, 2, 3:
		if c.state[at] == "/" {
			return davStep{}
		}
		step.method, step.path, step.then[at] = "PUT", at, c.content("", c.size())
	case 4:
		if c.state[at] != "" {
			return davStep{}
		}
		step.method, step.path, step.then[at] = "MKCOL", at, "/"
	case 5, 6, 7, 8:
		from := c.any(func(string, string) bool { return true })
		if from == "" || from == at || strings.HasPrefix(at, from+"/") || strings.HasPrefix(from, at+"/") {
			return davStep{}
		}
		step.method, step.path, step.to = "MOVE", from, at
		if choice == 8 {
			step.method = "COPY"
		}
		carry(step.then, from, at, choice != 8)
	default:
		if at = c.any(func(string, string) bool { return true }); at == "" {
			return davStep{}
		}
		step.method, step.path = "DELETE", at
		drop(step.then, at)
	}
	return step
}

// nextHome makes, removes, moves or copies a whole calendar.
func (c *davKillClient) nextHome() davStep {
	at := fmt.Sprintf("%s%d", c.homes[0], c.rng.IntN(4))
	step := davStep{method: "MKCALENDAR", path: at, then: maps.Clone(c.state)}
	if c.state[at] == "" {
		step.then[at] = "/"
		return step
	}
	to := fmt.Sprintf("%s%d", c.homes[0], c.rng.IntN(4))
	switch choice := c.rng.IntN(3); {
	case choice == 0 || to == at:
		step.method = "DELETE"
		drop(step.then, at)
	case choice == 1:
		step.method, step.to = "MOVE", to
		carry(step.then, at, to, true)
	default:
		step.method, step.to = "COPY", to
		carry(step.then, at, to, false)
	}
	return step
}

// nextAcross moves files and trees between two accounts, where content is sealed anew.
func (c *davKillClient) nextAcross() davStep {
	step := davStep{then: maps.Clone(c.state)}
	from := c.any(func(at, _ string) bool { return slices.Contains(c.homes, path.Dir(at)) })
	folder := c.any(func(_, is string) bool { return is == "/" })
	put := func(at string) { step.method, step.path, step.then[at] = "PUT", at, c.content("", c.size()) }
	switch {
	case folder == "":
		at := fmt.Sprintf("%s/d%d", c.homes[0], c.count)
		step.method, step.path, step.then[at] = "MKCOL", at, "/"
	case len(c.state) < 4:
		put(fmt.Sprintf("%s/n%d", c.homes[0], c.count))
	case len(c.state) < 8 && c.rng.IntN(3) == 0:
		put(fmt.Sprintf("%s/n%d", folder, c.count))
	case len(c.state) > 8:
		step.method, step.path = "DELETE", from
		drop(step.then, from)
	default:
		side := 0
		if path.Dir(from) == c.homes[0] {
			side = 1
		}
		step.method, step.path, step.to = "MOVE", from, c.homes[side]+"/"+path.Base(from)
		carry(step.then, from, step.to, true)
	}
	return step
}

// nextObject works on events or cards. A UID stays with its object, so nothing is
// put over another one, and a copy goes into the other collection.
func (c *davKillClient) nextObject() davStep {
	step := davStep{then: maps.Clone(c.state)}
	free := fmt.Sprintf("%s/n%d", c.homes[c.rng.IntN(2)], c.rng.IntN(8))
	from := c.any(func(string, string) bool { return true })
	switch choice := c.rng.IntN(10); {
	case choice < 5 || from == "":
		uid := ""
		if is := c.state[free]; is != "" {
			uid, _, _ = strings.Cut(is, "-")
		}
		step.method, step.path, step.then[free] = "PUT", free, c.content(uid, 200+c.rng.IntN(4000)+c.rng.IntN(2)*c.rng.IntN(60_000))
	case choice < 8:
		if c.state[free] != "" || choice == 7 && (path.Dir(free) == path.Dir(from)) || c.uidThere(path.Dir(free), from) {
			return davStep{}
		}
		step.method, step.path, step.to = "MOVE", from, free
		if choice == 7 {
			step.method = "COPY"
		}
		carry(step.then, from, free, choice != 7)
	default:
		step.method, step.path = "DELETE", from
		delete(step.then, from)
	}
	return step
}

// uidThere reports whether another object of a collection has the UID of one.
func (c *davKillClient) uidThere(home, of string) bool {
	uid, _, _ := strings.Cut(c.state[of], "-")
	for at, is := range c.state {
		if other, _, _ := strings.Cut(is, "-"); path.Dir(at) == home && at != of && other == uid {
			return true
		}
	}
	return false
}

func drop(state map[string]string, at string) {
	maps.DeleteFunc(state, func(p, _ string) bool { return p == at || strings.HasPrefix(p, at+"/") })
}

func carry(state map[string]string, from, to string, move bool) {
	drop(state, to)
	for p, is := range maps.Clone(state) {
		if p == from || strings.HasPrefix(p, from+"/") {
			state[to+p[len(from):]] = is
		}
	}
	if move {
		drop(state, from)
	}
}

func (c *davKillClient) size() int {
	switch c.rng.IntN(30) {
	case 0:
		return 1<<20 + c.rng.IntN(2<<20)
	case 1, 2, 3:
		return 60_000 + c.rng.IntN(200_000)
	case 4:
		return 0
	}
	return 200 + c.rng.IntN(6000)
}

// content is a new id: UID, a number that is never used again, size.
func (c *davKillClient) content(uid string, size int) string {
	c.count++
	if uid == "" {
		uid = fmt.Sprintf("%x%x", c.rng.Uint32(), c.count)
	}
	return fmt.Sprintf("%s-%d-%d", uid, c.count, size)
}

var aDAVContent = regexp.MustCompile(`Inhalt ([0-9a-f]+-\d+-\d+)\.`)

func davContentID(body string) string {
	if m := aDAVContent.FindStringSubmatch(body[:min(len(body), 1000)]); m != nil {
		return m[1]
	}
	return ""
}

// davContent is the content that an id stands for.
func davContent(kind, id string) string {
	var n, size int
	uid, rest, _ := strings.Cut(id, "-")
	fmt.Sscanf(rest, "%d-%d", &n, &size)
	head, line, end := "Inhalt "+id+".\r\n", "%08d aus dem Rathaus\r\n", "Ende.\r\n"
	switch kind {
	case "calendars":
		head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//musterstadt.example//Test//DE\r\nBEGIN:VEVENT\r\nUID:" + uid +
			"\r\nDTSTAMP:20261101T080000Z\r\nDTSTART:20261123T090000Z\r\nDURATION:PT1H\r\nSUMMARY:Inhalt " + id + ".\r\n"
		line, end = "X-ZEILE:%08d aus dem Rathaus\r\n", "END:VEVENT\r\nEND:VCALENDAR\r\n"
	case "addressbooks":
		head = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + uid + "\r\nFN:Inhalt " + id + ".\r\nN:Inhalt;;;;\r\n"
		line, end = "X-ZEILE:%08d aus dem Rathaus\r\n", "END:VCARD\r\n"
	}
	var b strings.Builder
	b.WriteString(head)
	for i := n; b.Len() < size; i++ {
		fmt.Fprintf(&b, line, i)
	}
	b.WriteString(end)
	return b.String()
}

// compare wants what a client knows, or that with the request that was cut off.
func (k *davKill) compare(t *testing.T, c *davKillClient) {
	t.Helper()
	found := map[string]string{}
	for _, home := range c.homes {
		list, prefix := k.before[home], home+"/"
		switch c.kind {
		case "files":
			list = k.before[strings.TrimSuffix(k.user.drive(), "/")]
		case "across":
			list = k.user.tree(t, home+"/")
		case "homes":
			list, prefix = map[string]davMember{}, home
			for _, m := range k.user.propfind(t, k.user.calendars(), "1") {
				list[m.Path] = m
			}
		}
		for at, m := range list {
			switch {
			case !strings.HasPrefix(at, prefix):
			case m.Folder:
				found[at] = "/"
			default:
				found[at] = k.content(t, c, at, m.ETag)
			}
		}
	}
	switch {
	case maps.Equal(found, c.state):
	case c.pending != nil && maps.Equal(found, c.pending):
		k.done++
	default:
		t.Errorf("%s: neither what was acknowledged nor that with the last request\n%s", c.homes[0], davDifference(c.state, found))
	}
	c.state = found
}

func davDifference(want, got map[string]string) string {
	var b strings.Builder
	for at := range want {
		if got[at] != want[at] {
			fmt.Fprintf(&b, "%s: %q, want %q\n", at, got[at], want[at])
		}
	}
	for at := range got {
		if want[at] == "" {
			fmt.Fprintf(&b, "%s: %q, want nothing\n", at, got[at])
		}
	}
	return b.String()
}

// content reads a resource and compares its bytes, once for each ETag.
func (k *davKill) content(t *testing.T, c *davKillClient, at, etag string) string {
	t.Helper()
	if id, ok := k.whole[at+etag]; ok {
		return id
	}
	a := k.user.want(t, http.StatusOK, "GET", at, "")
	id := davContentID(a.Body)
	if id == "" || davContent(c.kind, id) != a.Body {
		t.Errorf("%s is not whole: %d bytes, content %q", at, len(a.Body), id)
	}
	if a.Header.Get("ETag") != etag {
		t.Errorf("%s: GET tells %s, PROPFIND %s", at, a.Header.Get("ETag"), etag)
	}
	k.whole[at+etag] = id
	return id
}

// compareSync wants that what a sync tells makes the old listing the new one, and
// that it names nothing that was let alone.
func (k *davKill) compareSync(t *testing.T, at, token string, old map[string]davMember, touched func(string) bool) {
	t.Helper()
	told, _ := k.user.sync(t, at+"/", token)
	known := map[string]string{}
	for p, m := range old {
		known[p] = davState(m)
	}
	for _, m := range told {
		if m.Path == at {
			continue
		}
		if touched != nil && !touched(m.Path) {
			t.Errorf("the sync names %s, which nobody touched", m.Path)
		}
		if m.Status == http.StatusNotFound {
			drop(known, m.Path)
		} else {
			known[m.Path] = davState(m)
		}
	}
	now := map[string]string{}
	for p, m := range k.before[at] {
		now[p] = davState(m)
	}
	if !maps.Equal(known, now) {
		t.Errorf("a client that syncs %s since %s has not what is there\n%s", at, token, davDifference(now, known))
	}
}

// davState is what a client keeps of a member; ETags of folders move with what is
// below, which a sync does not tell.
func davState(m davMember) string {
	if m.Folder {
		return "/"
	}
	return m.ETag
}

// sinceTheStart syncs from the first token over all the rounds.
func (k *davKill) sinceTheStart(t *testing.T) {
	t.Helper()
	for _, at := range k.synced() {
		old := map[string]davMember{}
		if strings.HasPrefix(at, "/files/") {
			for p, m := range k.before[at] {
				if !strings.Contains(p, "/client") && !strings.Contains(p, "/hinüber/") {
					old[p] = m
				}
			}
			for _, c := range k.clients {
				if c.kind == "files" {
					old[c.homes[0]] = davMember{Folder: true}
				}
			}
		}
		k.compareSync(t, at, k.first[at], old, nil)
	}
}
