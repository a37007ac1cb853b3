package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"fachwerk/internal/app/config"
)

// Parts of the server that `serve` can run apart from each other. The ops
// listener always runs.
const (
	PartMail   = "mail"   // imap, imaps, lmtp, smtp, submission, submissions and the queue
	PartPortal = "portal" // portal, the embedded provider
	PartDAV    = "dav"    // http: calendars, contacts and files
)

// Parts lists all of them.
func Parts() []string { return []string{PartMail, PartPortal, PartDAV} }

// partOf tells which part a listener belongs to, "" for ops.
func partOf(listener string) string {
	switch listener {
	case "portal", "issuer":
		return PartPortal
	case "http":
		return PartDAV
	case "ops":
		return ""
	}
	return PartMail
}

// Listeners are bound sockets by their key in the configuration: binding comes
// first, so that a port in use is told before anything starts, and port 0 is
// known when addresses are written down.
type Listeners map[string]net.Listener

// bind binds what the parts need.
func bind(ctx context.Context, l *config.Listen, parts []string) (Listeners, error) {
	bound := Listeners{}
	var lc net.ListenConfig
	for _, one := range l.All() {
		if part := partOf(one.Key); one.Address == "" || part != "" && !slices.Contains(parts, part) {
			continue
		}
		listener, err := lc.Listen(ctx, "tcp", one.Address)
		if err != nil {
			bound.Close()
			return nil, fmt.Errorf("listen.%s: %w", one.Key, err)
		}
		bound[one.Key] = listener
	}
	return bound, nil
}

// Address gives the address a listener is bound to, "" if it is off.
func (b Listeners) Address(key string) string {
	if l, ok := b[key]; ok {
		return l.Addr().String()
	}
	return ""
}

// Close closes all.
func (b Listeners) Close() error {
	var errs []error
	for _, l := range b {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
