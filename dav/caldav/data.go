package caldav

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"fachwerk/calendar"
	"fachwerk/calendar/ical"
	"fachwerk/dav"
	"fachwerk/internal/resource"
)

var dataName = dav.CalDAV("calendar-data")

// work is what one report knows while its answer is written: Value gets it by the
// context.
type work struct {
	retrieval calendar.Retrieval
	floating  *time.Location
	left      int                    // instances that may still be written out
	objects   map[int64]*ical.Object // by item ID: what is parsed already
}

type workKey struct{}

// startWork prepares the calendar-data that a report asks for.
func (h *Head) startWork(ctx context.Context, data *dav.Element, floating *time.Location) (context.Context, *work, error) {
	w := &work{floating: floating, left: h.calendar.Limits().Expanded}
	if data != nil {
		var err error
		if w.retrieval, err = h.retrieval(data); err != nil {
			return ctx, nil, err
		}
		w.objects = map[int64]*ical.Object{}
	}
	return context.WithValue(ctx, workKey{}, w), w, nil
}

// data writes CALDAV:calendar-data. It is no property (RFC 4791 9.6): reports alone
// answer it, and only those that name it.
func (h *Head) data(ctx context.Context, v *dav.Value) (bool, error) {
	if v.Method != "REPORT" || v.Element == nil {
		return false, nil
	}
	w, ok := ctx.Value(workKey{}).(*work)
	if !ok {
		// A report that is not ours, such as sync-collection.
		var err error
		if _, w, err = h.startWork(ctx, v.Element, nil); err != nil {
			return false, err
		}
	}
	if !w.retrieval.Whole() {
		made, err := h.retrieve(ctx, v.Target, w)
		if err != nil {
			return false, explain(err)
		}
		if made != nil {
			defer made.Close()
			text, err := made.Open()
			if err != nil {
				return false, err
			}
			return true, stream(v, text)
		}
	}
	if v.Target.Large() {
		text, _, err := v.Target.Open()
		if err != nil {
			return false, err
		}
		return true, stream(v, text)
	}
	v.XML.Open(dataName)
	v.XML.Bytes(v.Target.Body)
	v.XML.Close(dataName)
	return true, nil
}

// stream writes what may be large.
func stream(v *dav.Value, text io.ReadCloser) error {
	v.XML.Open(dataName)
	err := v.XML.Stream(text)
	v.XML.Close(dataName)
	return errors.Join(err, text.Close())
}

// retrieve makes what is asked for of an object; nil: it is answered as it is stored.
func (h *Head) retrieve(ctx context.Context, t *dav.Target, w *work) (*resource.Received, error) {
	if t.Large() {
		content, size, err := t.Open()
		if err != nil {
			return nil, err
		}
		defer content.Close()
		return h.calendar.RetrieveLarge(ctx, t.Account, w.retrieval, content, size, w.floating, &w.left)
	}
	o := w.objects[t.Item.ID]
	if o == nil {
		var ok bool
		if o, ok = calendar.Stored(t.Body); !ok {
			return nil, nil
		}
	}
	return h.calendar.Retrieve(ctx, t.Account, w.retrieval, o, w.floating, &w.left)
}

// retrieval reads a CALDAV:calendar-data of a request (RFC 4791 9.6).
func (h *Head) retrieval(e *dav.Element) (r calendar.Retrieval, err error) {
	if media, ok := e.Attribute("content-type"); ok && !strings.EqualFold(media, "text/calendar") {
		return r, dav.Refusal(http.StatusForbidden, dav.CalDAV("supported-calendar-data"), "Calendar data is text/calendar and no %s.", media)
	}
	if version, ok := e.Attribute("version"); ok && version != "2.0" {
		return r, dav.Refusal(http.StatusForbidden, dav.CalDAV("supported-calendar-data"), "Calendar data has version 2.0 and not %s.", version)
	}
	count := 0
	for _, c := range e.Children {
		if c.Name.Space != dav.NamespaceCalDAV {
			continue
		}
		switch c.Name.Local {
		case "comp":
			var s calendar.Selection
			s, err = selection(c, &count)
			r.Comp = &s
		case "expand":
			r.Expand, err = h.wholeRange(c)
		case "limit-recurrence-set":
			r.LimitRecurrence, err = h.wholeRange(c)
		case "limit-freebusy-set":
			r.LimitFreeBusy, err = h.wholeRange(c)
		}
		if err != nil {
			return r, err
		}
	}
	if r.Expand != nil && r.LimitRecurrence != nil {
		return r, malformed("expand and limit-recurrence-set exclude each other.")
	}
	return r, nil
}

// selection reads a CALDAV:comp (RFC 4791 9.6.1).
func selection(e *dav.Element, count *int) (s calendar.Selection, err error) {
	name, ok := e.Attribute("name")
	if !ok {
		return s, malformed("A comp has no name.")
	}
	if *count++; *count > maxFilters {
		return s, malformed("There are too many elements in calendar-data.")
	}
	s.Name = strings.ToUpper(name)
	for _, c := range e.Children {
		switch c.Name {
		case dav.CalDAV("allprop"):
			s.AllProps = true
		case dav.CalDAV("allcomp"):
			s.AllComps = true
		case dav.CalDAV("prop"):
			name, ok := c.Attribute("name")
			if *count++; !ok || *count > maxFilters {
				return s, malformed("A prop has no name, or there are too many.")
			}
			novalue, _ := c.Attribute("novalue")
			s.Props = append(s.Props, calendar.SelectedProperty{Name: strings.ToUpper(name), NoValue: novalue == "yes"})
		case dav.CalDAV("comp"):
			sub, err := selection(c, count)
			if err != nil {
				return s, err
			}
			s.Comps = append(s.Comps, sub)
		}
	}
	return s, nil
}

func malformed(why string) error { return dav.Refusal(http.StatusBadRequest, xml.Name{}, "%s", why) }
