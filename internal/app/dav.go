package app

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strconv"
	"time"

	"fachwerk/auth"
	"fachwerk/calendar"
	"fachwerk/contacts"
	"fachwerk/dav"
	"fachwerk/dav/caldav"
	"fachwerk/dav/carddav"
	"fachwerk/dav/webdav"
	"fachwerk/files"
	"fachwerk/internal/resource"
)

// services are what DAV, the portal and the command line do with calendars, address
// books and drives.
type services struct {
	resources *resource.Service
	calendar  *calendar.Service
	files     *files.Service
	people    *people
}

func (in *Installation) services() *services {
	r := resource.New(resource.Options{Store: in.store, Log: in.log})
	return &services{
		resources: r, calendar: calendar.New(calendar.Options{Resources: r}), files: files.New(r),
		people: newPeople(in.store),
	}
}

// buildDAV builds CalDAV, CardDAV and WebDAV on their own origin.
func (s *Server) buildDAV(secure *tls.Config) error {
	if !s.in.cfg.TLS.Web {
		secure = nil
	}
	directory := contacts.NewDirectory(s.services.people, time.Second, nil)
	server, err := dav.New(dav.Config{
		Auth: s.auth, Resources: s.services.resources, People: principals{s.services.people}, Remote: s.in.remote,
		Heads: []dav.Head{
			caldav.New(s.services.calendar),
			carddav.New(carddav.Config{Resources: s.services.resources, Directory: directory}),
			webdav.NewFiles(s.services.files),
			webdav.NewTrash(s.services.files),
		},
		Origin: s.in.cfg.Public.HTTP, Log: s.log,
		Limits:  dav.Limits{Stall: s.in.cfg.Limits.StallTimeout},
		Metrics: s.in.metrics.dav(),
	})
	if err != nil {
		return err
	}
	s.serveStreams("http", server, secure)
	return nil
}

// dav returns what the core calls for each request.
func (m *metrics) dav() dav.Metrics {
	_, _, logins := m.counting("dav")
	return dav.Metrics{
		Request: func(method string, status int, took time.Duration) {
			m.davSeconds.WithLabelValues(method).Observe(took.Seconds())
			m.davStatuses.WithLabelValues(method, strconv.Itoa(status)).Inc()
		},
		Login: logins,
	}
}

// emptyTrash removes what has been in the trash for its time, until ctx ends.
func (s *Server) emptyTrash(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		for {
			more, err := s.services.resources.EmptyTrash(ctx, 100)
			if err != nil && ctx.Err() == nil {
				s.log.Warn("the trash could not be emptied; it will be tried again", "err", err)
			}
			if err != nil || !more {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// davRedirect tells where calendars and contacts are to those that look for them at
// the portal (RFC 6764 section 5).
func davRedirect(pages http.Handler, origin string) http.Handler {
	if origin == "" {
		return pages
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/caldav", "/.well-known/carddav":
			http.Redirect(w, r, origin+"/", http.StatusMovedPermanently)
		default:
			pages.ServeHTTP(w, r)
		}
	})
}

// asPrincipal is a person of the portal as the services below know them.
func (s *services) asPrincipal(ctx context.Context, in *Installation, person auth.AccountRef) (*auth.Principal, error) {
	p, err := in.store.PersonByRef(ctx, person)
	if err != nil {
		return nil, err
	}
	if p.Disabled {
		return nil, auth.ErrNotFound
	}
	return &auth.Principal{
		Tenant: p.Tenant, Account: p.Account, Address: p.Address, DisplayName: p.DisplayName,
		Scopes: auth.AllScopes, Method: auth.BySession,
	}, nil
}

// outside turns errors of resources into those that the portal knows.
func outside(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, resource.ErrNotFound):
		return auth.ErrNotFound
	case errors.Is(err, resource.ErrTemporary):
		return errors.Join(auth.ErrUnavailable, err)
	}
	return err
}
