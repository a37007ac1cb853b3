package postgres

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	connectTime  = 5 * time.Second
	pingTime     = 5 * time.Second // for a sign of life of a connection that was idle
	keepAlive    = 10 * time.Second
	answerTime   = 20 * time.Second // for the answer to COMMIT
	rollbackTime = 5 * time.Second
	// patience is how long a connection is waited for, and then each answer: a server
	// that hangs, or to which the way is cut without a word, is away after that.
	patience = 30 * time.Second
)

// reach sets how a server is reached: one that takes connections and is silent must
// not hold anybody up.
func reach(c *pgx.ConnConfig) {
	c.ConnectTimeout = connectTime
	c.DialFunc = (&net.Dialer{
		Timeout:         connectTime,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: keepAlive, Count: 3},
		Control:         control,
	}).DialContext
}

// bounded ends with ctx, or when patience does.
func (e *engine) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, e.patience)
}
