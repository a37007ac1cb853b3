package main

import (
	"context"
)

// benchStore measures writes on one account, on SQLite and on PostgreSQL with
// half a millisecond of round trip.
func benchStore(ctx context.Context, r *runner) error {
	return r.stream(r.command(ctx, "go", "test", "-run=^$", "-bench=.", "-benchtime=2s", "-count=3",
		"./internal/store/meta/sqlite", "./internal/store/meta/postgres", "./internal/store/content"))
}

// benchMail measures the product beside Dovecot, in alternating runs.
func benchMail(ctx context.Context, r *runner) error {
	return r.stream(r.command(ctx, "go", "test", "-tags=bench", "-count=1", "-timeout=60m", "-v", "./test/bench"))
}

// benchDAV measures the product beside Cyrus, Radicale and Apache, in alternating runs.
func benchDAV(ctx context.Context, r *runner) error {
	return r.stream(r.command(ctx, "go", "test", "-tags=bench", "-count=1", "-timeout=60m", "-v", "./test/davbench"))
}
