package mail_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

func TestResolve(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	if err := h.Store.AddDomain(ctx, h.Tenant.ID, "müsterstadt.example"); err != nil {
		t.Fatal(err)
	}
	if err := h.Store.AddAlias(ctx, keyOf(h.Alice), "alice@müsterstadt.example"); err != nil {
		t.Fatal(err)
	}
	if err := h.Store.AddAlias(ctx, keyOf(h.Bob), "alice+bob@"+mailtest.Domain); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]struct {
		to, detail string
		err        error
	}{
		mailtest.AliceAddress:                 {to: mailtest.AliceAddress},
		"ALICE@MUSTERSTADT.example":           {to: mailtest.AliceAddress},
		mailtest.AliceAlias:                   {to: mailtest.AliceAddress},
		"alice@xn--msterstadt-9db.example":    {to: mailtest.AliceAddress},
		"Alice@MÜSTERSTADT.example":           {to: mailtest.AliceAddress},
		"alice+Rechnungen@" + mailtest.Domain: {to: mailtest.AliceAddress, detail: "Rechnungen"},
		"alice+a+b@" + mailtest.Domain:        {to: mailtest.AliceAddress, detail: "a+b"},
		"alice+@" + mailtest.Domain:           {to: mailtest.AliceAddress},
		"alice+bob@" + mailtest.Domain:        {to: mailtest.BobAddress},
		`"alice"@` + mailtest.Domain:          {to: mailtest.AliceAddress},
		mailtest.DeskAddress:                  {to: mailtest.DeskAddress},
		"niemand@" + mailtest.Domain:          {err: mail.ErrNoSuchUser},
		"+alice@" + mailtest.Domain:           {err: mail.ErrNoSuchUser},
		"alice@anderswo.example":              {err: mail.ErrNotLocal},
		"alice@[192.0.2.1]":                   {err: mail.ErrNotLocal},
		"alice@":                              {err: mail.ErrNotLocal},
		"alice":                               {err: mail.ErrNotLocal},
	} {
		got, err := h.Mail.Resolve(ctx, address)
		if !errors.Is(err, want.err) || got.Address != want.to || got.Detail != want.detail {
			t.Errorf("%q: %+v, %v; want %+v", address, got, err, want)
		}
	}
	to, _ := h.Mail.Resolve(ctx, mailtest.DeskAddress)
	if to.Kind != mail.KindFunction || to.Tenant != h.Tenant.ID || to.Account != h.Desk.Key.Account {
		t.Errorf("desk: %+v", to)
	}
	// A person who may not sign in still gets mail.
	if err := h.Store.SetDisabled(ctx, keyOf(h.Alice), true); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Mail.Resolve(ctx, mailtest.AliceAddress); err != nil {
		t.Errorf("disabled: %v", err)
	}
	if _, err := h.Mail.Accounts(ctx, h.Alice); !errors.Is(err, mail.ErrDisabled) {
		t.Errorf("accounts of a disabled person: %v", err)
	}
}

func TestDeliverBySubAddress(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	for _, name := range []string{"Rechnungen", "INBOX/Listen", "Amt/Ämter"} {
		if _, err := h.Mail.Create(ctx, h.AliceAccess, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	for detail, want := range map[string]string{
		"Rechnungen": "Rechnungen", "rechnungen": "Rechnungen", "listen": "INBOX/Listen", "Amt/Ämter": "Amt/Ämter",
		"nirgends": "INBOX", "Trash": "INBOX", "junk": "INBOX", "../x": "INBOX", "": "INBOX", "inbox": "INBOX",
	} {
		added := h.Deliver(t, "alice+"+detail+"@"+mailtest.Domain, mailtest.Message("s", "t"))
		if box := mailboxID(t, h, h.AliceAccess, want); added.Mailbox != box {
			t.Errorf("+%s went to mailbox %d, want %s (%d)", detail, added.Mailbox, want, box)
		}
	}
}

func TestDeliverPutsTraceFirst(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	to, _ := h.Mail.Resolve(ctx, mailtest.AliceAddress)
	text := mailtest.Message("Guten Tag", "Inhalt")
	in := h.Incoming(t, text)
	prefix := "Return-Path: <bob@musterstadt.example>\r\nReceived: from x\r\n\tby y; Sun, 22 Nov 2026 10:00:00 +0100\r\n"
	before := time.Now().Add(-time.Minute)
	added, err := h.Mail.Deliver(ctx, to, in, []byte(prefix), mail.DeliverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// The same message again, for someone else.
	bob, _ := h.Mail.Resolve(ctx, mailtest.BobAddress)
	if _, err := h.Mail.Deliver(ctx, bob, in, nil, mail.DeliverOptions{}); err != nil {
		t.Fatal(err)
	}
	v := h.Open(t, h.AliceAccess, "INBOX")
	m := v.Snapshot().At(0)
	if m.UID != added.UID || m.ObjectID != added.ObjectID || m.ThreadID != added.ThreadID || m.Size != added.Size || m.ModSeq != added.ModSeq {
		t.Errorf("told %+v, view has %+v", added, m)
	}
	if at := time.UnixMicro(m.InternalDate); at.Before(before) || at.After(time.Now().Add(time.Minute)) || m.SaveDate == 0 {
		t.Errorf("internal date %v", at)
	}
	if got := read(t, v, m); got != prefix+text {
		t.Errorf("stored %q", got)
	}
	st := structures(t, v, v.Snapshot())[0]
	if header := strings.Index(prefix+text, "\r\n\r\n") + 4; st.HeaderSize != int64(header) {
		t.Errorf("header of %d bytes, want %d", st.HeaderSize, header)
	}
	if !strings.Contains(string(st.Envelope), "Guten Tag") || st.Preview != "Inhalt" {
		t.Errorf("envelope %s, preview %q", st.Envelope, st.Preview)
	}
	w := h.Open(t, h.BobAccess, "INBOX")
	if got := read(t, w, w.Snapshot().At(0)); got != text {
		t.Errorf("Bob's: %q", got)
	}
}

func TestThreads(t *testing.T) {
	h := mailtest.New(t)
	mk := func(id, refs string) mail.Appended {
		head := "Message-ID: <" + id + "@x.example>\r\n"
		if refs != "" {
			head += "References: " + refs + "\r\n"
		}
		return h.Deliver(t, mailtest.AliceAddress, head+mailtest.Message("s", id))
	}
	a, b := mk("a", ""), mk("b", "<a@x.example>")
	c, d := mk("c", "<b@x.example> <a@x.example>"), mk("d", "")
	if a.ThreadID == 0 || b.ThreadID != a.ThreadID || c.ThreadID != a.ThreadID || d.ThreadID == a.ThreadID {
		t.Errorf("threads %d %d %d and %d", a.ThreadID, b.ThreadID, c.ThreadID, d.ThreadID)
	}
	if a.ObjectID == b.ObjectID {
		t.Error("two messages with one EMAILID")
	}
}

func TestQuota(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	text := mailtest.Message("s", strings.Repeat("x", 1000))
	if err := h.Store.SetQuota(ctx, keyOf(h.Alice), int64(len(text))*2+10, 0); err != nil {
		t.Fatal(err)
	}
	to, _ := h.Mail.Resolve(ctx, mailtest.AliceAddress)
	h.Deliver(t, mailtest.AliceAddress, text)
	h.Deliver(t, mailtest.AliceAddress, text)
	if err := h.Mail.CheckQuota(ctx, to, 11); !errors.Is(err, mail.ErrQuota) {
		t.Errorf("advice: %v", err)
	}
	if err := h.Mail.CheckQuota(ctx, to, 10); err != nil {
		t.Errorf("advice for what fits: %v", err)
	}
	in := h.Incoming(t, text)
	if _, err := h.Mail.Deliver(ctx, to, in, nil, mail.DeliverOptions{}); !errors.Is(err, mail.ErrQuota) || errors.Is(err, mail.ErrTemporary) {
		t.Errorf("third delivery: %v", err)
	}
	if _, err := h.Mail.Append(ctx, h.AliceAccess, mailboxID(t, h, h.AliceAccess, "Sent"), []mail.Append{{In: in}}); !errors.Is(err, mail.ErrQuota) {
		t.Errorf("append: %v", err)
	}
	v := h.Open(t, h.AliceAccess, "INBOX")
	if _, err := h.Mail.Copy(ctx, v, []uint32{1}, h.AliceAccess, v.Mailbox()); !errors.Is(err, mail.ErrQuota) {
		t.Errorf("copy: %v", err)
	}
	q, err := h.Mail.Quota(ctx, h.AliceAccess)
	if want := (mail.Quota{UsedBytes: int64(len(text)) * 2, LimitBytes: int64(len(text))*2 + 10, UsedMessages: 2}); err != nil || q != want {
		t.Errorf("quota %+v, %v, want %+v", q, err, want)
	}
	if err := h.Store.SetQuota(ctx, keyOf(h.Alice), 0, 2); err != nil {
		t.Fatal(err)
	}
	if err := h.Mail.CheckQuota(ctx, to, 1); !errors.Is(err, mail.ErrQuota) {
		t.Errorf("advice by count: %v", err)
	}
}

func TestMultiAppendIsAllOrNothing(t *testing.T) {
	h, ctx := mailtest.New(t, mailtest.WithMail(mail.Options{Limits: mail.Limits{MaxMessage: 5000}})), t.Context()
	inbox := mailboxID(t, h, h.AliceAccess, "INBOX")
	good := h.Incoming(t, mailtest.Message("gut", "x"))
	date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	added, err := h.Mail.Append(ctx, h.AliceAccess, inbox, []mail.Append{
		{In: good, Flags: mail.FlagSeen | mail.FlagDraft, Keywords: []string{"zwei", "eins", "EINS"}, Date: date}, {In: good},
	})
	if err != nil || len(added) != 2 || added[0].UID != 1 || added[1].UID != 2 || added[0].UIDValidity == 0 {
		t.Fatalf("append: %+v, %v", added, err)
	}
	v := h.Open(t, h.AliceAccess, "INBOX")
	m := v.Snapshot().At(0)
	if words := strings.Join(v.Snapshot().Keywords(m), " "); m.Flags != mail.FlagSeen|mail.FlagDraft || words != "eins zwei" || m.InternalDate != date.UnixMicro() {
		t.Errorf("appended %+v with %q", m, words)
	}

	if _, err := h.Mail.Append(ctx, h.AliceAccess, mailboxID(t, h, h.AliceAccess, "Archive"), []mail.Append{{In: good, Date: time.Unix(0, 0)}}); err != nil {
		t.Fatal(err)
	}
	if d := h.Open(t, h.AliceAccess, "Archive").Snapshot().At(0).InternalDate; d < 0 || d > 1000 {
		t.Errorf("the first moment of 1970 became %d", d)
	}

	large := h.Mail.NewIncoming()
	defer large.Close()
	if n, err := large.Write(make([]byte, 5000)); n != 5000 || err != nil {
		t.Fatalf("write to the limit: %d, %v", n, err)
	}
	if _, err := large.Write([]byte("x")); !errors.Is(err, mail.ErrTooLarge) {
		t.Errorf("write beyond the limit: %v", err)
	}
	if _, err := large.Write(make([]byte, 100)); err != nil || large.Size() != 5101 {
		t.Errorf("the rest is dropped: %v, size %d", err, large.Size())
	}
	large.Finish()
	if _, err := large.Open(); !errors.Is(err, mail.ErrTooLarge) {
		t.Errorf("open: %v", err)
	}
	if _, err := h.Mail.Append(ctx, h.AliceAccess, inbox, []mail.Append{{In: good}, {In: large}}); !errors.Is(err, mail.ErrTooLarge) {
		t.Errorf("append: %v", err)
	}
	if _, err := h.Mail.Append(ctx, h.AliceAccess, inbox, []mail.Append{{In: good}, {In: good, Keywords: []string{"a b"}}}); !errors.Is(err, mail.ErrKeyword) {
		t.Errorf("append: %v", err)
	}
	if h.Refresh(t, v).Len() != 2 {
		t.Errorf("%d messages after failed appends", v.Snapshot().Len())
	}
	if _, err := h.Mail.Append(ctx, h.AliceAccess, 12345, []mail.Append{{In: good}}); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("append to nowhere: %v", err)
	}
}

func TestIncomingHeader(t *testing.T) {
	h := mailtest.New(t)
	text := mailtest.Message("Kopf", "Rumpf")
	in := h.Incoming(t, text)
	want := text[:strings.Index(text, "\r\n\r\n")+4]
	if got, err := in.Header(10_000); err != nil || string(got) != want {
		t.Errorf("header %q, %v", got, err)
	}
	if got, err := in.Header(7); err != nil || string(got) != want[:7] {
		t.Errorf("first bytes %q, %v", got, err)
	}
	r, err := in.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != text {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestDeliveryToARemovedAccountIsNotFound(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	to, _ := h.Mail.Resolve(ctx, mailtest.AliceAddress)
	h.Deliver(t, mailtest.AliceAddress, mailtest.Message("s", "t"))
	if err := h.Store.RemoveAccount(ctx, store.Key{Tenant: to.Tenant, Account: to.Account}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Mail.Deliver(ctx, to, h.Incoming(t, "a: b\r\n\r\n"), nil, mail.DeliverOptions{}); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("deliver: %v", err)
	}
}
