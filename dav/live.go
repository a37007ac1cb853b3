package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"time"

	"fachwerk/internal/resource"
)

// Where properties are found.
const (
	everywhere = AtRoot | AtPrincipal | AtHome | AtCollection | AtFolder | AtMember
	inHomes    = AtHome | AtCollection | AtFolder | AtMember
	stored     = AtCollection | AtFolder | AtMember
	containers = AtRoot | AtHome | AtCollection | AtFolder
)

// coreProperties are the live properties that do not depend on what a collection holds.
func coreProperties(s *Server) []LiveProperty {
	list := []LiveProperty{
		// RFC 4918 section 15
		{Name: D("creationdate"), On: stored, All: true, Value: creationDate},
		{Name: D("displayname"), On: everywhere, All: true, Need: NeedStored, Value: displayName, Set: setDisplayName},
		{Name: D("getcontentlanguage"), On: AtMember},
		{Name: D("getcontentlength"), On: AtMember, All: true, Value: contentLength},
		{Name: D("getcontenttype"), On: AtMember, All: true, Value: contentType},
		{Name: D("getetag"), On: stored, All: true, Value: getETag},
		{Name: D("getlastmodified"), On: AtMember | AtFolder, All: true, Value: lastModified},
		{Name: D("lockdiscovery"), On: stored, All: true, Value: lockDiscovery},
		{Name: D("resourcetype"), On: everywhere, All: true, Value: resourceType},
		{Name: D("supportedlock"), On: stored, All: true, Value: supportedLock},
		// RFC 4331: not in allprop
		{Name: D("quota-available-bytes"), On: AtCollection | AtFolder | AtHome, Value: quotaAvailable},
		{Name: D("quota-used-bytes"), On: AtCollection | AtFolder | AtHome, Value: quotaUsed},
		// RFC 3253: not in allprop
		{Name: D("supported-report-set"), On: everywhere, Value: supportedReports},
		{Name: D("supported-method-set"), On: everywhere, Value: supportedMethods},
		// RFC 6578 section 4, CalendarServer's getctag
		{Name: D("sync-token"), On: AtCollection, Value: syncToken},
		{Name: CS("getctag"), On: AtCollection, Value: ctag},
		// RFC 5842 section 3.1
		{Name: D("resource-id"), On: stored, Value: resourceID},
	}
	list = append(list, principalProperties(s)...)
	return append(list, aclProperties()...)
}

// syncPrefix makes a URI of a token, as RFC 6578 section 6.2 wants it.
const syncPrefix = "urn:fachwerk:sync:"

func creationDate(_ context.Context, v *Value) (bool, error) {
	at := v.Target.Item.Created
	if v.Target.Level == AtCollection {
		at = v.Target.Collection.Created
	}
	if at.IsZero() {
		return false, nil
	}
	v.XML.Open(D("creationdate"))
	v.XML.b = at.UTC().AppendFormat(v.XML.b, time.RFC3339)
	v.XML.Close(D("creationdate"))
	return true, nil
}

func displayName(_ context.Context, v *Value) (bool, error) {
	t := v.Target
	if value, ok := t.Property(D("displayname")); ok {
		v.XML.Raw(value)
		return true, nil
	}
	name := ""
	switch t.Level {
	case AtPrincipal:
		name = t.person.DisplayName
		if name == "" {
			name = t.person.Address
		}
	case AtHome:
		name = t.Account.DisplayName
	case AtCollection:
		name = t.Collection.Name
		if t.Mount.Tree || !t.Account.Own() {
			name = t.Account.DisplayName
		}
	case AtFolder:
		name = t.Name()
	}
	if name == "" {
		return false, nil
	}
	v.XML.Element(D("displayname"), name)
	return true, nil
}

// setDisplayName keeps it as sent; on what is not stored nobody can change it.
func setDisplayName(_ context.Context, c *Change) ([]resource.PropertyChange, error) {
	if c.Target.Level&stored == 0 {
		return nil, protected()
	}
	return []resource.PropertyChange{c.Plain()}, nil
}

// Plain is the change that keeps the element as it was sent, or removes it.
func (c *Change) Plain() resource.PropertyChange {
	if c.Remove {
		return resource.PropertyChange{Name: c.Name}
	}
	return resource.PropertyChange{Name: c.Name, Value: c.Element.Verbatim()}
}

func contentLength(_ context.Context, v *Value) (bool, error) {
	v.XML.b = append(v.XML.b, "<D:getcontentlength>"...)
	v.XML.b = strconv.AppendInt(v.XML.b, v.Target.Item.Size, 10)
	v.XML.b = append(v.XML.b, "</D:getcontentlength>"...)
	return true, nil
}

func contentType(_ context.Context, v *Value) (bool, error) {
	kind := v.Target.Head.ContentType(v.Target)
	if kind == "" {
		return false, nil
	}
	v.XML.Element(D("getcontenttype"), kind)
	return true, nil
}

// etag is what getetag and the header say, without quotes; "" where there is none.
func (t *Target) etag() string {
	switch {
	case !t.Exists:
		return ""
	case t.Level == AtCollection:
		return t.Collection.CTag
	}
	return t.Item.ETag
}

func getETag(_ context.Context, v *Value) (bool, error) {
	tag := v.Target.etag()
	if tag == "" {
		return false, nil
	}
	v.XML.b = append(v.XML.b, `<D:getetag>&quot;`...)
	v.XML.Text(tag)
	v.XML.b = append(v.XML.b, `&quot;</D:getetag>`...)
	return true, nil
}

// LastModified writes DAV:getlastmodified, for heads that let it be set.
func LastModified(ctx context.Context, v *Value) (bool, error) { return lastModified(ctx, v) }

func lastModified(_ context.Context, v *Value) (bool, error) {
	if v.Target.Item.Modified.IsZero() {
		return false, nil
	}
	v.XML.b = append(v.XML.b, "<D:getlastmodified>"...)
	v.XML.b = appendDate(v.XML.b, v.Target.Item.Modified)
	v.XML.b = append(v.XML.b, "</D:getlastmodified>"...)
	return true, nil
}

// appendDate is an HTTP-date (RFC 9110 section 5.6.7). A listing needs thousands, and
// AppendFormat reads its layout each time.
func appendDate(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	if year < 1000 || year > 9999 {
		return t.AppendFormat(b, http.TimeFormat)
	}
	two := func(n int) { b = append(b, '0'+byte(n/10), '0'+byte(n%10)) }
	b = append(b, t.Weekday().String()[:3]...)
	b = append(b, ", "...)
	two(day)
	b = append(b, ' ')
	b = append(b, month.String()[:3]...)
	b = append(b, ' ')
	two(year / 100)
	two(year % 100)
	b = append(b, ' ')
	two(hour)
	b = append(b, ':')
	two(minute)
	b = append(b, ':')
	two(second)
	return append(b, " GMT"...)
}

func resourceType(_ context.Context, v *Value) (bool, error) {
	t := v.Target
	if t.Level == AtMember {
		v.XML.Empty(D("resourcetype"))
		return true, nil
	}
	v.XML.Open(D("resourcetype"))
	if t.Level == AtPrincipal {
		v.XML.Empty(D("principal"))
	} else {
		v.XML.Empty(D("collection"))
	}
	if t.Level == AtCollection {
		for _, n := range t.Mount.Types {
			v.XML.Empty(n)
		}
	}
	v.XML.Close(D("resourcetype"))
	return true, nil
}

// usage is an account's quota; quota 0 means no limit.
type usage struct{ used, quota int64 }

// quota asks once a request and account.
func (r *Request) quota(ctx context.Context, a resource.Account) (usage, error) {
	if u, ok := r.usage[a.Key.Account]; ok {
		return u, nil
	}
	used, quota, err := r.s.c.Resources.Usage(ctx, a)
	if err != nil {
		return usage{}, err
	}
	if r.usage == nil {
		r.usage = map[int64]usage{}
	}
	r.usage[a.Key.Account] = usage{used, quota}
	return r.usage[a.Key.Account], nil
}

func quotaAvailable(ctx context.Context, v *Value) (bool, error) {
	u, err := v.quota(ctx, v.Target.Account)
	if err != nil || u.quota == 0 || v.Target.Virtual != nil {
		return false, err
	}
	v.XML.Element(D("quota-available-bytes"), strconv.FormatInt(max(u.quota-u.used, 0), 10))
	return true, nil
}

func quotaUsed(ctx context.Context, v *Value) (bool, error) {
	u, err := v.quota(ctx, v.Target.Account)
	if err != nil || v.Target.Virtual != nil {
		return false, err
	}
	v.XML.Element(D("quota-used-bytes"), strconv.FormatInt(u.used, 10))
	return true, nil
}

func supportedReports(_ context.Context, v *Value) (bool, error) {
	v.XML.Open(D("supported-report-set"))
	each := func(n xml.Name) {
		v.XML.Open(D("supported-report"))
		v.XML.Open(D("report"))
		v.XML.Empty(n)
		v.XML.Close(D("report"))
		v.XML.Close(D("supported-report"))
	}
	own := v.Target.mount
	for _, r := range coreReports() {
		if r.On&v.Target.Level != 0 && (own == nil || own.reports[r.Name] == nil) {
			each(r.Name)
		}
	}
	if own != nil {
		for _, r := range own.reportList {
			if r.On&v.Target.Level != 0 {
				each(r.Name)
			}
		}
	}
	v.XML.Close(D("supported-report-set"))
	return true, nil
}

func supportedMethods(_ context.Context, v *Value) (bool, error) {
	v.XML.Open(D("supported-method-set"))
	for _, m := range v.Target.methods() {
		v.XML.Empty(D("supported-method"), "name", m)
	}
	v.XML.Close(D("supported-method-set"))
	return true, nil
}

func syncToken(_ context.Context, v *Value) (bool, error) {
	if v.Target.Collection.Token == "" {
		return false, nil
	}
	v.XML.Element(D("sync-token"), syncPrefix+v.Target.Collection.Token)
	return true, nil
}

func ctag(_ context.Context, v *Value) (bool, error) {
	if v.Target.Collection.CTag == "" {
		return false, nil
	}
	v.XML.Element(CS("getctag"), v.Target.Collection.CTag)
	return true, nil
}

// resourceID names the resource wherever it is moved to, and is no URL to be fetched.
func resourceID(_ context.Context, v *Value) (bool, error) {
	t := v.Target
	if t.Virtual != nil {
		return false, nil
	}
	v.XML.Open(D("resource-id"))
	v.XML.Href("urn:fachwerk:resource:" + strconv.FormatInt(t.Account.Key.Account, 36) + "." +
		strconv.FormatInt(t.Collection.ID, 36) + "." + strconv.FormatInt(t.Item.ID, 36))
	v.XML.Close(D("resource-id"))
	return true, nil
}

func supportedLock(_ context.Context, v *Value) (bool, error) {
	if v.Target.Virtual != nil || v.Target.Mount.Root != resource.Root {
		v.XML.Empty(D("supportedlock"))
		return true, nil
	}
	v.XML.Open(D("supportedlock"))
	for _, scope := range [...]string{"exclusive", "shared"} {
		v.XML.Open(D("lockentry"))
		v.XML.Open(D("lockscope"))
		v.XML.Empty(D(scope))
		v.XML.Close(D("lockscope"))
		v.XML.Open(D("locktype"))
		v.XML.Empty(D("write"))
		v.XML.Close(D("locktype"))
		v.XML.Close(D("lockentry"))
	}
	v.XML.Close(D("supportedlock"))
	return true, nil
}

// statusLine is "404 Not Found".
func statusLine(status int) string {
	text := http.StatusText(status)
	if status == http.StatusLocked {
		text = "Locked"
	}
	return strconv.Itoa(status) + " " + text
}

func protected() *Precondition {
	return Refusal(http.StatusForbidden, D("cannot-modify-protected-property"), "The server alone sets this property.")
}

// isMissing: for principals and the like.
func isMissing(err error) bool { return errors.Is(err, resource.ErrNotFound) }
