package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	gosmtp "github.com/emersion/go-smtp"
	"golang.org/x/net/idna"

	"fachwerk/internal/store"
)

// errBareLine stops a body that holds a CR or LF which is not part of a CRLF:
// the queue never emits one.
var errBareLine = errors.New("the message holds a bare CR or LF")

// send gives a message to the smarthost for all recipients of the job. The end of ctx cuts
// the connection until the final dot is sent, the end of the shift's answers from then on.
func (q *Queue) send(ctx context.Context, s *shift, j *job) []outcome {
	if q.cfg.Smarthost == nil {
		return all(j, later("4.4.4", "No smarthost is configured for mail that leaves this house"))
	}
	body, err := q.store.QueueBody(ctx, j.message.Ref)
	if err != nil {
		q.log.Warn("cannot read a queued message", "message", j.message.Ref.ID, "err", err)
		return all(j, later("4.3.0", "The message cannot be read now"))
	}
	line, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	release := context.AfterFunc(ctx, cut)
	defer release()
	client, err := q.connect(line, j.until.Add(answerTimeout)) // ctx ends at until, if there is no dot by then
	if err != nil {
		return all(j, q.unreachable(err))
	}
	defer client.Close()
	t := &transfer{q: q, j: j, client: client, body: body, mta: q.cfg.Smarthost.Host}
	t.commit = func() error {
		if err := q.store.HoldQueue(ctx, j.message.Ref, j.token, q.cfg.Lease); err != nil {
			return err
		}
		if !release() {
			return context.Cause(ctx)
		}
		j.sent = true
		context.AfterFunc(s.answers, cut)
		return nil
	}
	outcomes := t.run(ctx)
	if !t.broken {
		_ = client.Quit() // all is said
	}
	return outcomes
}

// unreachable is what a failed connection means: our trouble or the smarthost's,
// never the message's.
func (q *Queue) unreachable(err error) outcome {
	o := later("4.4.1", "The smarthost cannot be reached: "+err.Error())
	var se *gosmtp.SMTPError
	if errors.As(err, &se) {
		o = later("4.3.2", "The smarthost does not serve us now: "+replyText(se))
	}
	o.mta = q.cfg.Smarthost.Host
	return o
}

// transfer is one mail transaction with a peer.
type transfer struct {
	q      *Queue
	j      *job
	client *gosmtp.Client
	body   *store.Body
	mta    string
	broken bool // the connection is in the middle of something
	// commit is asked before the final dot. An error says that this is not to be sent:
	// the attempt is cut, or the lease has passed on or cannot be held.
	commit func() error
}

func (t *transfer) run(ctx context.Context) []outcome {
	plan, refusal := t.plan(ctx)
	if refusal != nil {
		return all(t.j, *refusal)
	}
	if !slices.ContainsFunc(plan.refused, func(o outcome) bool { return o.result != permanent }) {
		return plan.refused
	}
	m := &t.j.message
	opts := &gosmtp.MailOptions{Size: m.Size, UTF8: plan.utf8, Return: gosmtp.DSNReturn(m.Ret), EnvelopeID: m.EnvID}
	if err := t.client.Mail(plan.from, opts); err != nil {
		return all(t.j, t.judge(err))
	}
	outcomes := plan.refused
	accepted := 0
	_, reports := extension(t.client, "DSN")
	for i, r := range m.Recipients {
		if outcomes[i].result == permanent {
			continue
		}
		if err := t.client.Rcpt(plan.to[i], rcptOptions(r)); err != nil {
			outcomes[i] = t.judge(err)
			if t.broken {
				return t.rest(outcomes, i+1, outcomes[i])
			}
			continue
		}
		outcomes[i] = outcome{result: delivered}
		accepted++
	}
	if accepted == 0 {
		return outcomes
	}
	final := t.data(ctx, plan)
	for i := range outcomes {
		if outcomes[i].result == delivered {
			outcomes[i] = final
			outcomes[i].reports = reports
		}
	}
	return outcomes
}

// rest gives the recipients from i on, and those accepted before, an outcome: those that
// are refused keep theirs.
func (t *transfer) rest(outcomes []outcome, i int, o outcome) []outcome {
	o.result = temporary
	for k := range outcomes {
		if k >= i && outcomes[k].result != permanent || outcomes[k].result == delivered {
			outcomes[k] = o
		}
	}
	return outcomes
}

// data sends the message itself.
func (t *transfer) data(ctx context.Context, plan *plan) outcome {
	w, err := t.client.Data()
	if err != nil {
		return t.judge(err)
	}
	t.broken = true
	if err := plan.write(ctx, w, t.body); err != nil {
		// The connection is cut without the final dot, so nothing is accepted.
		if errors.Is(err, errBareLine) {
			o := never("5.6.11", "The message holds a CR or LF that is not part of a CRLF")
			return o
		}
		return t.judge(err)
	}
	if err := t.commit(); err != nil {
		if !errors.Is(err, store.ErrLease) {
			t.q.log.Warn("a message was not sent to its end", "message", t.j.message.Ref.ID, "err", err)
		}
		return outcome{status: "4.3.0", reply: "Cut before the end of the message", lost: errors.Is(err, store.ErrLease)}
	}
	answer, err := w.CloseWithResponse()
	if err != nil {
		o := t.judge(err)
		t.broken = o.status == "4.4.2"
		return o
	}
	t.broken = false
	return outcome{result: delivered, status: "2.0.0", reply: "250 " + answer.StatusText, mta: t.mta}
}

// judge reads a peer's refusal: 5yz is final for the recipients concerned, 4yz
// and a lost connection are not.
func (t *transfer) judge(err error) outcome {
	var se *gosmtp.SMTPError
	if !errors.As(err, &se) {
		t.broken = true
		return outcome{status: "4.4.2", reply: "Connection lost: " + err.Error(), mta: t.mta}
	}
	o := outcome{status: statusOf(se), reply: replyText(se), mta: t.mta}
	switch {
	case se.Code == 421:
		t.broken = true
	case se.Code == 530, se.Code == 534, se.Code == 535, se.Code == 538:
		// We are not signed in as we should be: the operator's to mend.
		o.status = "4.7.0"
	case se.Code == 552 && se.EnhancedCode[0] == 4, se.Code == 552 && strings.HasPrefix(o.status, "5.5.3"):
		// RFC 5321 4.5.3.1.10: too many recipients, try these later.
		o.status = "4.5.3"
	case se.Code >= 500 && se.Code < 600:
		o.result = permanent
	}
	return o
}

// statusOf is the enhanced status code of a reply, or a general one.
func statusOf(se *gosmtp.SMTPError) string {
	e := se.EnhancedCode
	if e[0] == 4 || e[0] == 5 {
		return fmt.Sprintf("%d.%d.%d", e[0], e[1], e[2])
	}
	if se.Code >= 500 {
		return "5.0.0"
	}
	return "4.0.0"
}

func replyText(se *gosmtp.SMTPError) string {
	text := strconv.Itoa(se.Code)
	if e := se.EnhancedCode; e[0] > 0 {
		text += fmt.Sprintf(" %d.%d.%d", e[0], e[1], e[2])
	}
	return printable(text+" "+se.Message, 500)
}

// rcptOptions passes the sender's wishes on (RFC 3461 5.2); the library sends
// them only to peers with DSN.
func rcptOptions(r store.QueueRecipient) *gosmtp.RcptOptions {
	o := &gosmtp.RcptOptions{}
	if r.Notify != "" {
		for word := range strings.SplitSeq(r.Notify, ",") {
			o.Notify = append(o.Notify, gosmtp.DSNNotify(word))
		}
	}
	kind, value, found := strings.Cut(r.ORcpt, ";")
	if found && strings.EqualFold(kind, "rfc822") {
		if plain, err := decodeXtext(value); err == nil {
			o.OriginalRecipientType, o.OriginalRecipient = gosmtp.DSNAddressTypeRFC822, plain
		}
	}
	return o
}

// decodeXtext reads xtext (RFC 3461 4) that was checked when it came in.
func decodeXtext(s string) (string, error) {
	return url.PathUnescape(strings.ReplaceAll(strings.ReplaceAll(s, "%", "%25"), "+", "%"))
}

func extension(c *gosmtp.Client, name string) (param string, ok bool) {
	ok, param = c.Extension(name)
	return param, ok
}

// plan says how a message is sent to a given peer.
type plan struct {
	from    string
	to      []string
	refused []outcome // of each recipient: permanent, or nothing yet
	utf8    bool
	recoder *recoder // nil: the body goes as it is
}

// plan fits the message to what the peer offers, or says why that cannot be: for all
// recipients or, where only some are not to be had, for those.
func (t *transfer) plan(ctx context.Context) (*plan, *outcome) {
	m := &t.j.message
	refuse := func(status, reason string) (*plan, *outcome) {
		o := t.never(status, reason)
		return nil, &o
	}
	if most, ok := t.client.MaxMessageSize(); ok && most > 0 && m.Size > int64(most) {
		return refuse("5.3.4", "The message is larger than the next server takes ("+strconv.Itoa(most)+" bytes)")
	}
	p := &plan{from: m.ReversePath, refused: make([]outcome, len(m.Recipients))}
	plainNames := isASCII(p.from)
	for _, r := range m.Recipients {
		p.to = append(p.to, r.ForwardPath)
		plainNames = plainNames && isASCII(r.ForwardPath)
	}
	header, err := headerOf(ctx, t.body)
	if err != nil {
		o := later("4.3.0", "The message cannot be read now")
		return nil, &o
	}
	plainHeader := !m.SMTPUTF8 || isASCII(string(header))
	if !plainNames || !plainHeader {
		_, p.utf8 = extension(t.client, "SMTPUTF8")
		if !p.utf8 && (!plainHeader || !t.downgrade(p)) {
			return refuse("5.6.7", noSMTPUTF8)
		}
	}
	if _, ok := extension(t.client, "8BITMIME"); !ok && m.EightBit {
		if p.recoder, err = newRecoder(header); err != nil {
			return refuse("5.6.3", "The next server does not take 8-bit mail, and the message cannot be converted")
		}
	}
	if m.BinaryMIME {
		return refuse("5.6.3", "The message is binary and cannot be converted")
	}
	return p, nil
}

const noSMTPUTF8 = "The next server does not take internationalised mail (SMTPUTF8)"

func (t *transfer) never(status, reason string) outcome {
	o := never(status, reason)
	o.mta = t.mta
	return o
}

// downgrade writes domains in A-labels, which is all it takes where local parts
// are ASCII. Recipients of whom they are not are refused, each for itself; of the
// sender it says whether that could be done.
func (t *transfer) downgrade(p *plan) (ok bool) {
	if p.from, ok = inASCII(p.from); !ok {
		return false
	}
	for i, a := range p.to {
		if p.to[i], ok = inASCII(a); !ok {
			p.refused[i] = t.never("5.6.7", noSMTPUTF8)
		}
	}
	return true
}

// inASCII writes an address with its domain in A-labels, if its local part is ASCII.
func inASCII(address string) (string, bool) {
	if isASCII(address) {
		return address, true
	}
	at := strings.LastIndexByte(address, '@')
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	return address[:at+1] + domain, err == nil && isASCII(address[:at+1])
}

// write sends the body, watching for bare CR and LF.
func (p *plan) write(ctx context.Context, w io.Writer, body *store.Body) error {
	r, err := body.Open(ctx, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	guarded := &lineGuard{r: r}
	if p.recoder != nil {
		return p.recoder.copy(w, guarded)
	}
	_, err = io.Copy(w, guarded)
	return err
}

// lineGuard passes bytes on until a CR or LF that is not part of a CRLF.
type lineGuard struct {
	r  io.Reader
	cr bool
}

func (g *lineGuard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	for i, c := range p[:n] {
		if g.cr != (c == '\n') {
			return i, errBareLine
		}
		g.cr = c == '\r'
	}
	if err == io.EOF && g.cr {
		err = errBareLine
	}
	return n, err
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
