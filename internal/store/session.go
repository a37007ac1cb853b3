package store

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

const sessionColumns = `SELECT p.tenant_id, p.account_id, p.session_id, p.issuer, p.sub, p.sid, p.user_agent,
	p.created_at, p.auth_at, p.seen_at, p.expires_at, p.sealed FROM portal_session p
	JOIN account a ON a.tenant_id = p.tenant_id AND a.account_id = p.account_id
	WHERE a.state = 0 AND p.expires_at > {now}`

func (s *Store) sessions(ctx context.Context, at *site, where string, args ...any) (list []auth.Session, err error) {
	err = at.view(ctx, func(r meta.Rows) error {
		var v auth.Session
		var created, authAt, seen, expires int64
		var sealed []byte
		err := r.Scan(&v.Tenant, &v.Account, &v.ID, &v.Issuer, &v.Subject, &v.SID, &v.UserAgent,
			&created, &authAt, &seen, &expires, &sealed)
		if err != nil {
			return err
		}
		v.Created, v.AuthTime, v.Seen, v.Expires = timeOf(created), timeOf(authAt), timeOf(seen), timeOf(expires)
		v.Secret, err = s.keys.OpenSmall("portal-session", v.ID, sealed)
		list = append(list, v)
		return err
	}, sessionColumns+where, args...)
	return list, loginError(err)
}

// siteTurn is how long one site is waited for alone, before the next is asked too.
const siteTurn = 300 * time.Millisecond

// Session implements auth.Sessions. Whose it is, is not known before it is found: one
// site after the other is asked, and one that hangs keeps nobody from the next.
func (s *Store) Session(ctx context.Context, id []byte) (auth.Session, error) {
	type answer struct {
		list []auth.Session
		err  error
	}
	answers := make(chan answer, len(s.sites))
	var missed error
	asked, heard := 0, 0
	for heard < len(s.sites) {
		var turn <-chan time.Time
		if asked < len(s.sites) {
			at := s.sites[asked]
			asked++
			go func() {
				list, err := s.sessions(ctx, at, ` AND p.session_id = $1`, id)
				answers <- answer{list, err}
			}()
			if asked < len(s.sites) {
				turn = time.After(siteTurn)
			}
		}
		select {
		case a := <-answers:
			heard++
			if len(a.list) > 0 && a.err == nil {
				return a.list[0], nil
			}
			missed = errors.Join(missed, a.err)
		case <-turn:
		}
	}
	if missed == nil {
		missed = auth.ErrNotFound
	}
	return auth.Session{}, missed
}

// SessionsOf implements auth.Sessions.
func (s *Store) SessionsOf(ctx context.Context, ref auth.AccountRef) ([]auth.Session, error) {
	return s.sessions(ctx, s.at(ctx, ref.Tenant), ` AND p.tenant_id = $1 AND p.account_id = $2 ORDER BY p.seen_at DESC`, ref.Tenant, ref.Account)
}

// AddSession implements auth.Sessions.
func (s *Store) AddSession(ctx context.Context, v auth.Session) error {
	if err := s.admit(ctx, v.Tenant, location.Login); err != nil {
		return loginError(err)
	}
	_, err := s.at(ctx, v.Tenant).exec(ctx, `INSERT INTO portal_session (tenant_id, account_id, session_id, issuer, sub, sid, user_agent,
		created_at, auth_at, seen_at, expires_at, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, {now}, $8, {now}, $9, $10)`,
		v.Tenant, v.Account, v.ID, v.Issuer, v.Subject, v.SID, v.UserAgent,
		microsOf(v.AuthTime), microsOf(v.Expires), s.keys.SealSmall("portal-session", v.ID, v.Secret))
	return loginError(err)
}

// TouchSession implements auth.Sessions.
func (s *Store) TouchSession(ctx context.Context, ref auth.AccountRef, id []byte) error {
	if err := s.admit(ctx, ref.Tenant, location.Login); err != nil {
		return loginError(err)
	}
	_, err := s.at(ctx, ref.Tenant).exec(ctx, `UPDATE portal_session SET seen_at = {now} WHERE tenant_id = $1 AND account_id = $2 AND session_id = $3`,
		ref.Tenant, ref.Account, id)
	return loginError(err)
}

// EndSession implements auth.Sessions. That it has ended is remembered, as a change of
// the login is.
func (s *Store) EndSession(ctx context.Context, ref auth.AccountRef, id []byte) error {
	return loginError(s.changeLogin(ctx, keyOf(ref), func(tx meta.Tx) error {
		return errNothing(execIn(ctx, tx, `DELETE FROM portal_session WHERE tenant_id = $1 AND account_id = $2 AND session_id = $3`,
			ref.Tenant, ref.Account, id))
	}))
}

// EndSessionsOf implements auth.Sessions. All sites are asked at the same time: one that
// is silent leaves no session open at another. It is remembered as with EndSession.
func (s *Store) EndSessionsOf(ctx context.Context, issuer, sub, sid string) (ended int, err error) {
	var mu sync.Mutex
	s.eachSite(ctx, func(ctx context.Context, at *site) error {
		n, of, failed := at.endSessionsOf(ctx, issuer, sub, sid)
		if failed == nil && len(of) > 0 {
			s.promiseAt(ctx, at, of)
			s.announceAll(of)
		}
		mu.Lock()
		defer mu.Unlock()
		ended, err = ended+int(n), errors.Join(err, failed)
		return failed
	})
	return ended, loginError(err)
}

// endSessionsOf answers how many sessions it has ended, and of whom.
func (at *site) endSessionsOf(ctx context.Context, issuer, sub, sid string) (ended int64, of []Key, err error) {
	const which = `FROM portal_session WHERE issuer = $1 AND (sub = $2 OR $2 = '') AND (sid = $3 OR $3 = '') AND NOT ($2 = '' AND $3 = '')`
	err = at.update(ctx, func(tx meta.Tx) (err error) {
		of = nil
		err = query(ctx, tx, func(r meta.Rows) error {
			var k Key
			err := r.Scan(&k.Tenant, &k.Account)
			of = append(of, k)
			return err
		}, `UPDATE account SET modseq = modseq + 1 WHERE state <> 2 AND (tenant_id, account_id) IN (SELECT tenant_id, account_id `+which+`)
			RETURNING tenant_id, account_id`, issuer, sub, sid)
		if err != nil {
			return err
		}
		ended, err = execIn(ctx, tx, `DELETE `+which, issuer, sub, sid)
		return err
	})
	return ended, of, err
}

// ticketSite is where a ticket lies: at the home of the tenant whose person it tells of.
// Before somebody has signed in there is none to go by, nor for what is the
// installation's: that lies in the directory's database.
func (s *Store) ticketSite(ctx context.Context, tenant int64) *site {
	if tenant == 0 {
		return s.directory
	}
	return s.at(ctx, tenant)
}

func ticketAAD(tenant int64, kind, id string) []byte {
	aad := kind + "\x00" + id
	if tenant != 0 {
		aad += "\x00" + strconv.FormatInt(tenant, 10)
	}
	return []byte(aad)
}

// PutTicket implements auth.Tickets.
func (s *Store) PutTicket(ctx context.Context, t auth.Ticket) error {
	_, err := s.insertTicket(ctx, t, `ON CONFLICT (tenant_id, kind, id) DO UPDATE
		SET owner = excluded.owner, sealed = excluded.sealed, expires_at = excluded.expires_at`)
	return err
}

// AddTicket implements auth.Tickets. An expired one in the way is replaced.
func (s *Store) AddTicket(ctx context.Context, t auth.Ticket) (bool, error) {
	n, err := s.insertTicket(ctx, t, `ON CONFLICT (tenant_id, kind, id) DO UPDATE
		SET owner = excluded.owner, sealed = excluded.sealed, expires_at = excluded.expires_at
		WHERE ticket.expires_at <= {now}`)
	return n > 0, err
}

func (s *Store) insertTicket(ctx context.Context, t auth.Ticket, conflict string) (int64, error) {
	if t.Tenant != 0 {
		if err := s.admit(ctx, t.Tenant, location.Login); err != nil {
			return 0, loginError(err)
		}
	}
	sealed, err := s.sealTicket(t)
	if err != nil {
		return 0, loginError(outer(err))
	}
	// How long it lasts is this machine's word, when that is the database's: a sign-in takes
	// minutes, and clocks that are minutes apart must not end it before it has begun.
	n, err := s.ticketSite(ctx, t.Tenant).exec(ctx, `INSERT INTO ticket (tenant_id, kind, id, owner, sealed, expires_at)
		VALUES ($1, $2, $3, $4, $5, CAST($6 AS BIGINT) + {now}) `+conflict,
		t.Tenant, t.Kind, t.ID, t.Owner, sealed, time.Until(t.Expires).Microseconds())
	return n, loginError(err)
}

// sealTicket seals a ticket's value under the key of the tenant whose person it tells of,
// so that it is as unreadable as all else once that is destroyed.
func (s *Store) sealTicket(t auth.Ticket) ([]byte, error) {
	aad := ticketAAD(t.Tenant, t.Kind, t.ID)
	if t.Tenant == 0 {
		return s.keys.SealSmall("ticket", aad, t.Value), nil
	}
	return s.keys.SealTenantSmall(t.Tenant, "ticket", aad, t.Value)
}

// scanTickets reads rows into list, with values that are sealed still.
func scanTickets(list *[]auth.Ticket) func(meta.Rows) error {
	return func(r meta.Rows) error {
		var t auth.Ticket
		var expires int64
		err := r.Scan(&t.Tenant, &t.Kind, &t.ID, &t.Owner, &t.Value, &expires)
		t.Expires = timeOf(expires)
		*list = append(*list, t)
		return err
	}
}

func (s *Store) openTickets(list []auth.Ticket, err error) ([]auth.Ticket, error) {
	for i := range list {
		t := &list[i]
		aad := ticketAAD(t.Tenant, t.Kind, t.ID)
		switch {
		case err != nil:
		case t.Tenant == 0:
			t.Value, err = s.keys.OpenSmall("ticket", aad, t.Value)
		default:
			t.Value, err = s.keys.OpenTenantSmall(t.Tenant, "ticket", aad, t.Value)
		}
	}
	if err != nil {
		return nil, loginError(outer(err))
	}
	return list, nil
}

func (s *Store) firstTicket(list []auth.Ticket, err error) (auth.Ticket, error) {
	if list, err = s.openTickets(list, err); err != nil {
		return auth.Ticket{}, err
	}
	if len(list) == 0 {
		return auth.Ticket{}, auth.ErrNotFound
	}
	return list[0], nil
}

// Ticket implements auth.Tickets.
func (s *Store) Ticket(ctx context.Context, tenant int64, kind, id string) (auth.Ticket, error) {
	var list []auth.Ticket
	err := s.ticketSite(ctx, tenant).view(ctx, scanTickets(&list), `SELECT tenant_id, kind, id, owner, sealed, expires_at FROM ticket
		WHERE tenant_id = $1 AND kind = $2 AND id = $3 AND expires_at > {now}`, tenant, kind, id)
	return s.firstTicket(list, err)
}

// TakeTicket implements auth.Tickets.
func (s *Store) TakeTicket(ctx context.Context, tenant int64, kind, id string) (auth.Ticket, error) {
	var list []auth.Ticket
	err := s.ticketSite(ctx, tenant).update(ctx, func(tx meta.Tx) error {
		list = nil
		return query(ctx, tx, scanTickets(&list), `DELETE FROM ticket
			WHERE tenant_id = $1 AND kind = $2 AND id = $3 AND expires_at > {now}
			RETURNING tenant_id, kind, id, owner, sealed, expires_at`, tenant, kind, id)
	})
	return s.firstTicket(list, err)
}

// TicketsOf implements auth.Tickets.
func (s *Store) TicketsOf(ctx context.Context, tenant int64, kind, owner string) (list []auth.Ticket, err error) {
	err = s.ticketSite(ctx, tenant).view(ctx, scanTickets(&list), `SELECT tenant_id, kind, id, owner, sealed, expires_at FROM ticket
		WHERE tenant_id = $1 AND kind = $2 AND owner = $3 AND owner <> '' AND expires_at > {now} ORDER BY expires_at, id`,
		tenant, kind, owner)
	return s.openTickets(list, err)
}

// DeleteTickets implements auth.Tickets.
func (s *Store) DeleteTickets(ctx context.Context, tenant int64, kind, owner string) error {
	_, err := s.ticketSite(ctx, tenant).exec(ctx, `DELETE FROM ticket WHERE tenant_id = $1 AND kind = $2 AND owner = $3 AND owner <> ''`,
		tenant, kind, owner)
	return loginError(err)
}

// expireLogin removes sessions, tickets and failed sign-ins whose time is over.
func (at *site) expireLogin(ctx context.Context) error {
	return at.update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec(`DELETE FROM portal_session WHERE expires_at <= {now}`)
		b.Exec(`DELETE FROM ticket WHERE expires_at <= {now}`)
		expireThrottle(&b)
		return tx.Run(ctx, &b)
	})
}
