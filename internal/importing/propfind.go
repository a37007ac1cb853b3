package importing

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Namespaces of what sources are asked for.
const (
	dav   = "DAV:"
	apple = "http://apple.com/ns/ical/"
)

// Property names that more than one import asks for.
var (
	ResourceType = xml.Name{Space: dav, Local: "resourcetype"}
	DisplayName  = xml.Name{Space: dav, Local: "displayname"}
	ETag         = xml.Name{Space: dav, Local: "getetag"}
	Length       = xml.Name{Space: dav, Local: "getcontentlength"}
	LastModified = xml.Name{Space: dav, Local: "getlastmodified"}
	Color        = xml.Name{Space: apple, Local: "calendar-color"}
	Order        = xml.Name{Space: apple, Local: "calendar-order"}
	folder       = xml.Name{Space: dav, Local: "collection"}
)

// Resource is what a source says about one of its resources.
type Resource struct {
	Href  string   // as the source wrote it, made absolute on its server
	Path  []string // the names of its path, decoded
	props []Element
}

// Prop answers a property that the source has; nil where it has none.
func (r *Resource) Prop(name xml.Name) *Element {
	for i := range r.props {
		if r.props[i].Name == name {
			return &r.props[i]
		}
	}
	return nil
}

// Text is the text of a property, "" where there is none.
func (r *Resource) Text(name xml.Name) string {
	if e := r.Prop(name); e != nil {
		return e.Text
	}
	return ""
}

// Is reports whether the resource has a type.
func (r *Resource) Is(resourceType xml.Name) bool {
	return r.Prop(ResourceType).Child(resourceType) != nil
}

// Collection reports whether it has members.
func (r *Resource) Collection() bool { return r.Is(folder) }

// Base is the last name of its path, "" of the root.
func (r *Resource) Base() string {
	if len(r.Path) == 0 {
		return ""
	}
	return r.Path[len(r.Path)-1]
}

// Key names it on its server, whatever form its href has.
func (r *Resource) Key() string { return Key(r.Path) }

// Key joins the names of a path.
func Key(path []string) string {
	names := slices.Clone(path)
	for i := range names {
		names[i] = strings.ReplaceAll(names[i], "/", "%2F")
	}
	return strings.Join(names, "/")
}

// Size is its length in bytes, -1 where the source does not say.
func (r *Resource) Size() int64 {
	n, err := strconv.ParseInt(r.Text(Length), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// Modified is when it was last modified, zero where the source does not say.
func (r *Resource) Modified() time.Time {
	t, _ := http.ParseTime(r.Text(LastModified)) // the zero time where it is none
	return t
}

// Version is the ETag, or size and time where there is none.
func (r *Resource) Version() string {
	if tag := r.Text(ETag); tag != "" {
		return tag
	}
	if r.Text(LastModified) == "" {
		return ""
	}
	return r.Text(Length) + " " + r.Text(LastModified)
}

// maxMembers bounds a listing.
const maxMembers = 2_000_000

// Propfind asks for properties of a resource (depth 0) or of it and its members
// (depth 1; RFC 4918 9.1).
func (c *Client) Propfind(ctx context.Context, href string, depth int, props ...xml.Name) ([]Resource, error) {
	r, err := c.request(ctx, "PROPFIND", href, bytes.NewReader(propfindBody(props)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/xml; charset=utf-8")
	r.Header.Set("Depth", strconv.Itoa(depth))
	answer, err := c.send(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if err := status(answer); err != nil {
		return nil, fmt.Errorf("PROPFIND %s: %w", href, err)
	}
	if answer.StatusCode != http.StatusMultiStatus {
		return nil, final(fmt.Errorf("PROPFIND %s: %w does not speak WebDAV there", href, ErrSource))
	}
	var list []Resource
	err = responses(answer.Body, func(e *Element) error {
		if len(list) == maxMembers {
			return final(fmt.Errorf("it has more than %d members", maxMembers))
		}
		if one, ok := c.resource(e); ok {
			list = append(list, one)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("PROPFIND %s: %w: %w", href, ErrSource, err)
	}
	return list, nil
}

func propfindBody(names []xml.Name) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>`)
	for _, n := range names { // names are ours and need no escaping
		fmt.Fprintf(&b, `<%s xmlns="%s"/>`, n.Local, n.Space)
	}
	b.WriteString(`</prop></propfind>`)
	return b.Bytes()
}

// resource reads one response. Of an address the path alone counts: some servers do
// not know by which name they are reached, and no other server is asked.
func (c *Client) resource(e *Element) (Resource, bool) {
	href := e.Child(xml.Name{Space: dav, Local: "href"})
	if href == nil {
		return Resource{}, false
	}
	u, err := c.Base.Parse(href.Text)
	if err != nil {
		return Resource{}, false
	}
	r := Resource{Href: (&url.URL{Scheme: c.Base.Scheme, Host: c.Base.Host, Path: u.Path, RawPath: u.RawPath}).String(), Path: names(u)}
	for i := range e.Children {
		stat := &e.Children[i]
		if stat.Name.Local != "propstat" || !strings.Contains(stat.Child(xml.Name{Space: dav, Local: "status"}).text(), " 200") {
			continue
		}
		if prop := stat.Child(xml.Name{Space: dav, Local: "prop"}); prop != nil {
			r.props = append(r.props, prop.Children...)
		}
	}
	return r, true
}

func (e *Element) text() string {
	if e == nil {
		return ""
	}
	return e.Text
}

// names are the segments of a path, decoded one by one: a name may have a slash.
func names(u *url.URL) []string {
	var list []string
	for segment := range strings.SplitSeq(u.EscapedPath(), "/") {
		if name, err := url.PathUnescape(segment); err == nil && name != "" {
			list = append(list, name)
		}
	}
	return list
}

// Members is Propfind with depth 1 without the resource itself, by path.
func (c *Client) Members(ctx context.Context, href string, props ...xml.Name) ([]Resource, error) {
	list, err := c.Propfind(ctx, href, 1, append([]xml.Name{ResourceType}, props...)...)
	if err != nil {
		return nil, err
	}
	u, err := c.Base.Parse(href)
	if err != nil {
		return nil, err
	}
	own := names(u)
	below := func(r Resource) bool { return len(r.Path) >= len(own) && slices.Equal(r.Path[:len(own)], own) }
	if len(list) > 0 && !slices.ContainsFunc(list, below) {
		return nil, final(fmt.Errorf("PROPFIND %s: %w answers with addresses that lie elsewhere, as %s", href, ErrSource, list[0].Href))
	}
	list = slices.DeleteFunc(list, func(r Resource) bool {
		// What is no direct member is not what was asked for, and may lead in a circle.
		return len(r.Path) != len(own)+1 || !below(r)
	})
	slices.SortFunc(list, func(a, b Resource) int { return slices.Compare(a.Path, b.Path) })
	return slices.CompactFunc(list, func(a, b Resource) bool { return slices.Equal(a.Path, b.Path) }), nil
}
