package crossing

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// work is what the server has done since it was taken: statements in its databases,
// requests to its object stores, and hashes of secrets.
type work struct {
	mu         sync.Mutex
	statements []string
	hashes     int
}

func (w *work) statement(site, sql string) {
	text := strings.Join(strings.Fields(sql), " ")
	for _, part := range byItself {
		if strings.Contains(text, part) {
			return
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.statements = append(w.statements, site+": "+text)
}

// byItself are statements of what the server does so often beside answering that it would
// be seen each time: reading the directory anew, polling and hints, and noting from where
// people have signed in. What it does now and then is told apart by asking again.
var byItself = []string{
	"SELECT directory FROM installation", "FROM tenant ORDER BY name", "FROM domain WHERE tenant_id = $1 OR $1 = 0", "FROM issuer i JOIN",
	"pg_notify", "LISTEN", "/* poll */", "throttle_known",
}

// watched answers a URL that leads to an object store past a watch: each request counts
// as a statement does.
func (w *work) watched(t *testing.T, site, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	must(t, err)
	to := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				server, err := net.Dial("tcp", to)
				if err != nil {
					return // the client sees its connection end
				}
				defer server.Close()
				go func() {
					_, _ = io.Copy(client, server)
					client.Close()
				}()
				_, _ = io.Copy(server, io.TeeReader(client, requests{w, site}))
			}()
		}
	}()
	u.Host = l.Addr().String()
	return u.String()
}

// requests reads what a client of an object store sends. The head of a request comes in
// one piece.
type requests struct {
	w    *work
	site string
}

var requestLine = regexp.MustCompile(`(?:^|\n)(GET|PUT|POST|DELETE|HEAD) \S+ HTTP/1\.1\r\n`)

func (r requests) Write(b []byte) (int, error) {
	for _, found := range requestLine.FindAllSubmatch(b, -1) {
		r.w.statement(r.site, "object store: "+string(found[1]))
	}
	return len(b), nil
}

func (w *work) hash() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hashes++
}

// done is what was done, the statements in no order: some run side by side.
type done struct {
	statements []string
	hashes     int
}

func (w *work) take() done {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := done{w.statements, w.hashes}
	w.statements, w.hashes = nil, 0
	slices.Sort(d.statements)
	return d
}

func (d done) equal(o done) bool {
	return d.hashes == o.hashes && slices.Equal(d.statements, o.statements)
}

// both is what two runs have in common: what only one did was another's doing.
func (d done) both(o done) done {
	common := done{hashes: min(d.hashes, o.hashes)}
	for i, j := 0, 0; i < len(d.statements) && j < len(o.statements); {
		switch a, b := d.statements[i], o.statements[j]; {
		case a == b:
			common.statements = append(common.statements, a)
			i, j = i+1, j+1
		case a < b:
			i++
		default:
			j++
		}
	}
	return common
}

// differ shows what one did and the other did not.
func differ(foreign, missing done) string {
	count := map[string]int{}
	for _, s := range foreign.statements {
		count[s]++
	}
	for _, s := range missing.statements {
		count[s]--
	}
	var b strings.Builder
	fmt.Fprintf(&b, "hashes: %d for the other tenant's, %d for what does not exist\n", foreign.hashes, missing.hashes)
	for _, s := range slices.Sorted(maps.Keys(count)) {
		if n := count[s]; n != 0 {
			fmt.Fprintf(&b, "  %+d %.240s\n", n, s)
		}
	}
	return b.String()
}

// A pair is a name of the other tenant and one of the same shape that does not exist.
type pair struct{ foreign, missing string }

// tries is how often the same work is looked for: now and then something else runs
// beside it, or a cache is asked for anew. What counts is the work that is done each
// time; answers must be equal each time.
const tries = 6

// same asks with both names and wants the same answer after the same work, which it
// tells.
func (h *house) same(t *testing.T, what string, p pair, ask func(t *testing.T, name string) string) (work1 done) {
	t.Helper()
	var work2 done
	for try := 1; try <= tries; try++ {
		var foreign, missing string
		var did1, did2 done
		// In turn, or what is done at every second question, such as looking at a cache
		// that holds as long as two of them take, always falls to the same name.
		if try%2 == 1 {
			foreign, did1 = h.measure(t, p.foreign, ask)
			missing, did2 = h.measure(t, p.missing, ask)
		} else {
			missing, did2 = h.measure(t, p.missing, ask)
			foreign, did1 = h.measure(t, p.foreign, ask)
		}
		if strings.Contains(foreign, secret) {
			t.Errorf("%s, %s: the answer tells the other tenant's secret:\n%s", what, p.foreign, foreign)
			return work1
		}
		if foreign != missing {
			t.Errorf("%s: the answers tell %s from %s:\n%s", what, p.foreign, p.missing, apartFrom(foreign, missing))
			return work1
		}
		if try == 1 {
			work1, work2 = did1, did2
		}
		work1, work2 = work1.both(did1), work2.both(did2)
		if did1.equal(did2) || work1.equal(work2) {
			h.asked++
			return work1
		}
		time.Sleep(time.Duration(try) * 20 * time.Millisecond)
	}
	t.Errorf("%s: the work tells %s from %s: %s", what, p.foreign, p.missing, differ(work1, work2))
	return work1
}

func (h *house) measure(t *testing.T, name string, ask func(t *testing.T, name string) string) (string, done) {
	t.Helper()
	h.work.take()
	answer := ask(t, name)
	return normal(answer, name), h.work.take()
}

// passing are parts of answers that are new each time.
var passing = []struct {
	is   *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`urn:uuid:[0-9a-f-]{36}|opaquelocktoken:[0-9a-f-]{36}`), "LOCK"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d (GMT|[+-]\d{4})`), "DATE"},
	{regexp.MustCompile(`<[0-9A-Za-z.$_-]{12,}@localhost>`), "<MESSAGE-ID>"},
}

// normal replaces what is new in every answer, and the name that was asked for in all
// the ways in which it may be written.
func normal(answer, name string) string {
	for _, p := range passing {
		answer = p.is.ReplaceAllString(answer, p.name)
	}
	if name == "" {
		return answer
	}
	once := strings.ReplaceAll(name, "@", "%40")
	for _, written := range []string{name, once, strings.ReplaceAll(once, "%", "%25"), strings.ReplaceAll(name, "@", "&#64;")} {
		if len(written) > 6 {
			answer = strings.ReplaceAll(answer, written, "NAME")
		} else { // a number, which may be a part of others
			answer = regexp.MustCompile(`\b`+regexp.QuoteMeta(written)+`\b`).ReplaceAllString(answer, "NAME")
		}
	}
	return answer
}

// missingLike gives an address of the same shape that nobody has.
func missingLike(address string) pair {
	local, domain, _ := strings.Cut(address, "@")
	return pair{address, strings.Map(func(r rune) rune { return 'a' + (r-'a'+13)%26 }, local) + "@" + domain}
}

// elsewhere gives an address of the same shape in a domain that nobody has.
func elsewhere(address string) pair {
	p := missingLike(address)
	return pair{p.foreign, strings.Replace(p.missing, "nachbar", "keineeb", 1)}
}

// theirs are their addresses of every kind.
var theirs = []string{beate, ben, bureau, team, room, alias}

// addresses pairs each of theirs with one of the same domain that nobody has, and one
// with an address in no domain of ours.
func addresses() (list []pair) {
	for _, a := range theirs {
		list = append(list, missingLike(a))
	}
	return append(list, elsewhere(beate))
}

// apartFrom shows the lines that only one of two answers has.
func apartFrom(foreign, missing string) string {
	var b strings.Builder
	one, other := strings.Split(foreign, "\n"), strings.Split(missing, "\n")
	for _, line := range one {
		if !slices.Contains(other, line) {
			fmt.Fprintf(&b, "  the other tenant's:  %.300s\n", line)
		}
	}
	for _, line := range other {
		if !slices.Contains(one, line) {
			fmt.Fprintf(&b, "  what does not exist: %.300s\n", line)
		}
	}
	return b.String()
}
