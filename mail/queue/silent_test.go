package queue_test

import (
	"context"
	"crypto/rand"
	"io"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/mail"
	"fachwerk/mail/queue"
)

// A site whose database is silent keeps no mail of another's people from being
// delivered, however long the database is waited for.
func TestSilentSite(t *testing.T) {
	w, lines := storetest.TwoLines(t, time.Hour, nil)
	ctx := t.Context()
	if err := w.LoadDirectory(ctx); err != nil {
		t.Fatal(err)
	}
	anna, bert := w.Account(t, 0, store.Person, "anna"), w.Account(t, 0, store.Person, "bert")
	service := mail.New(mail.Options{Store: w.Store})
	t.Cleanup(func() { service.Close() })
	q, err := queue.New(queue.Config{Store: w.Store, Mail: service, Hostname: "mail.nordstadt.example"})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		q.Run(running)
		close(done)
	}()
	defer func() {
		stop()
		<-done
	}()
	w.Warm(t, 1)
	lines["sued"].Silence(true)
	for n := int64(1); n <= 3; n++ {
		spool := w.NewSpool(0)
		if _, err := io.WriteString(spool, "From: "+anna.Address+"\r\nMessage-ID: <"+rand.Text()+"@nordstadt.example>\r\n\r\nHallo\r\n"); err != nil {
			t.Fatal(err)
		}
		_, err := w.Enqueue(ctx, w.Tenants[0].ID, store.QueueMessage{ReversePath: anna.Address, Recipients: []store.QueueRecipient{
			{ForwardPath: bert.Address, NextHop: store.LocalHop, Expires: time.Now().Add(time.Hour)}}}, nil, spool)
		if err != nil {
			t.Fatal(err)
		}
		spool.Close()
		for end := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
			a, err := w.Store.Account(ctx, bert.Key)
			if err != nil {
				t.Fatal(err)
			}
			if a.UsedItems == n {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("message %d was not delivered", n)
			}
		}
	}
}
