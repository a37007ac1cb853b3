package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fachwerk/internal/store/meta"
)

const (
	channel  = "fachwerk" // within the database
	quiet    = 15 * time.Second
	sayTime  = 5 * time.Second
	together = 10 * time.Millisecond // NOTIFY locks all others out at COMMIT, so hints travel together
)

// Carry listens and notifies on one direct connection: a pooler would hand the
// session to somebody else.
func (e *engine) Carry(ctx context.Context, h meta.Hints) error {
	config := e.direct.Copy()
	config.RuntimeParams["application_name"] = "fachwerk hints"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("hints: %w", unavailable(ctx, err))
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if err := e.say(ctx, conn, "LISTEN "+channel); err != nil {
		return err
	}
	h.Connected()
	for ctx.Err() == nil {
		if err := e.hear(ctx, conn, h); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// hear waits for what others say until this process has something to say, and says it.
func (e *engine) hear(ctx context.Context, conn *pgx.Conn, h meta.Hints) error {
	waiting, done := context.WithTimeout(ctx, quiet)
	woken := make(chan bool, 1)
	go func() {
		select {
		case <-h.Wake:
			done()
			woken <- true
		case <-waiting.Done():
			woken <- false
		}
	}()
	var err error
	for err == nil {
		n, e := conn.WaitForNotification(waiting)
		if err = e; err == nil {
			h.Heard(n.Payload)
		}
	}
	interrupted := waiting.Err() != nil
	done()
	say := <-woken
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !interrupted || conn.IsClosed():
		return fmt.Errorf("hints: %w: %w", meta.ErrUnavailable, err)
	case !say: // nothing came for a while: is anybody there?
		return e.say(ctx, conn, "SELECT 1")
	}
	for _, text := range h.Say() {
		if err := e.say(ctx, conn, "SELECT pg_notify($1, $2)", channel, text); err != nil {
			return err
		}
	}
	select {
	case <-time.After(together):
	case <-ctx.Done():
	}
	return nil
}

func (e *engine) say(ctx context.Context, conn *pgx.Conn, sql string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, sayTime)
	defer cancel()
	if _, err := conn.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("hints: %w: %w", meta.ErrUnavailable, err)
	}
	return nil
}
