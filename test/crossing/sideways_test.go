package crossing

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fachwerk/internal/testenv/towns"
)

// walkSideways asks nothing by a name: it looks for what theirs leave where ours can
// see it, such as equal content, numbers that are counted, and what the server says of
// itself.
func (h *house) walkSideways(t *testing.T) {
	t.Run("equal content", h.equalContent)
	t.Run("numbers", h.ownNumbers)
	t.Run("directory", h.theirCards)
	t.Run("letters between towns", h.lettersBetween)
	t.Run("throttle", h.throttled)
	t.Run("what is announced", h.announced)
}

// equalContent stores what theirs have too: it is as much work as what nobody has, so
// nobody learns by that who else has it.
func (h *house) equalContent(t *testing.T) {
	contents := pair{large(secret), large(secret)} // of one length
	text := func(what string) string {
		return "From: x@elsewhere.example\r\nMessage-ID: <" + what + "@elsewhere.example>\r\nReferences: <thema-" + what + "@elsewhere.example>\r\nSubject: Rundschreiben\r\n\r\n" +
			strings.Repeat(what+"\r\n", 40)
	}
	messages := pair{text("rund"), text("kein")}
	if got := h.dav(t, beate, h.Passwords[beate], "PUT", "/files/"+beate+"/Gleich.bin", contents.foreign); !strings.HasPrefix(got, "201") {
		t.Fatalf("beate's file: %s", got)
	}
	h.imapAs(t, beate, fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(messages.foreign), messages.foreign))
	n := 0
	same := func(what string, p pair, ask func(content string) string) {
		names := pair{"theirs", "nobody"}
		h.same(t, "equal content: "+what, names, func(_ *testing.T, name string) string {
			if name == names.foreign {
				return ask(p.foreign)
			}
			return ask(p.missing)
		})
	}
	same("a file", contents, func(content string) string {
		n++ // a new file each time
		path := fmt.Sprintf("/files/%s/Gleich%d.bin", anna, n)
		got := h.annas(t, "PUT", path, content)
		if !strings.HasPrefix(got, "201") {
			t.Errorf("PUT %s: %s", path, got)
		}
		return fileID.ReplaceAllString(etags.ReplaceAllString(strings.ReplaceAll(got, path, "PATH"), "ETAG"), "Oc-Fileid: ID")
	})
	same("a message", messages, func(content string) string {
		got := h.imapAs(t, anna, fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(content), content))
		if !strings.Contains(got, "a OK [APPENDUID ") {
			t.Errorf("APPEND: %s", got)
		}
		return numbersIn.ReplaceAllString(got, "N")
	})
	same("the thread of a message", messages, func(content string) string {
		return numbersIn.ReplaceAllString(h.imapAs(t, anna, fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(content), content), "EXAMINE INBOX", "FETCH * (EMAILID THREADID)"), "N")
	})
}

var fileID = regexp.MustCompile(`Oc-Fileid: [0-9a-z]+`)

// numbersIn are numbers and object ids (RFC 8474).
var numbersIn = regexp.MustCompile(`\d+|\([MT][0-9a-z]+\)`)

// ownNumbers are those that tell how much there is: they are counted for each account
// by itself. What would tell one account from the next is drawn by chance.
func (h *house) ownNumbers(t *testing.T) {
	id := func(who, mailbox string) string {
		got := h.imapAs(t, who, "CREATE "+mailbox)
		_, rest, ok := strings.Cut(got, "MAILBOXID (")
		if !ok {
			t.Fatalf("CREATE %s: %s", mailbox, got)
		}
		id, _, _ := strings.Cut(rest, ")")
		return id
	}
	next := func(id string) string {
		n, err := strconv.ParseInt(id[1:], 36, 64)
		must(t, err)
		return id[:1] + strconv.FormatInt(n+1, 36)
	}
	first := id(anna, "Zahl1")
	for i := range 5 {
		id(beate, fmt.Sprint("Zahl", i))
	}
	if second := id(anna, "Zahl2"); second != next(first) {
		t.Errorf("between anna's mailboxes %s and %s there is something of somebody else", first, second)
	}
	highest := func() string {
		_, rest, _ := strings.Cut(h.imapAs(t, anna, "STATUS INBOX (HIGHESTMODSEQ UIDNEXT)"), "STATUS")
		return strings.SplitN(rest, "\n", 2)[0]
	}
	before := highest()
	h.deliver(t, beate)
	if after := highest(); after != before {
		t.Errorf("after mail to beate anna's INBOX has%s, before%s", after, before)
	}
	n := h.accountIDs(t)
	slices.Sort(n)
	if near := slices.ContainsFunc(n[1:], func(id int64) bool { i := slices.Index(n, id); return id-n[i-1] < 1<<32 }); near || n[0] < 1<<32 {
		t.Errorf("the ids of accounts can be guessed from others: %v", n)
	}
}

// theirCards are entries of their directory: nothing in ours answers for them.
func (h *house) theirCards(t *testing.T) {
	hrefs := func(who string) (list []string) {
		got := h.dav(t, who, h.Passwords[who], "PROPFIND", "/addressbooks/"+who+"/directory/", "", "Depth", "1")
		for _, m := range regexp.MustCompile(`/directory/([^<"/]+\.vcf)`).FindAllStringSubmatch(got, -1) {
			if !slices.Contains(list, m[1]) {
				list = append(list, m[1])
			}
		}
		return list
	}
	own, other := hrefs(anna), hrefs(beate)
	if len(own) == 0 || len(other) < len(theirs)-1 {
		t.Fatalf("the directories have %v and %v", own, other)
	}
	read := func(t *testing.T, name string) string {
		return h.annas(t, "GET", "/addressbooks/"+anna+"/directory/"+name, "")
	}
	if got := read(t, own[0]); !strings.HasPrefix(got, "200") {
		t.Errorf("anna's own directory: %s", got)
	}
	for i, name := range other {
		if slices.Contains(own, name) {
			t.Errorf("%s is an entry of both", name)
		}
		if i > 8 {
			continue
		}
		stem := strings.TrimSuffix(name, ".vcf")
		p := pair{name, unlike(stem) + ".vcf"}
		h.same(t, "GET of an entry of the directory", p, read)
		h.same(t, "addressbook-multiget of an entry of the directory", p, func(t *testing.T, name string) string {
			return h.annas(t, "REPORT", "/addressbooks/"+anna+"/directory/", `<A:addressbook-multiget `+xmlHead+`><prop><getetag/><A:address-data/></prop><href>/addressbooks/`+anna+`/directory/`+name+`</href></A:addressbook-multiget>`)
		})
	}
}

// lettersBetween: mail from one town to the other is delivered, and tells the one who
// gets it no more of the sender's town than mail from anywhere would.
func (h *house) lettersBetween(t *testing.T) {
	letter := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: Zwischen den Orten\r\nMessage-ID: <orte@client.example>\r\n\r\nGuten Tag.\r\n.", beate, anna)
	got := h.smtp(t, "submission", authPlain(beate, h.Passwords[beate]), "MAIL FROM:<"+beate+">", "RCPT TO:<"+anna+">", "DATA", letter)
	if !strings.Contains(got, "250 2.0.0") {
		t.Fatalf("beate's letter: %s", got)
	}
	var text string
	towns.Until(t, "beate's letter is there", func() bool {
		text = h.imapAs(t, anna, "EXAMINE INBOX", `SEARCH SUBJECT "Zwischen den Orten"`, "FETCH * BODY.PEEK[HEADER]")
		return strings.Contains(text, "<orte@client.example>")
	})
	for _, told := range append(h.theirIDs(t), secret, theirTown, "site0", "site1") {
		if strings.Contains(text, told) {
			t.Errorf("beate's letter tells anna %q:\n%s", told, text)
		}
	}
	// What the sender is told is the same whatever becomes of the letter there.
	first := ""
	for _, to := range theirs {
		got := h.smtp(t, "submission", h.authPlain(), "MAIL FROM:<"+anna+">", "RCPT TO:<"+to+">", "DATA", strings.ReplaceAll(strings.ReplaceAll(letter, beate, anna), "To: <"+anna, "To: <"+to))
		got = regexp.MustCompile(`[A-Z0-9]{8,}`).ReplaceAllString(normal(got, to), "QUEUED")
		if first == "" {
			first = got
		}
		if got != first || !strings.Contains(got, "250 2.0.0") {
			t.Errorf("a letter to %s is answered %q, to %s %q", to, got, theirs[0], first)
		}
	}
}

// announced: who listens hears of mail for herself, and of none for theirs.
func (h *house) announced(t *testing.T) {
	k := h.imap(t)
	defer k.Close()
	for _, c := range []string{fmt.Sprintf("LOGIN %s %q", anna, h.Passwords[anna]), "SELECT INBOX"} {
		if got := k.IMAP(c); !strings.Contains("\n"+got, "\na OK") {
			t.Fatalf("%s: %s", c, got)
		}
	}
	k.IMAP("IDLE")
	h.deliver(t, beate)
	h.imapAs(t, beate, "CREATE Neues", "DELETE Neues")
	h.deliver(t, anna)
	heard := k.Line()
	if fields := strings.Fields(heard); len(fields) != 3 || fields[0] != "*" || fields[2] != "EXISTS" {
		t.Errorf("anna hears first %q", heard)
	}
}

// throttled names are told to wait after many failures, whether there is anybody. After
// how many exactly is a matter of when they are counted together.
func (h *house) throttled(t *testing.T) {
	for _, address := range visitors(doorCount - 1) {
		h.same(t, "too many failures", missingLike(address), func(t *testing.T, name string) (last string) {
			for range 30 {
				last = h.dav(t, name, fresh(), "PROPFIND", "/files/"+name+"/", "", "Depth", "0")
			}
			if !strings.HasPrefix(last, "429") {
				t.Errorf("after 30 failures %s is answered %s", name, last)
			}
			return retryAfter.ReplaceAllString(last, "Retry-After: SECONDS")
		})
	}
}

var retryAfter = regexp.MustCompile(`Retry-After: \d+`)

// walkSaid looks at what all of that left where operators look: they know tenants by
// name, and people by numbers.
func (h *house) walkSaid(t *testing.T) {
	res, err := http.Get(h.URL("ops") + "/metrics")
	must(t, err)
	metrics := written(t, res)
	if !strings.HasPrefix(metrics, "200") || !strings.Contains(metrics, "fachwerk_") {
		t.Fatalf("no metrics: %s", metrics)
	}
	log := h.Said()
	if !strings.Contains(log, "login") {
		t.Fatal("the server said nothing")
	}
	for name, text := range map[string]string{"metrics": metrics, "log": log} {
		for _, word := range []string{secret, towns.Word, h.Passwords[anna], h.Passwords[beate], "Zwischen den Orten", "Rundschreiben", "Akte.txt"} {
			if line := lineWith(text, word); line != "" {
				t.Errorf("the %s tell %q: %s", name, word, line)
			}
		}
	}
	for _, a := range append([]string{anna, jan, office}, theirs...) {
		if line := lineWith(metrics, a); line != "" {
			t.Errorf("a metric names %s: %s", a, line)
		}
	}
}

func lineWith(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			return fmt.Sprintf("%.300s", line)
		}
	}
	return ""
}
