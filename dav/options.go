package dav

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"fachwerk/internal/resource"
)

// methods are those that a target knows, whether the person may or not.
func (t *Target) methods() []string {
	list := []string{"OPTIONS", "PROPFIND", "REPORT"}
	locks := t.Mount != nil && t.Mount.Root == resource.Root && t.Virtual == nil
	switch {
	case t.Level&(AtRoot|AtPrincipal) != 0:
		list = append(list, "ACL")
	case t.Level == AtHome:
		list = append(list, "PROPPATCH", "ACL")
	case !t.Exists && t.Level == AtCollection:
		list = []string{"OPTIONS", "MKCOL", "MKCALENDAR"}
	case !t.Exists:
		list = []string{"OPTIONS", "PUT", "MKCOL", "MKCALENDAR", "LOCK"}
	case t.Level&(AtCollection|AtFolder) != 0:
		list = append(list, "PROPPATCH", "DELETE", "COPY", "MOVE", "ACL")
	default:
		list = append(list, "GET", "HEAD", "PUT", "DELETE", "COPY", "MOVE", "PROPPATCH", "ACL")
	}
	if t.Exists && locks && t.Level&stored != 0 {
		list = append(list, "LOCK", "UNLOCK")
	}
	if _, ok := t.Head.(Browser); ok && t.Exists && t.Level&(AtCollection|AtFolder|AtRoot) != 0 {
		list = append(list, "GET", "HEAD")
	}
	return list
}

// allowed refuses a method that the target does not know.
func (s *Server) allowed(r *Request, t *Target) error {
	if slices.Contains(t.methods(), r.Method) {
		if t.Exists || r.Method == http.MethodOptions {
			return nil
		}
		if t.orphan {
			return refused(http.StatusConflict, "The folder or collection it should go into does not exist.")
		}
		return nil
	}
	if !t.Exists && !creates(r.Method) {
		return notFound()
	}
	if t.Exists && r.Method == "MKCALENDAR" {
		return taken(r.Method)
	}
	return s.methodNotAllowed(r, t)
}

func (s *Server) methodNotAllowed(r *Request, t *Target) error {
	var list []string
	text := "This method is not known here."
	if t != nil {
		list = t.methods()
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			text = "This is a place for calendar, contacts and file programs, not for a web browser."
		}
	} else {
		for m := range s.methods {
			list = append(list, m)
		}
	}
	slices.Sort(list)
	return &Precondition{Status: http.StatusMethodNotAllowed, Text: text, Header: http.Header{"Allow": {strings.Join(list, ", ")}}}
}

// features is the DAV header (RFC 4918 section 10.1): of a mount, or of all.
func (s *Server) features(m *mount) string {
	list := []string{"1", "2", "3", "access-control", "extended-mkcol"}
	for _, o := range s.order {
		if m == nil || m == o {
			for _, f := range o.Features {
				if !slices.Contains(list, f) {
					list = append(list, f)
				}
			}
		}
	}
	return strings.Join(list, ", ")
}

// options also names, at a home, what makes collections in it: programs look there whether
// they may offer that.
func options(_ context.Context, r *Request, t *Target) error {
	list := t.methods()
	if t.Level == AtHome && t.Mount.Root == resource.Root && !t.Mount.Tree && t.Account.May(resource.Manage) {
		list = append(list, "MKCOL")
		if t.Mount.calendars() {
			list = append(list, "MKCALENDAR")
		}
	}
	return r.s.answerOptions(r, t.mount, list)
}

// calendars reports whether MKCALENDAR makes what the mount holds.
func (m *Mount) calendars() bool { return slices.Contains(m.Features, "calendar-access") }

// anonymousOptions answers by the form of the path, so that it says nothing about what is
// there.
func (s *Server) anonymousOptions(r *Request) error {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.http.URL.Path, "/"), "/")
	list := make([]string, 0, len(s.methods))
	for m := range s.methods {
		list = append(list, m)
	}
	return s.answerOptions(r, s.mounts[first], list)
}

func (s *Server) answerOptions(r *Request, m *mount, methods []string) error {
	slices.Sort(methods)
	h := r.w.Header()
	h.Set("Dav", s.features(m))
	h.Set("Allow", strings.Join(methods, ", "))
	h.Set("Ms-Author-Via", "DAV")
	h.Set("Accept-Ranges", "bytes")
	return r.Answer(http.StatusOK, "", nil)
}

// wellKnown leads clients that know only the host to the context path (RFC 6764 section
// 5), before they sign in.
func (s *Server) wellKnown(r *Request) bool {
	switch strings.TrimSuffix(r.http.URL.Path, "/") {
	case "/.well-known/caldav", "/.well-known/carddav":
	default:
		return false
	}
	r.w.Header().Set("Location", "/")
	r.w.Header().Set("Cache-Control", "max-age=3600")
	r.body(http.StatusMovedPermanently, nil)
	return true
}
