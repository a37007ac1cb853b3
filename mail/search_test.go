package mail_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

func date(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

// searchable are the messages of the search tests, by sequence number.
var searchable = []struct {
	text     string
	flags    mail.Flags
	keywords []string
	internal string
}{
	1: {text: "From: =?utf-8?Q?J=C3=BCrgen_Stra=C3=9Fe?= <juergen@amt.example>\r\nTo: Alice <alice@musterstadt.example>\r\n" +
		"Subject: =?iso-8859-1?Q?Geb=FChrenbescheid?= 2026\r\nMessage-ID: <eins@amt.example>\r\nDate: Mon, 02 Nov 2026 23:30:00 -0800\r\n\r\nGuten Tag\r\n",
		internal: "2026-11-03", flags: mail.FlagSeen},
	2: {text: "From: b@x.example\r\nTo: Verteiler: a@x.example, c@x.example;\r\nCc: Carol <carol@y.example>\r\nBcc: dora@y.example\r\nSubject: Re: Dienstplan\r\n" +
		"In-Reply-To: <eins@amt.example>\r\nReferences: <null@amt.example>\r\n <eins@amt.example>\r\nX-Amt: Ordnung\r\n\tund Sicherheit\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nDie Stra=DFe ist ge=\r\nsperrt.\r\n",
		internal: "2026-11-10", flags: mail.FlagFlagged | mail.FlagAnswered, keywords: []string{"Wichtig", "$Junk"}},
	3: {text: "Subject: Anhang\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=g\r\n\r\n--g\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
		"<p>Bitte <b>unter</b>schreiben &amp; zur&uuml;ck</p><style>versteckt{}</style>\r\n--g\r\nContent-Type: application/pdf; name=\"=?utf-8?Q?Haushalt=C3=BCbersicht.pdf?=\"\r\n" +
		"Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nSGFsbG8gQmlsZAo=\r\n--g\r\nContent-Type: message/rfc822\r\n\r\n" +
		"Subject: innen\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte("Eingebettete Nachricht")) + "\r\n--g--\r\n",
		internal: "2026-11-20", flags: mail.FlagDraft},
	4: {text: "Subject: Leer\r\nX-Amt:\r\nDate: Quatsch\r\n\r\n" + strings.Repeat("Zeile um Zeile ohne Sinn.\r\n", 4000) + "Ganz am ENDE steht Ziel\u0065\u0301 hier.\r\n",
		internal: "2026-11-21"},
	5: {text: "no header at all", internal: "2025-01-01", flags: mail.FlagDeleted},
}

func searchHouse(t testing.TB) (*mailtest.House, *mail.View) {
	h := mailtest.New(t, mailtest.WithMail(mail.Options{Clock: func() time.Time { return date("2026-11-22") }}))
	inbox, err := h.Mail.Mailbox(t.Context(), h.AliceAccess, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range searchable[1:] {
		in := h.Incoming(t, s.text)
		_, err := h.Mail.Append(t.Context(), h.AliceAccess, inbox.ID, []mail.Append{{
			In: in, Flags: s.flags, Keywords: s.keywords, Date: date(s.internal).Add(12 * time.Hour),
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return h, h.Open(t, h.AliceAccess, "INBOX")
}

func TestSearch(t *testing.T) {
	_, v := searchHouse(t)
	snap := v.Snapshot()
	for _, c := range []struct {
		name string
		key  mail.Criteria
		want []int // sequence numbers
	}{
		{"all", mail.SearchAll{}, []int{1, 2, 3, 4, 5}},
		{"empty and", mail.SearchAnd{}, []int{1, 2, 3, 4, 5}},
		{"empty or", mail.SearchOr{}, nil},
		{"not all", mail.SearchNot{Key: mail.SearchAll{}}, nil},
		{"sequence set", mail.SearchSeqSet{{First: 3, Last: 9}, {First: 1, Last: 0}, {First: 0, Last: 0}}, []int{1, 2, 4, 5}},
		{"uid set", mail.SearchUIDSet{{First: 2, Last: 3}, {First: 3, Last: 4}, {First: 4294967295, Last: 5}}, []int{2, 3, 4, 5}},
		{"seen", mail.SearchHasFlags(mail.FlagSeen), []int{1}},
		{"unseen", mail.SearchNot{Key: mail.SearchHasFlags(mail.FlagSeen)}, []int{2, 3, 4, 5}},
		{"two flags", mail.SearchHasFlags(mail.FlagFlagged | mail.FlagAnswered), []int{2}},
		{"keyword", mail.SearchKeyword("wichtig"), []int{2}},
		{"registered keyword", mail.SearchKeyword("$JUNK"), []int{2}},
		{"unknown keyword", mail.SearchKeyword("nie"), nil},
		{"since", mail.SearchSince(date("2026-11-20")), []int{3, 4}},
		{"before", mail.SearchBefore(date("2026-11-10")), []int{1, 5}},
		{"on", mail.SearchOn(date("2026-11-10")), []int{2}},
		{"sent on, by its own zone", mail.SearchSentOn(date("2026-11-02")), []int{1}},
		{"sent since", mail.SearchSentSince(date("2020-01-01")), []int{1}},
		{"sent before", mail.SearchSentBefore(date("2030-01-01")), []int{1}},
		{"saved before", mail.SearchSavedBefore(date("2020-01-01")), nil},
		{"saved since", mail.SearchSavedSince(date("2020-01-01")), []int{1, 2, 3, 4, 5}},
		{"older", mail.SearchOlder(10 * 24 * time.Hour), []int{1, 2, 5}},
		{"younger", mail.SearchYounger(10 * 24 * time.Hour), []int{3, 4}},
		{"larger", mail.SearchLarger(50_000), []int{4}},
		{"smaller", mail.SearchSmaller(17), []int{5}},
		{"modseq", mail.SearchModSeq(snap.At(3).ModSeq), []int{4, 5}},
		{"email id", mail.SearchEmailID(snap.At(1).EmailID()), []int{2}},
		{"email id of another kind", mail.SearchEmailID(snap.At(1).Thread()), nil},
		{"thread id", mail.SearchThreadID(snap.At(0).Thread()), []int{1, 2}},

		{"subject in another charset", mail.SearchSubject("gebühren"), []int{1}},
		{"subject in capitals", mail.SearchSubject("GEBÜHRENBESCHEID 2026"), []int{1}},
		{"from, encoded", mail.SearchFrom("jürgen STRASSE"), []int{1}},
		{"from, address", mail.SearchFrom("juergen@AMT"), []int{1}},
		{"to, group", mail.SearchTo("verteiler"), []int{2}},
		{"to, member", mail.SearchTo("c@x"), []int{2}},
		{"cc", mail.SearchCc("Carol"), []int{2}},
		{"bcc", mail.SearchBcc("dora"), []int{2}},
		{"any subject", mail.SearchHeader{Name: "subject"}, []int{1, 2, 3, 4}},
		{"message id", mail.SearchHeader{Name: "Message-ID", Value: "<eins@amt.example>"}, []int{1}},
		{"in reply to", mail.SearchHeader{Name: "In-Reply-To", Value: "eins@amt"}, []int{2}},
		{"references, folded", mail.SearchHeader{Name: "REFERENCES", Value: "<null@amt.example> <eins"}, []int{2}},
		{"references, any", mail.SearchHeader{Name: "References"}, []int{2}},
		{"other field, folded", mail.SearchHeader{Name: "x-amt", Value: "ordnung und"}, []int{2}},
		{"other field, present", mail.SearchHeader{Name: "X-Amt"}, []int{2, 4}},
		{"field from, as written", mail.SearchHeader{Name: "From", Value: "Straße <juergen"}, []int{1}},
		{"field to", mail.SearchHeader{Name: "To", Value: "verteiler:"}, []int{2}},
		{"field that nobody has", mail.SearchHeader{Name: "X-None"}, nil},

		{"body, charset and soft line end", mail.SearchBody("straße ist gesperrt"), []int{2}},
		{"body, other case and ss", mail.SearchBody("STRASSE IST"), []int{2}},
		{"body, html text", mail.SearchBody("unterschreiben & zurück"), []int{3}},
		{"body, style is not text", mail.SearchBody("versteckt"), nil},
		{"body, file name", mail.SearchBody("haushaltüber"), []int{3}},
		{"body, attachment's bytes are not text", mail.SearchBody("Hallo Bild"), nil},
		{"body, embedded message", mail.SearchBody("eingebettete nachricht"), []int{3}},
		{"body, embedded message's header", mail.SearchBody("subject: INNEN"), []int{3}},
		{"text, embedded message's header", mail.SearchText("subject: INNEN"), []int{3}},
		{"body, end of a long one", mail.SearchBody("ende steht zielé"), []int{4}},
		{"body is not the header", mail.SearchBody("dienstplan"), nil},
		{"text, header", mail.SearchText("dienstplan"), []int{2}},
		{"text, other field", mail.SearchText("sicherheit"), []int{2}},
		{"text, field name", mail.SearchText("x-amt:"), []int{2, 4}},
		{"text, body", mail.SearchText("guten tag"), []int{1}},
		{"empty body", mail.SearchBody(""), []int{1, 2, 3, 4, 5}},

		{"and of tiers", mail.SearchAnd{mail.SearchBody("e"), mail.SearchSubject("a"), mail.SearchNot{Key: mail.SearchHasFlags(mail.FlagFlagged)}}, []int{3}},
		{"or of tiers", mail.SearchOr{mail.SearchBody("gesperrt"), mail.SearchSubject("leer"), mail.SearchUIDSet{{First: 5, Last: 5}}}, []int{2, 4, 5}},
		{"not of tiers", mail.SearchNot{Key: mail.SearchOr{mail.SearchText("e"), mail.SearchHasFlags(mail.FlagSeen)}}, nil},
		{"not body", mail.SearchNot{Key: mail.SearchBody("tag")}, []int{2, 3, 4, 5}},
		{"two bodies", mail.SearchAnd{mail.SearchBody("sinn"), mail.SearchBody("ziel"), mail.SearchText("leer")}, []int{4}},
	} {
		got, err := v.Search(t.Context(), snap, c.key)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for i := range got {
			got[i]++
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSearchIsBounded(t *testing.T) {
	_, v := searchHouse(t)
	deep := mail.Criteria(mail.SearchAll{})
	for range 60 {
		deep = mail.SearchNot{Key: deep}
	}
	wide := make(mail.SearchAnd, 3000)
	for i := range wide {
		wide[i] = mail.SearchAll{}
	}
	for name, c := range map[string]mail.Criteria{"deep": deep, "wide": wide, "long": mail.SearchText(strings.Repeat("x", 5000))} {
		if _, err := v.Search(t.Context(), v.Snapshot(), c); !errors.Is(err, mail.ErrTooMany) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Search(ctx, v.Snapshot(), mail.SearchBody("x")); !errors.Is(err, context.Canceled) || errors.Is(err, mail.ErrTemporary) {
		t.Errorf("cancelled: %v", err)
	}
}

// What was expunged since the snapshot matches nothing that must be read, and
// is no fault.
func TestSearchAfterExpunge(t *testing.T) {
	h, v := searchHouse(t)
	old := v.Snapshot()
	w := h.Open(t, h.AliceAccess, "INBOX")
	if _, err := w.Store(t.Context(), mail.FlagChange{UIDs: []uint32{2}, Op: mail.AddFlags, Flags: mail.FlagDeleted}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Expunge(t.Context(), []uint32{2}); err != nil {
		t.Fatal(err)
	}
	got, err := v.Search(t.Context(), old, mail.SearchOr{mail.SearchBody("gesperrt"), mail.SearchBody("Guten Tag")})
	if err != nil || !slices.Equal(got, []int{0}) {
		t.Errorf("%v, %v", got, err)
	}
	i := 0
	err = v.Structures(t.Context(), []*mail.Message{old.At(0), old.At(1), old.At(2)}, func(k int, _ *mail.Structure) error {
		i += k
		return nil
	})
	if err != nil || i != 2 && i != 3 {
		t.Errorf("structures around an expunged message: %d, %v", i, err)
	}
	if _, err := v.Content(t.Context(), old.At(1)); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("content of an expunged message: %v", err)
	}
}

func BenchmarkSearch(b *testing.B) {
	h := mailtest.New(b)
	h.Fill(b, h.AliceAccess, "INBOX", 10_000)
	v := h.Open(b, h.AliceAccess, "INBOX")
	for name, c := range map[string]mail.Criteria{
		"flags": mail.SearchHasFlags(mail.FlagSeen), "subject": mail.SearchSubject("nie"), "body": mail.SearchBody("nie"),
	} {
		b.Run(fmt.Sprintf("%s-10000", name), func(b *testing.B) {
			for b.Loop() {
				if got, err := v.Search(b.Context(), v.Snapshot(), c); err != nil || len(got) != 0 {
					b.Fatal(got, err)
				}
			}
		})
	}
}
