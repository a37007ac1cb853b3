package importing

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"

	"fachwerk/internal/resource"
)

// Home is a server's calendars or address books as a Source. A domain says how they
// are found and described.
type Home struct {
	Client *Client
	User   string
	// Type is the resourcetype of its collections.
	Type xml.Name
	// WellKnown is where a server tells of its service (RFC 6764 section 5).
	WellKnown string
	// Find discovers the hrefs of the collections below an address, by one of
	// go-webdav's clients.
	Find func(ctx context.Context, address string) ([]string, error)
	// Props are asked for of each collection, and Describe makes its properties here
	// of them.
	Props    []xml.Name
	Describe func(r *Resource) []resource.Property
	// Suffix is that of objects whose name has none.
	Suffix string
}

// Collections finds those of the user. The address may be a collection itself.
func (h *Home) Collections(ctx context.Context) ([]Collection, error) {
	props := append([]xml.Name{ResourceType, DisplayName}, h.Props...)
	base := h.Client.Base.String()
	if own, err := h.Client.Propfind(ctx, base, 0, props...); err == nil && len(own) == 1 && own[0].Is(h.Type) {
		return []Collection{h.collection(&own[0])}, nil
	} else if err != nil && (!isFinal(err) || errors.Is(err, errPassword)) {
		return nil, err
	}
	hrefs, err := h.find(ctx, base)
	if err != nil {
		return nil, err
	}
	var list []Collection
	for _, href := range hrefs {
		own, err := h.Client.Propfind(ctx, href, 0, props...)
		if err != nil {
			return nil, err
		}
		for i := range own {
			if own[i].Is(h.Type) {
				list = append(list, h.collection(&own[i]))
			}
		}
	}
	return list, nil
}

// find tries the address and then the well-known one.
func (h *Home) find(ctx context.Context, base string) ([]string, error) {
	hrefs, err := h.Find(ctx, base)
	if err == nil && len(hrefs) > 0 {
		return hrefs, nil
	}
	known, otherErr := h.Client.locate(ctx, h.WellKnown)
	if otherErr != nil {
		if err == nil {
			return nil, nil // nothing is there
		}
		return nil, err
	}
	if hrefs, otherErr = h.Find(ctx, known); otherErr != nil {
		if err == nil {
			err = otherErr
		}
		return nil, err
	}
	return hrefs, nil
}

// locate follows the redirect of a well-known address.
func (c *Client) locate(ctx context.Context, wellKnown string) (string, error) {
	r, err := c.request(ctx, "PROPFIND", wellKnown, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Depth", "0")
	answer, err := c.send(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusMultiStatus {
		return "", status(answer)
	}
	return answer.Request.URL.String(), nil
}

func (h *Home) collection(r *Resource) Collection {
	c := Collection{Source: r.Href, Title: r.Text(DisplayName), Target: Segment(r.Base()), Properties: h.Describe(r),
		ID: []string{h.Client.Base.Scheme, h.Client.Base.Host, h.User, r.Key()}}
	if c.Title == "" {
		c.Title = r.Base()
	}
	return c
}

// List reads names and ETags of the members.
func (h *Home) List(ctx context.Context, c *Collection) ([]Entry, []Failure, error) {
	members, err := h.Client.Members(ctx, c.Source, ETag, Length, LastModified)
	if err != nil {
		return nil, nil, err
	}
	var list []Entry
	for i := range members {
		r := &members[i]
		if r.Collection() {
			continue // no object can be one
		}
		list = append(list, Entry{Name: r.Base(), Path: []string{ObjectName(r.Base(), h.Suffix)}, Href: r.Href, Version: r.Version(),
			Size: r.Size(), Modified: r.Modified()})
	}
	return list, nil, nil
}

// Open begins to read an object.
func (h *Home) Open(ctx context.Context, _ *Collection, e *Entry) (*Content, error) {
	return h.Client.Open(ctx, e)
}

// Open begins to read a resource.
func (c *Client) Open(ctx context.Context, e *Entry) (*Content, error) {
	answer, err := c.Get(ctx, e.Href)
	if err != nil {
		return nil, err
	}
	content := &Content{Body: answer.Body, Size: answer.ContentLength, Checksum: answer.Header.Get("OC-Checksum"),
		Open: endsByClosing(answer)}
	if t, err := http.ParseTime(answer.Header.Get("Last-Modified")); err == nil {
		content.Modified = t
	}
	if answer.Header.Get("Content-Encoding") != "" {
		answer.Body.Close()
		return nil, final(fmt.Errorf("%w gives it compressed, though nobody asked for that", ErrSource))
	}
	return content, nil
}

// endsByClosing reports whether nothing but the end of the connection says where an
// answer ends (RFC 9112 section 6.3, number 8), so that one that broke off looks whole.
func endsByClosing(answer *http.Response) bool {
	return answer.ProtoMajor < 2 && answer.ContentLength < 0 && len(answer.TransferEncoding) == 0
}
