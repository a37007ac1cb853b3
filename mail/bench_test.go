package mail_test

import (
	"testing"

	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

// One process loads a view of 50,000 messages cold.
func BenchmarkViewLoad(b *testing.B) {
	h := mailtest.New(b)
	h.Fill(b, h.AliceAccess, "INBOX", 50_000)
	box, err := h.Mail.Mailbox(b.Context(), h.AliceAccess, "INBOX")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		cold := mail.New(mail.Options{Store: h.Store})
		v, err := cold.Open(b.Context(), h.AliceAccess, box.ID)
		if err != nil {
			b.Fatal(err)
		}
		if snap := h.Refresh(b, v); snap.Len() != 50_000 {
			b.Fatal(snap.Len())
		}
		v.Close()
		cold.Close()
	}
}

// A view of 50,000 follows a delivery; the delivery itself is not counted.
func BenchmarkRefreshDelta(b *testing.B) {
	h := mailtest.New(b)
	h.Fill(b, h.AliceAccess, "INBOX", 50_000)
	v := h.Open(b, h.AliceAccess, "INBOX")
	in := h.Incoming(b, mailtest.Message("neu", "x"))
	to, err := h.Mail.Resolve(b.Context(), mailtest.AliceAddress)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if _, err := h.Mail.Deliver(b.Context(), to, in, nil, mail.DeliverOptions{}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		h.Refresh(b, v)
	}
}

// A refresh that finds nothing new is one key read.
func BenchmarkRefreshUnchanged(b *testing.B) {
	h := mailtest.New(b)
	h.Fill(b, h.AliceAccess, "INBOX", 1000)
	v := h.Open(b, h.AliceAccess, "INBOX")
	for b.Loop() {
		h.Refresh(b, v)
	}
}

func BenchmarkStructures(b *testing.B) {
	h := mailtest.New(b)
	h.Fill(b, h.AliceAccess, "INBOX", 10_000)
	v := h.Open(b, h.AliceAccess, "INBOX")
	var msgs []*mail.Message
	for _, m := range v.Snapshot().Range(0, v.Snapshot().Len()) {
		msgs = append(msgs, m)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := v.Structures(b.Context(), msgs, func(_ int, st *mail.Structure) error {
			n += len(st.Envelope)
			return nil
		})
		if err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
}

// One message through the spool, the scanner and a durable transaction.
func BenchmarkDeliver(b *testing.B) {
	h := mailtest.New(b)
	to, err := h.Mail.Resolve(b.Context(), mailtest.AliceAddress)
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(mailtest.Message("neu", string(make([]byte, 8000))))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			in := h.Mail.NewIncoming()
			if _, err := in.Write(text); err != nil {
				b.Error(err)
			}
			in.Finish()
			if _, err := h.Mail.Deliver(b.Context(), to, in, []byte("Received: x\r\n"), mail.DeliverOptions{}); err != nil {
				b.Error(err)
			}
			in.Close()
		}
	})
}

// A client reads the bodies of a mailbox one after another.
func BenchmarkContents(b *testing.B) {
	h := mailtest.New(b)
	h.Fill(b, h.AliceAccess, "INBOX", 2000)
	v := h.Open(b, h.AliceAccess, "INBOX")
	for b.Loop() {
		for _, m := range v.Snapshot().Range(0, 2000) {
			read(b, v, m)
		}
	}
}
