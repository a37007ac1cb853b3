package carddav

import (
	"context"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"fachwerk/contacts"
	"fachwerk/dav"
)

// maxRanges bounds what is read of an Accept header; further ones do not count.
const maxRanges = 50

// formats are the media ranges of an Accept header that tell what of cards a program can
// read (RFC 9110 section 12.5.1, RFC 6352 section 5.1.1.1).
type formats struct {
	named    bool // a format of cards is among them
	versions map[contacts.Version]float64
	card     float64 // text/vcard of any version; below 0: it is not named
	text     float64 // text/*
	all      float64 // */*
}

func readAccept(lines []string) formats {
	f := formats{versions: map[contacts.Version]float64{}, card: -1, text: -1, all: -1}
	n := 0
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if n++; n > maxRanges {
				return f
			}
			kind, params, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			quality := 1.0
			if q, err := strconv.ParseFloat(params["q"], 64); err == nil && q >= 0 && q <= 1 {
				quality = q
			}
			f.add(kind, params["version"], quality)
		}
	}
	return f
}

func (f *formats) add(kind, version string, quality float64) {
	switch kind {
	case "text/vcard", "text/x-vcard", "text/directory":
		f.named = true
		if v, ok := contacts.ParseVersion(version); ok {
			f.versions[v] = max(f.versions[v], quality)
		} else if version == "" {
			f.card = max(f.card, quality)
		}
	case "application/vcard+json", "application/vcard+xml":
		f.named = true // and cannot be had here
	case "text/*":
		f.text = max(f.text, quality)
	case "*/*":
		f.all = max(f.all, quality)
	}
}

// takes reports whether a version will do: the most specific range decides.
func (f *formats) takes(v contacts.Version) bool {
	if q, ok := f.versions[v]; ok {
		return q > 0
	}
	for _, q := range []float64{f.card, f.text, f.all} {
		if q >= 0 {
			return q > 0
		}
	}
	return false
}

// Negotiate answers a GET in the other version of vCard where Accept names formats of cards
// and that of the stored one is not among them (RFC 6352 section 5.1.1.1); 406 where none
// that can be had is. A card that will do comes as it is stored, also where another version
// would be liked better: what is converted is never quite the same. A header that names no
// format of cards is passed over.
func (h *Head) Negotiate(ctx context.Context, r *dav.Request, t *dav.Target) ([]byte, error) {
	accept := readAccept(r.Header.Values("Accept"))
	if !accept.named || accept.takes(contacts.Version3) && accept.takes(contacts.Version4) {
		return nil, nil
	}
	if err := r.Load(ctx, []*dav.Target{t}, dav.NeedBody); err != nil || !t.Exists {
		return nil, err
	}
	card, err := contacts.Parse(t.Body)
	if err != nil || accept.takes(card.Version) { // stored before by other rules: better as it is than not at all
		return nil, nil
	}
	for _, v := range []contacts.Version{contacts.Version4, contacts.Version3} {
		if accept.takes(v) {
			return card.Convert(v).Append(make([]byte, 0, len(t.Body))), nil
		}
	}
	return nil, dav.Refusal(http.StatusNotAcceptable, dav.CardDAV("supported-address-data"),
		"Cards can be had as text/vcard of version 3.0 or 4.0.")
}
