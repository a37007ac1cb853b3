package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"fachwerk/internal/app/config"
	"fachwerk/internal/listen"
	"fachwerk/portal"
)

// Parts of the server that `serve` can run apart from each other. The ops
// listener always runs.
const (
	PartMail   = "mail"   // imap, imaps, lmtp, smtp, submission, submissions and the queue
	PartPortal = "portal" // portal, the embedded provider, the control API
	PartDAV    = "dav"    // http: calendars, contacts and files
)

// Parts lists all of them.
func Parts() []string { return []string{PartMail, PartPortal, PartDAV} }

// partOf tells which part a listener belongs to, "" for ops.
func partOf(listener string) string {
	switch strings.TrimPrefix(listener, config.ProxyPrefix) {
	case "portal", "issuer", "admin":
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

// Has tells whether a listener is bound, be it its own or the one with the PROXY
// protocol.
func (b Listeners) Has(key string) bool {
	return b[key] != nil || b[config.ProxyPrefix+key] != nil
}

// relayed makes listeners of load balancers read the PROXY protocol, so that
// throttles, limits and logs see the client.
func (b Listeners) relayed(in *Installation) {
	for key, l := range b {
		protocol, ok := strings.CutPrefix(key, config.ProxyPrefix)
		if !ok {
			continue
		}
		b[key] = listen.Proxy(l, listen.ProxyOptions{
			Trusted: in.cfg.Listen.Proxy.Trusted, Log: in.log.With("listener", key),
			Refused: func(reason string) { in.metrics.refused.WithLabelValues(protocol, "proxy-"+reason).Inc() },
		})
	}
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

// wellKnown are the ports at which load balancers serve (RFC 8314, RFC 9051, RFC 6409).
var wellKnown = map[string]int{"imap": 143, "imaps": 993, "submission": 587, "submissions": 465}

// mailServer describes a listener for the set-up pages, the zero value if it is
// off. The port is that of public.ports; without one the listener's, which may be
// another process's, or the well-known one of a load balancer.
func (s *Server) mailServer(key string, public int64, implicit bool) portal.Server {
	out := portal.Server{Host: s.in.cfg.Public.Name, Port: int(public), TLS: implicit}
	if !s.in.cfg.Listen.Has(key) && !s.listeners.Has(key) {
		return portal.Server{}
	}
	if public != 0 {
		return out
	}
	address := s.listeners.Address(key)
	for _, one := range s.in.cfg.Listen.All() {
		if one.Key == key && address == "" {
			address = one.Address
		}
	}
	out.Port = wellKnown[key]
	if _, text, err := net.SplitHostPort(address); err == nil {
		if port, err := strconv.Atoi(text); err == nil {
			out.Port = port
		}
	}
	return out
}
