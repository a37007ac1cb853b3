package caldav

import (
	"context"
	"mime"
	"net/http"
	"strings"

	"fachwerk/dav"
	"fachwerk/internal/resource"
)

// Accept judges the body of a PUT (RFC 4791 5.3.2.1).
func (h *Head) Accept(ctx context.Context, in *dav.Incoming) (resource.Draft, error) {
	if err := mediaType(in.Header.Get("Content-Type")); err != nil {
		return resource.Draft{}, err
	}
	received, err := h.calendar.Receive(in.Target.Collection.Account, in.Body)
	if err != nil {
		return resource.Draft{}, err
	}
	defer received.Close()
	t := in.Target
	at := resource.Place{Collection: t.Collection, Parent: resource.Root, Name: t.Name()}
	d, err := h.calendar.AcceptReceived(ctx, at, t.Item, received)
	if err != nil {
		return resource.Draft{}, h.Refuse(in.Request, t, err)
	}
	return d, nil
}

// mediaType is supported-calendar-data. Clients that say nothing, or that they do not
// know, are judged by what they send.
func mediaType(header string) error {
	if header == "" {
		return nil
	}
	media, params, err := mime.ParseMediaType(header)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(header), ";")
		media = strings.TrimSpace(media)
	}
	charset := params["charset"]
	switch {
	case media != "text/calendar" && media != "application/octet-stream":
		return dav.Refusal(http.StatusForbidden, dav.CalDAV("supported-calendar-data"), "Calendars hold text/calendar and no %s.", media)
	case charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii"):
		return dav.Refusal(http.StatusForbidden, dav.CalDAV("supported-calendar-data"), "Calendar objects are UTF-8 and not %s.", charset)
	}
	return nil
}

// Transfer judges an object that is copied or moved into a calendar.
func (h *Head) Transfer(ctx context.Context, r *dav.Request, from, to *dav.Target) error {
	if from.Level != dav.AtMember {
		return nil
	}
	return h.Refuse(r, to, h.calendar.Fits(ctx, from.Collection, from.Item, to.Collection, to.Item))
}
