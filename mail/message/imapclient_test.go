package message

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// fetchByClient lets go-imap's client read a FETCH answer with these items from a scripted server.
func fetchByClient(t testing.TB, items []byte) (*imapclient.FetchMessageBuffer, error) {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	commands := make(chan string, 16) // a pipe has no buffer, and the client may write while it reads
	go func() {
		defer close(commands)
		for in := bufio.NewScanner(ours); in.Scan(); {
			commands <- in.Text()
		}
	}()
	go func() {
		fmt.Fprintf(ours, "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")
		for line := range commands {
			tag, command, _ := strings.Cut(line, " ")
			if strings.HasPrefix(command, "FETCH") {
				fmt.Fprintf(ours, "* 1 FETCH (%s)\r\n", items)
			}
			fmt.Fprintf(ours, "%s OK done\r\n", tag)
		}
	}()
	c := imapclient.New(theirs, nil)
	defer c.Close()
	list, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}).Collect()
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("%d messages", len(list))
	}
	return list[0], nil
}

func TestClientReadsCorpus(t *testing.T) {
	for _, s := range samples(t) {
		m := Scan(s.data, Limits{})
		checkIMAP(t, s.name, m)
	}
}

// checkIMAP fails the test if go-imap's client, or the grammar, does not take the message's forms.
func checkIMAP(t testing.TB, name string, m *Message) {
	t.Helper()
	envelope := AppendEnvelope(nil, m.Envelope)
	structure := AppendBodyStructure(nil, m.Root)
	body := AppendBody(nil, m.Root)
	for form, text := range map[string][]byte{"envelope": envelope, "body": body, "bodystructure": structure} {
		if err := checkGrammar(form, text); err != nil {
			t.Errorf("%s: %s: %v\n%q", name, form, err, text)
			return
		}
	}
	items := append([]byte("ENVELOPE "), envelope...)
	items = append(append(items, " BODYSTRUCTURE "...), structure...)
	got, err := fetchByClient(t, items)
	if err != nil {
		t.Errorf("%s: %v\n%q", name, err, items)
		return
	}
	checkEnvelope(t, name, got.Envelope, m.Envelope)
	checkStructure(t, name, got.BodyStructure, m.Root, true)

	if got, err = fetchByClient(t, append([]byte("BODY "), body...)); err != nil {
		t.Errorf("%s: %v\n%q", name, err, body)
		return
	}
	checkStructure(t, name, got.BodyStructure, m.Root, false)
}

func checkEnvelope(t testing.TB, name string, got *imap.Envelope, want *Envelope) {
	t.Helper()
	lists := []struct {
		got  []imap.Address
		want []Address
	}{
		{got.From, want.From}, {got.Sender, want.Sender}, {got.ReplyTo, want.ReplyTo},
		{got.To, want.To}, {got.Cc, want.Cc}, {got.Bcc, want.Bcc},
	}
	drop := func(s string) string { return strings.ReplaceAll(s, "\x00", "") }
	for _, l := range lists {
		if len(l.got) != len(l.want) {
			t.Errorf("%s: the client sees %d addresses, not %d", name, len(l.got), len(l.want))
			return
		}
		for i := range l.got {
			if l.got[i].Mailbox != drop(l.want[i].Mailbox) || l.got[i].Host != drop(l.want[i].Host) {
				t.Errorf("%s: the client sees %+v, not %+v", name, l.got[i], l.want[i])
			}
		}
	}
}

func checkStructure(t testing.TB, name string, got imap.BodyStructure, want *Part, extended bool) {
	t.Helper()
	drop := func(s string) string { return strings.ReplaceAll(s, "\x00", "") }
	if multi, ok := got.(*imap.BodyStructureMultiPart); ok {
		if len(multi.Children) != len(want.Children) || multi.Subtype != drop(want.Subtype) || (multi.Extended != nil) != extended {
			t.Errorf("%s: the client sees %d parts in %q, not %d in %q", name, len(multi.Children), multi.Subtype, len(want.Children), want.Subtype)
			return
		}
		for i, c := range multi.Children {
			checkStructure(t, name, c, want.Children[i], extended)
		}
		return
	}
	one := got.(*imap.BodyStructureSinglePart)
	typ, subtype := want.shownType()
	switch {
	case want.IsMultipart() || one.Type != drop(typ) || one.Subtype != drop(subtype) || int64(one.Size) != want.Size():
		t.Errorf("%s: the client sees %s/%s of %d bytes, not %s/%s of %d", name, one.Type, one.Subtype, one.Size, typ, subtype, want.Size())
	case (one.MessageRFC822 != nil) != (want.Embedded != nil) || (one.Text != nil) != (typ == "text") || (one.Extended != nil) != extended:
		t.Errorf("%s: the client sees another kind of part", name)
	case one.MessageRFC822 != nil:
		checkEnvelope(t, name, one.MessageRFC822.Envelope, want.Envelope)
		checkStructure(t, name, one.MessageRFC822.BodyStructure, want.Embedded, extended)
	}
	if extended && one.Extended != nil {
		if d := one.Extended.Disposition; (d != nil) != (want.Disposition != "") {
			t.Errorf("%s: the client sees disposition %+v, not %q", name, d, want.Disposition)
		}
	}
}
