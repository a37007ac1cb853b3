package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/app/config"
	"fachwerk/internal/listen"
	"fachwerk/location"
	"fachwerk/mail"
	"fachwerk/mail/imap"
	"fachwerk/mail/queue"
	"fachwerk/mail/smtp"
)

// maintainEvery is how often the store's background work runs.
const maintainEvery = 10 * time.Minute

// calm is how many bytes of memory that nobody uses are held while serving. They are
// never touched, so the kernel gives none for them; but the garbage collector, which
// runs when the heap has doubled, counts them, and does not run hundreds of times a
// second on the few megabytes that an idle server's heap is: a fifth of the processor
// time of listings. A large heap is collected as always.
const calm = 16 << 20

// A head is something that serves a listener and can be told to stop.
type head struct {
	key   string // of its listener
	serve func(net.Listener) error
}

// stopper ends a server's connections: when they have done what they were at,
// or when ctx ends.
type stopper func(ctx context.Context) error

// Server is an installation that serves.
type Server struct {
	in        *Installation
	log       *slog.Logger
	listeners Listeners
	ops       *ops
	auth      *auth.Authenticator
	mail      *mail.Service
	services  *services
	verifier  *location.Verifier
	queue     *queue.Queue // nil without PartMail
	heads     []head
	stops     []stopper
	closers   []func() error // bottom up, called in reverse
}

// newServer builds all heads for bound listeners. It owns listeners and o, which
// serves its own already.
func newServer(ctx context.Context, in *Installation, listeners Listeners, parts []string, o *ops) (s *Server, err error) {
	s = &Server{in: in, log: in.log, listeners: listeners, ops: o}
	o.in.Store(in)
	s.closers = append(s.closers, o.close)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
			s = nil
		}
	}()
	unlock, err := lockServed(in.cfg, parts)
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, func() error { unlock(); return nil })
	if err := in.atStart(ctx); err != nil {
		return s, err
	}
	secure, err := s.secure()
	if err != nil {
		return s, err
	}
	listeners.relayed(in)
	if s.verifier, err = in.durable(ctx); err != nil {
		return s, err
	}
	s.mail = in.mailService()
	s.closers = append(s.closers, s.mail.Close)
	s.services = in.services()
	throttle := auth.NewThrottle(auth.ThrottleLimits{}, nil).Share(in.store, in.keys.Derive("throttle/1"), in.log)
	tell := notifier{mail: s.mail, host: in.cfg.Public.Name, now: time.Now}
	s.auth, err = in.authenticator(throttle, tell)
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, func() error { s.auth.Close(); return nil })
	if slices.Contains(parts, PartMail) {
		if err := s.buildMail(secure); err != nil {
			return s, err
		}
	}
	if slices.Contains(parts, PartPortal) {
		if err := s.buildWeb(secure, throttle, tell); err != nil {
			return s, err
		}
	}
	if slices.Contains(parts, PartDAV) {
		if err := s.buildDAV(secure); err != nil {
			return s, err
		}
	}
	return s, nil
}

// secure gives the TLS configuration, nil where no certificate is configured.
func (s *Server) secure() (*tls.Config, error) {
	set, err := s.in.certificates()
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	if set == nil {
		return nil, nil
	}
	return tlsConfig(set), nil
}

func (s *Server) buildMail(secure *tls.Config) (err error) {
	if s.queue, err = s.in.newQueue(s.mail); err != nil {
		return err
	}
	imapd := s.in.imapServer(s.mail, s.auth, speaking(secure, alpnIMAP))
	s.add("imap", imapd.Serve)
	s.add("imaps", imapd.ServeTLS)
	s.stops = append(s.stops, imapd.Shutdown)
	for _, one := range []struct {
		mode          smtp.Mode
		plain, secure string
		queue         *queue.Queue
		auth          *auth.Authenticator
	}{
		{smtp.LMTP, "lmtp", "", nil, nil},
		{smtp.Relay, "smtp", "", s.queue, nil},
		{smtp.Submission, "submission", "submissions", s.queue, s.auth},
	} {
		srv, err := s.in.smtpServer(one.mode, s.mail, one.queue, one.auth, speaking(secure, alpnSMTP))
		if err != nil {
			return fmt.Errorf("%s: %w", one.mode, err)
		}
		s.add(one.plain, srv.Serve)
		s.add(one.secure, srv.ServeTLS)
		s.stops = append(s.stops, srv.Shutdown)
	}
	return nil
}

// add serves a listener if it is bound, and the one like it behind load balancers.
func (s *Server) add(key string, serve func(net.Listener) error) {
	for _, k := range []string{key, config.ProxyPrefix + key} {
		if _, ok := s.listeners[k]; ok {
			s.heads = append(s.heads, head{k, serve})
		}
	}
}

// serveHTTP serves a listener by HTTP, with TLS if secure is not nil. Times and
// sizes are bounded: a client that says nothing holds no connection for long.
func (s *Server) serveHTTP(key string, h http.Handler, secure *tls.Config) {
	if s.listeners.Has(key) {
		s.serveWith(key, h, time.Minute, 2*time.Minute, secure)
	}
}

// serveStreams serves one whose bodies take as long as they take: the handler sets
// deadlines while bytes move.
func (s *Server) serveStreams(key string, h http.Handler, secure *tls.Config) {
	if s.listeners.Has(key) {
		s.serveWith(key, h, 0, 0, secure)
	}
}

// serveWith takes the longest times that a whole request and its answer may take; 0 is
// no bound.
func (s *Server) serveWith(key string, h http.Handler, read, write time.Duration, secure *tls.Config) {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: read, WriteTimeout: write,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.With("listener", key).Handler(), slog.LevelDebug),
	}
	if secure != nil {
		srv.TLSConfig = secure.Clone()
	}
	limit := s.in.connectionLimit(key, s.log)
	s.add(key, func(l net.Listener) error {
		l = limit.Listener(l)
		if secure != nil {
			return srv.ServeTLS(l, "", "")
		}
		return srv.Serve(l)
	})
	s.stops = append(s.stops, func(ctx context.Context) error {
		err := srv.Shutdown(ctx)
		return errors.Join(err, srv.Close())
	})
}

// connectionLimit bounds the connections of a web listener as those of mail are.
func (in *Installation) connectionLimit(key string, log *slog.Logger) *listen.Limit {
	_, refused, _ := in.metrics.counting(key)
	return listen.NewLimit(listen.LimitOptions{
		Connections: int(in.cfg.Limits.Connections), PerNetwork: int(in.cfg.Limits.ConnectionsPerAddress),
		Exempt: in.cfg.HTTP.Proxies,
		Refused: func(remote netip.Addr) {
			refused("limit")
			log.Debug("connection refused, too many", "listener", key, "remote", remote)
		},
	})
}

// closed reports whether a serve function ended because it was told to.
func closed(err error) bool {
	return err == nil || errors.Is(err, imap.ErrServerClosed) || errors.Is(err, smtp.ErrServerClosed) ||
		errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed)
}

// Run serves until ctx ends, then stops cleanly: it is no longer ready, which load
// balancers have limits.withdraw to notice; then there are no new connections, open
// work gets limits.drain to end (what a smarthost has and has not answered for gets
// answerWait at least), and everything closes top down, readiness last. started, if not
// nil, is called once every listener is served. A listener that fails ends the
// server with its error.
func (s *Server) Run(ctx context.Context, started func()) error {
	untouched := make([]byte, calm)
	defer runtime.KeepAlive(untouched)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	failed := make(chan error, len(s.heads))
	var heads, background sync.WaitGroup
	for _, h := range s.heads {
		heads.Go(func() {
			if err := h.serve(s.listeners[h.key]); !closed(err) {
				failed <- fmt.Errorf("listen.%s: %w", h.key, err)
			}
		})
	}
	background.Go(func() { s.in.store.Maintain(running, maintainEvery) })
	background.Go(func() { s.emptyTrash(running, maintainEvery) })
	sending, endSending := context.WithCancel(running)
	if s.queue != nil {
		background.Go(func() { _ = s.queue.Run(sending) }) // its error is the context's
	}
	background.Go(func() { s.verifier.Run(running) })
	background.Go(func() { s.in.clock.run(running, s.in.databases()) })
	s.ops.state.Store(opsServing)
	s.log.Info("serving", "version", Version(), "listeners", s.addresses())
	if started != nil {
		started()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-s.ops.failed:
	}
	s.ops.state.Store(opsStopping)
	if err != nil {
		s.log.Error("a listener failed, stopping", "error", err)
	} else if wait := s.in.cfg.Limits.Withdraw; wait > 0 {
		s.log.Info("no longer ready; listeners close soon", "withdraw", wait.String())
		time.Sleep(wait) // a second signal ends the process
	}
	s.log.Info("stopping", "drain", s.in.cfg.Limits.Drain.String())
	endSending() // side by side with the connections, so that nobody waits for both in turn
	stopErr := s.stop()
	heads.Wait()
	cancel()
	background.Wait()
	err = errors.Join(err, stopErr, s.close())
	s.log.Info("stopped")
	return err
}

// stop ends all connections side by side. Those that outlast the drain time are
// cut, which is no error: nothing unacknowledged is lost to the client.
func (s *Server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.in.cfg.Limits.Drain)
	defer cancel()
	errs := make([]error, len(s.stops))
	var all sync.WaitGroup
	for i, stop := range s.stops {
		all.Go(func() { errs[i] = stop(ctx) })
	}
	all.Wait()
	var real []error
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !closed(err) {
			real = append(real, err)
		}
	}
	return errors.Join(real...)
}

// close closes the parts in the reverse order of their making. The installation
// stays open: it is its opener's.
func (s *Server) close() error {
	errs := []error{s.listeners.Close()}
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

func (s *Server) addresses() map[string]string {
	out := map[string]string{}
	for key, l := range s.listeners {
		out[key] = l.Addr().String()
	}
	return out
}

// Serve runs the named parts of an installation, all if none is named, until ctx
// ends.
func Serve(ctx context.Context, w Where, parts []string, logTo io.Writer) error {
	c, err := w.Load()
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		parts = Parts()
	}
	listeners, err := bind(ctx, &c.Listen, parts)
	if err != nil {
		return err
	}
	log := NewLog(logTo, c.Log)
	o := newOps(log)
	o.begin(listeners["ops"])
	in, err := open(ctx, c, log, Renewal{})
	if err != nil {
		return errors.Join(err, o.close(), listeners.Close())
	}
	s, err := newServer(ctx, in, listeners, parts, o)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	return errors.Join(s.Run(ctx, nil), in.Close())
}
