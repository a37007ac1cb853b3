package authtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/auth"
)

// Ports are what the suite runs on: the implementation, and the means to put
// persons into it.
type Ports struct {
	People       auth.People
	Passwords    auth.Passwords
	AppPasswords auth.AppPasswords
	Sessions     auth.Sessions
	Tickets      auth.Tickets
	Changes      auth.Changes
	Groups       auth.Groups

	// AddPerson makes a person with that primary address and those aliases.
	AddPerson func(t *testing.T, address string, aliases ...string) auth.AccountRef
	// AddShared makes a shared account in the same tenant and grants it.
	AddShared func(t *testing.T, address string, to auth.AccountRef)
	// Bind makes (issuer, sub) the person, and binds the issuer to the tenant.
	Bind func(t *testing.T, ref auth.AccountRef, issuer, sub string)
	// Disable disables a person or enables them again.
	Disable func(t *testing.T, ref auth.AccountRef, disabled bool)
}

// Run proves an implementation; open gives it fresh and empty each time.
// Addresses lie in the domain musterstadt.example.
func Run(t *testing.T, open func(t *testing.T) Ports) {
	for _, part := range []struct {
		name string
		run  func(*testing.T, Ports)
	}{
		{"people", people},
		{"passwords", passwords},
		{"app passwords", appPasswords},
		{"app passwords' limit", appPasswordLimit},
		{"alive", alive},
		{"sessions", sessions},
		{"end sessions of", endSessionsOf},
		{"words", words},
		{"words at the same time", wordsTogether},
		{"tickets", tickets},
		{"tickets of tenants", ticketsOfTenants},
		{"tickets are taken once", ticketsOnce},
		{"tickets are added once", ticketsAddedOnce},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, open(t)) })
	}
}

const (
	anna    = "anna@musterstadt.example"
	bert    = "bert@musterstadt.example"
	office  = "buergeramt@musterstadt.example"
	issuerA = "https://login.musterstadt.example"
	issuerB = "https://other.musterstadt.example"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

func people(t *testing.T, p Ports) {
	ctx := context.Background()
	ref := p.AddPerson(t, anna, "a.muster@musterstadt.example")
	other := p.AddPerson(t, bert)
	p.AddShared(t, office, ref)
	for _, name := range []string{anna, "ANNA@Musterstadt.Example", "a.muster@musterstadt.example"} {
		got, err := p.People.PersonByAddress(ctx, name)
		must(t, err)
		if got.AccountRef != ref || got.Address != anna || got.Disabled {
			t.Errorf("%s found %+v", name, got)
		}
	}
	for _, name := range []string{"", "nobody@musterstadt.example", office, "no address", "a@b@c", "\xff@\x00"} {
		_, err := p.People.PersonByAddress(ctx, name)
		wantErr(t, err, auth.ErrNotFound)
	}
	p.Bind(t, ref, issuerA, "sub-1")
	got, err := p.People.PersonBySubject(ctx, issuerA, "sub-1")
	must(t, err)
	if got.AccountRef != ref {
		t.Errorf("the subject found %+v", got)
	}
	for _, s := range [][2]string{{issuerA, "SUB-1"}, {issuerB, "sub-1"}, {issuerA, ""}, {issuerA, anna}} {
		_, err := p.People.PersonBySubject(ctx, s[0], s[1])
		wantErr(t, err, auth.ErrNotFound)
		_, err = p.People.PersonIn(ctx, ref.Tenant, s[0], s[1])
		wantErr(t, err, auth.ErrNotFound)
	}
	got, err = p.People.PersonIn(ctx, ref.Tenant, issuerA, "sub-1")
	must(t, err)
	if got.AccountRef != ref {
		t.Errorf("the subject in its tenant found %+v", got)
	}
	_, err = p.People.PersonIn(ctx, ref.Tenant+1, issuerA, "sub-1")
	wantErr(t, err, auth.ErrNotFound)
	for _, c := range []struct {
		who     auth.AccountRef
		address string
		want    bool
	}{
		{ref, anna, true},
		{ref, "A.Muster@musterstadt.example", true},
		{ref, office, true},
		{ref, bert, false},
		{ref, "nobody@musterstadt.example", false},
		{other, office, false},
		{other, bert, true},
	} {
		may, err := p.People.MayUse(ctx, c.who, c.address)
		must(t, err)
		if may != c.want {
			t.Errorf("MayUse(%v, %s) = %v", c.who, c.address, may)
		}
	}
	p.Disable(t, ref, true)
	got, err = p.People.PersonByRef(ctx, ref)
	must(t, err)
	if !got.Disabled {
		t.Error("a disabled person is not shown so")
	}
	_, err = p.People.PersonByRef(ctx, auth.AccountRef{Tenant: ref.Tenant, Account: ref.Account + 999999})
	wantErr(t, err, auth.ErrNotFound)
}

func passwords(t *testing.T, p Ports) {
	ctx := context.Background()
	ref := p.AddPerson(t, anna)
	_, err := p.Passwords.PasswordHash(ctx, ref)
	wantErr(t, err, auth.ErrNotFound)
	for _, phc := range []string{"$argon2id$one", "$argon2id$two"} {
		must(t, p.Passwords.SetPasswordHash(ctx, ref, phc))
		got, err := p.Passwords.PasswordHash(ctx, ref)
		must(t, err)
		if got != phc {
			t.Errorf("got %q, want %q", got, phc)
		}
	}
}

func appPasswords(t *testing.T, p Ports) {
	ctx := context.Background()
	ref, other := p.AddPerson(t, anna), p.AddPerson(t, bert)
	expires := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	made, err := p.AppPasswords.AddAppPassword(ctx, auth.AppPassword{
		AccountRef: ref, Name: "Telefon – Küche", Scopes: auth.MailRead | auth.MailSend,
		HashKey: 7, Hash: []byte{1, 2, 3, 0, 255}, Expires: expires,
	}, 40)
	must(t, err)
	if made.ID == 0 || made.Created.IsZero() {
		t.Errorf("no id or no time: %+v", made)
	}
	list, err := p.AppPasswords.AppPasswords(ctx, ref)
	must(t, err)
	if len(list) != 1 {
		t.Fatalf("%d app passwords, want 1", len(list))
	}
	got := list[0]
	if got.ID != made.ID || got.Name != "Telefon – Küche" || got.Scopes != auth.MailRead|auth.MailSend ||
		got.HashKey != 7 || !bytes.Equal(got.Hash, []byte{1, 2, 3, 0, 255}) ||
		!got.Expires.Equal(expires) || !got.LastUsed.IsZero() || got.LastUsedBy != "" {
		t.Errorf("came back as %+v", got)
	}
	must(t, p.AppPasswords.TouchAppPassword(ctx, ref, made.ID, "imap 192.0.2.1"))
	list, err = p.AppPasswords.AppPasswords(ctx, ref)
	must(t, err)
	if list[0].LastUsed.IsZero() || list[0].LastUsedBy != "imap 192.0.2.1" {
		t.Errorf("the use was not noted: %+v", list[0])
	}
	// Another's are not seen and not ended.
	list, err = p.AppPasswords.AppPasswords(ctx, other)
	must(t, err)
	if len(list) != 0 {
		t.Errorf("another person sees %+v", list)
	}
	wantErr(t, p.AppPasswords.RevokeAppPassword(ctx, other, made.ID), auth.ErrNotFound)
	must(t, p.AppPasswords.RevokeAppPassword(ctx, ref, made.ID))
	wantErr(t, p.AppPasswords.RevokeAppPassword(ctx, ref, made.ID), auth.ErrNotFound)
	// Nobody has none; login asks this for unknown names.
	list, err = p.AppPasswords.AppPasswords(ctx, auth.AccountRef{})
	if (err != nil && !errors.Is(err, auth.ErrNotFound)) || len(list) != 0 {
		t.Errorf("nobody's app passwords: %v, %v", list, err)
	}
}

func appPasswordLimit(t *testing.T, p Ports) {
	ctx := context.Background()
	ref := p.AddPerson(t, anna)
	const limit, writers = 5, 16
	var made, refused atomic.Int32
	var ids sync.Map
	each(writers, func(n int) {
		a, err := p.AppPasswords.AddAppPassword(ctx, auth.AppPassword{
			AccountRef: ref, Name: fmt.Sprint(n), Scopes: auth.MailRead, Hash: []byte{byte(n)},
		}, limit)
		switch {
		case err == nil:
			made.Add(1)
			if _, twice := ids.LoadOrStore(a.ID, true); twice {
				t.Errorf("the id %d was given twice", a.ID)
			}
		case errors.Is(err, auth.ErrTooMany):
			refused.Add(1)
		default:
			t.Errorf("writer %d: %v", n, err)
		}
	})
	if made.Load() != limit || refused.Load() != writers-limit {
		t.Errorf("%d made and %d refused, want %d and %d", made.Load(), refused.Load(), limit, writers-limit)
	}
}

func alive(t *testing.T, p Ports) {
	ctx := context.Background()
	ref := p.AddPerson(t, anna)
	add := func(expires time.Time) int64 {
		a, err := p.AppPasswords.AddAppPassword(ctx, auth.AppPassword{
			AccountRef: ref, Name: "x", Scopes: auth.MailRead, Hash: []byte{1}, Expires: expires,
		}, 40)
		must(t, err)
		return a.ID
	}
	want := func(appPassword int64, want bool) {
		t.Helper()
		got, err := p.Changes.Alive(ctx, ref, appPassword)
		must(t, err)
		if got != want {
			t.Errorf("Alive(%d) = %v", appPassword, got)
		}
	}
	forever, past := add(time.Time{}), add(time.Now().Add(-time.Minute))
	want(0, true)
	want(forever, true)
	want(past, false)
	want(forever+100, false)
	p.Disable(t, ref, true)
	want(0, false)
	want(forever, false)
	p.Disable(t, ref, false)
	want(forever, true)
	must(t, p.AppPasswords.RevokeAppPassword(ctx, ref, forever))
	want(forever, false)
	want(0, true)
	got, err := p.Changes.Alive(ctx, auth.AccountRef{Tenant: ref.Tenant, Account: ref.Account + 999999}, 0)
	if err != nil || got {
		t.Errorf("an unknown person: %v, %v", got, err)
	}
}

func session(ref auth.AccountRef, id, sub, sid string) auth.Session {
	now := time.Now().Truncate(time.Millisecond)
	return auth.Session{
		AccountRef: ref, ID: []byte(id), Issuer: issuerA, Subject: sub, SID: sid,
		UserAgent: "Firefox", AuthTime: now.Add(-time.Minute), Expires: now.Add(time.Hour),
		Secret: []byte("id token"),
	}
}

func sessions(t *testing.T, p Ports) {
	ctx := context.Background()
	ref, other := p.AddPerson(t, anna), p.AddPerson(t, bert)
	s := session(ref, "id-1", "sub-1", "sid-1")
	must(t, p.Sessions.AddSession(ctx, s))
	got, err := p.Sessions.Session(ctx, []byte("id-1"))
	must(t, err)
	if got.AccountRef != ref || got.Issuer != issuerA || got.Subject != "sub-1" || got.SID != "sid-1" ||
		got.UserAgent != "Firefox" || !got.AuthTime.Equal(s.AuthTime) || !got.Expires.Equal(s.Expires) ||
		string(got.Secret) != "id token" || got.Created.IsZero() || got.Seen.IsZero() {
		t.Errorf("came back as %+v", got)
	}
	_, err = p.Sessions.Session(ctx, []byte("id-2"))
	wantErr(t, err, auth.ErrNotFound)
	must(t, p.Sessions.TouchSession(ctx, ref, []byte("id-1")))
	touched, err := p.Sessions.Session(ctx, []byte("id-1"))
	must(t, err)
	if touched.Seen.Before(got.Seen) {
		t.Errorf("seen went back from %v to %v", got.Seen, touched.Seen)
	}
	old := session(ref, "id-old", "sub-1", "")
	old.Expires = time.Now().Add(-time.Minute)
	must(t, p.Sessions.AddSession(ctx, old))
	_, err = p.Sessions.Session(ctx, []byte("id-old"))
	wantErr(t, err, auth.ErrNotFound)
	list, err := p.Sessions.SessionsOf(ctx, ref)
	must(t, err)
	if len(list) != 1 || string(list[0].ID) != "id-1" {
		t.Errorf("SessionsOf gives %+v", list)
	}
	if err := p.Sessions.EndSession(ctx, other, []byte("id-1")); err == nil {
		if _, err := p.Sessions.Session(ctx, []byte("id-1")); err != nil {
			t.Error("another person ended the session")
		}
	}
	must(t, p.Sessions.EndSession(ctx, ref, []byte("id-1")))
	_, err = p.Sessions.Session(ctx, []byte("id-1"))
	wantErr(t, err, auth.ErrNotFound)
}

func endSessionsOf(t *testing.T, p Ports) {
	ctx := context.Background()
	a, b := p.AddPerson(t, anna), p.AddPerson(t, bert)
	for _, c := range []struct {
		sub, sid string
		left     string
		ended    int
	}{
		{"sub-1", "", "3", 2},
		{"sub-1", "sid-2", "13", 1},
		{"", "sid-1", "23", 1},
		{"sub-9", "", "123", 0},
		{"sub-2", "sid-1", "123", 0},
		{"", "", "123", 0},
	} {
		must(t, p.Sessions.AddSession(ctx, session(a, "1", "sub-1", "sid-1")))
		must(t, p.Sessions.AddSession(ctx, session(a, "2", "sub-1", "sid-2")))
		must(t, p.Sessions.AddSession(ctx, session(b, "3", "sub-2", "sid-3")))
		n, err := p.Sessions.EndSessionsOf(ctx, issuerB, c.sub, c.sid)
		must(t, err)
		if n != 0 {
			t.Errorf("another issuer ended %d sessions", n)
		}
		n, err = p.Sessions.EndSessionsOf(ctx, issuerA, c.sub, c.sid)
		must(t, err)
		left := ""
		for _, id := range []string{"1", "2", "3"} {
			s, err := p.Sessions.Session(ctx, []byte(id))
			if err == nil {
				left += id
				must(t, p.Sessions.EndSession(ctx, s.AccountRef, s.ID))
			}
		}
		if n != c.ended || left != c.left {
			t.Errorf("sub %q, sid %q: ended %d, left %q; want %d, %q", c.sub, c.sid, n, left, c.ended, c.left)
		}
	}
}

func tickets(t *testing.T, p Ports) {
	ctx := context.Background()
	soon := time.Now().Add(time.Hour)
	put := func(kind, id, owner, value string, expires time.Time) {
		t.Helper()
		must(t, p.Tickets.PutTicket(ctx, auth.Ticket{Kind: kind, ID: id, Owner: owner, Value: []byte(value), Expires: expires}))
	}
	put("code", "1", "anna", "one", soon)
	put("code", "2", "anna", "two", soon)
	put("token", "1", "anna", "three", soon)
	put("code", "3", "bert", "four", soon)
	put("code", "gone", "anna", "five", time.Now().Add(-time.Minute))
	put("code", "1", "anna", "one again", soon) // put replaces
	got, err := p.Tickets.Ticket(ctx, 0, "code", "1")
	must(t, err)
	if string(got.Value) != "one again" || got.Owner != "anna" || got.Kind != "code" || got.ID != "1" {
		t.Errorf("came back as %+v", got)
	}
	_, err = p.Tickets.Ticket(ctx, 0, "code", "gone")
	wantErr(t, err, auth.ErrNotFound)
	_, err = p.Tickets.TakeTicket(ctx, 0, "code", "gone")
	wantErr(t, err, auth.ErrNotFound)
	list, err := p.Tickets.TicketsOf(ctx, 0, "code", "anna")
	must(t, err)
	if len(list) != 2 {
		t.Errorf("TicketsOf gives %d, want 2", len(list))
	}
	got, err = p.Tickets.TakeTicket(ctx, 0, "code", "2")
	must(t, err)
	if string(got.Value) != "two" {
		t.Errorf("took %+v", got)
	}
	_, err = p.Tickets.TakeTicket(ctx, 0, "code", "2")
	wantErr(t, err, auth.ErrNotFound)
	must(t, p.Tickets.DeleteTickets(ctx, 0, "code", "anna"))
	_, err = p.Tickets.Ticket(ctx, 0, "code", "1")
	wantErr(t, err, auth.ErrNotFound)
	for _, k := range []string{"token/1", "code/3"} {
		kind, id := k[:len(k)-2], k[len(k)-1:]
		if _, err := p.Tickets.Ticket(ctx, 0, kind, id); err != nil {
			t.Errorf("%s went too: %v", k, err)
		}
	}
}

// ticketsOfTenants: each tenant's are for themselves; one that is nobody's has none.
func ticketsOfTenants(t *testing.T, p Ports) {
	ctx := context.Background()
	tenant := p.AddPerson(t, anna).Tenant
	for _, at := range []int64{tenant, 0} {
		must(t, p.Tickets.PutTicket(ctx, auth.Ticket{
			Tenant: at, Kind: "code", ID: "1", Owner: "anna", Value: fmt.Append(nil, at), Expires: time.Now().Add(time.Hour),
		}))
	}
	for _, at := range []int64{tenant, 0} {
		got, err := p.Tickets.Ticket(ctx, at, "code", "1")
		must(t, err)
		if got.Tenant != at || string(got.Value) != fmt.Sprint(at) {
			t.Errorf("of %d: %+v", at, got)
		}
		list, err := p.Tickets.TicketsOf(ctx, at, "code", "anna")
		must(t, err)
		if len(list) != 1 || list[0].Tenant != at {
			t.Errorf("of %d: %+v", at, list)
		}
	}
	_, err := p.Tickets.Ticket(ctx, tenant+1, "code", "1")
	wantErr(t, err, auth.ErrNotFound)
	_, err = p.Tickets.TakeTicket(ctx, tenant+1, "code", "1")
	wantErr(t, err, auth.ErrNotFound)
	must(t, p.Tickets.DeleteTickets(ctx, tenant, "code", "anna"))
	_, err = p.Tickets.TakeTicket(ctx, tenant, "code", "1")
	wantErr(t, err, auth.ErrNotFound)
	_, err = p.Tickets.TakeTicket(ctx, 0, "code", "1")
	must(t, err)
	for _, at := range []int64{tenant, 0} {
		for _, want := range []bool{true, false} {
			ok, err := p.Tickets.AddTicket(ctx, auth.Ticket{Tenant: at, Kind: "jti", ID: "once", Expires: time.Now().Add(time.Hour)})
			if err != nil || ok != want {
				t.Errorf("of %d: %v, %v", at, ok, err)
			}
		}
	}
}

func ticketsOnce(t *testing.T, p Ports) {
	ctx := context.Background()
	for round := range 5 {
		id := fmt.Sprint("code-", round)
		must(t, p.Tickets.PutTicket(ctx, auth.Ticket{Kind: "code", ID: id, Value: []byte("v"), Expires: time.Now().Add(time.Hour)}))
		var taken atomic.Int32
		each(16, func(int) {
			_, err := p.Tickets.TakeTicket(ctx, 0, "code", id)
			switch {
			case err == nil:
				taken.Add(1)
			case !errors.Is(err, auth.ErrNotFound):
				t.Errorf("taking: %v", err)
			}
		})
		if taken.Load() != 1 {
			t.Fatalf("a ticket was taken %d times", taken.Load())
		}
	}
}

func ticketsAddedOnce(t *testing.T, p Ports) {
	ctx := context.Background()
	var added atomic.Int32
	each(16, func(int) {
		ok, err := p.Tickets.AddTicket(ctx, auth.Ticket{Kind: "jti", ID: "once", Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Errorf("adding: %v", err)
		}
		if ok {
			added.Add(1)
		}
	})
	if added.Load() != 1 {
		t.Fatalf("a ticket was added %d times", added.Load())
	}
}

// each runs f n times at once.
func each(n int, f func(int)) {
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wait.Go(func() { <-start; f(i) })
	}
	close(start)
	wait.Wait()
}

// PortsOf gives the ports of a Memory.
func PortsOf(m *Memory) Ports {
	return Ports{
		People: m, Passwords: m, AppPasswords: m, Sessions: m, Tickets: m, Changes: m, Groups: m,
		AddPerson: func(_ *testing.T, address string, aliases ...string) auth.AccountRef {
			return m.AddPerson(address, aliases...)
		},
		AddShared: func(_ *testing.T, address string, to auth.AccountRef) { m.Grant(address, to) },
		Bind:      func(_ *testing.T, ref auth.AccountRef, issuer, sub string) { m.Bind(ref, issuer, sub) },
		Disable:   func(_ *testing.T, ref auth.AccountRef, disabled bool) { m.Disable(ref, disabled) },
	}
}
