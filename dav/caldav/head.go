package caldav

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"fachwerk/auth"
	"fachwerk/calendar"
	"fachwerk/dav"
	"fachwerk/internal/resource"
)

// Head is the calendars' side of a dav.Server.
type Head struct{ calendar *calendar.Service }

// New makes the head of a calendar service.
func New(s *calendar.Service) *Head { return &Head{s} }

var (
	_ dav.Head        = (*Head)(nil)
	_ dav.Transferrer = (*Head)(nil)
	_ dav.Refuser     = (*Head)(nil)
)

// Mount says where calendars lie.
func (h *Head) Mount() dav.Mount {
	return dav.Mount{
		Segment:  "calendars",
		Kind:     resource.Calendar,
		Scope:    auth.Calendars,
		HomeSet:  dav.CalDAV("calendar-home-set"),
		Types:    []xml.Name{dav.CalDAV("calendar")},
		Features: []string{"calendar-access"},
		MaxBody:  h.calendar.Limits().Size,
	}
}

// Ensure makes an account's first calendar.
func (h *Head) Ensure(ctx context.Context, a resource.Account) error {
	return h.calendar.Ensure(ctx, a)
}

// ContentType is that of every calendar object resource.
func (h *Head) ContentType(*dav.Target) string { return "text/calendar; charset=utf-8" }

// Refuse names the precondition of a refused write.
func (h *Head) Refuse(_ *dav.Request, t *dav.Target, err error) error {
	if uid := (*resource.UIDError)(nil); errors.As(err, &uid) {
		p := dav.Refusal(http.StatusForbidden, dav.CalDAV("no-uid-conflict"),
			"Another object of this calendar has the same UID, or this one would get another UID.")
		sibling := t.Href[:strings.LastIndexByte(t.Href, '/')+1] + url.PathEscape(uid.Name)
		p.Inner = func(x *dav.XML) { x.Href(sibling) }
		return p
	}
	if errors.Is(err, resource.ErrTooLarge) {
		return dav.Refusal(http.StatusForbidden, dav.CalDAV("max-resource-size"),
			"The object has more than %d bytes.", h.calendar.Limits().Size)
	}
	return explain(err)
}

// explain makes a precondition of a domain's refusal and leaves other errors as they are.
func explain(err error) error {
	var r *calendar.Refusal
	switch {
	case errors.As(err, &r):
		return dav.Refusal(http.StatusForbidden, dav.CalDAV(r.Precondition), "%s", r.Reason)
	case errors.Is(err, calendar.ErrTooMuch):
		return tooMany()
	case errors.Is(err, calendar.ErrCollation):
		return dav.Refusal(http.StatusForbidden, dav.CalDAV("supported-collation"), "That collation is not supported.")
	}
	return err
}

func tooMany() error {
	return dav.Refusal(http.StatusInsufficientStorage, dav.D("number-of-matches-within-limits"),
		"The answer would have too many instances. Ask for a shorter time.")
}
