package webdav

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fachwerk/dav"
	"fachwerk/files"
	"fachwerk/internal/resource"
)

func oc(local string) xml.Name { return xml.Name{Space: dav.NamespaceOC, Local: local} }

const anywhere = dav.AtCollection | dav.AtFolder | dav.AtMember

// Properties are those that sync clients and rclone ask for, and the time of a file,
// which they may set.
func (f *Files) Properties() []dav.LiveProperty {
	return append(common(dav.AtCollection|dav.AtMember),
		dav.LiveProperty{Name: dav.D("getlastmodified"), On: dav.AtFolder | dav.AtMember, All: true, Value: dav.LastModified, Set: f.setLastModified},
		dav.LiveProperty{Name: dav.D("lastmodified"), On: dav.AtMember, Value: absent, Set: f.setTime},
		dav.LiveProperty{Name: oc("checksums"), On: dav.AtMember, Need: dav.NeedFacts, Value: checksums, Set: f.setChecksums},
	)
}

// common are those of drives and trash. sized is where there is an oc:size.
func common(sized dav.Level) []dav.LiveProperty {
	text := func(local string, on dav.Level, value func(t *dav.Target) string) dav.LiveProperty {
		return dav.LiveProperty{Name: oc(local), On: on, Value: func(_ context.Context, v *dav.Value) (bool, error) {
			v.XML.Element(oc(local), value(v.Target))
			return true, nil
		}}
	}
	return []dav.LiveProperty{
		text("fileid", anywhere, func(t *dav.Target) string { return strconv.FormatInt(t.Item.ID, 10) }),
		text("id", anywhere, fileID),
		text("permissions", anywhere, permissions),
		text("size", sized, func(t *dav.Target) string {
			if t.Level == dav.AtCollection {
				return strconv.FormatInt(t.Collection.Bytes, 10)
			}
			return strconv.FormatInt(t.Item.Size, 10)
		}),
	}
}

// fileID is unique over all drives that a client may see: the item in its account, and
// the account. Clients take the digits before the first letter for the fileid.
func fileID(t *dav.Target) string {
	return fmt.Sprintf("%08dfw%s", t.Item.ID, strconv.FormatInt(t.Collection.Account.Key.Account, 36))
}

// permissions are Nextcloud's letters: S another's drive, G may be read, D deleted,
// N renamed, V moved, W written, C and K files and folders made in it.
func permissions(t *dav.Target) string {
	var b strings.Builder
	if !t.Account.Own() {
		b.WriteByte('S')
	}
	b.WriteByte('G')
	if !t.Account.May(resource.Write) {
		return b.String()
	}
	if t.Level != dav.AtCollection {
		b.WriteString("DNV")
	}
	switch {
	case t.Mount != nil && t.Mount.ReadOnly != "":
	case t.Level == dav.AtMember:
		b.WriteByte('W')
	default:
		b.WriteString("CK")
	}
	return b.String()
}

// checksums are all that are known, in one element, as ownCloud has it.
func checksums(_ context.Context, v *dav.Value) (bool, error) {
	known, err := files.DecodeFacts(v.Target.FactsEncoder, v.Target.Facts)
	if err != nil || len(known) == 0 {
		return false, nil
	}
	list := make([]string, len(known))
	for i, d := range known {
		list[i] = d.String()
	}
	v.XML.Open(oc("checksums"))
	v.XML.Element(oc("checksum"), strings.Join(list, " "))
	v.XML.Close(oc("checksums"))
	return true, nil
}

// absent is the value of a property that can be set and shows elsewhere.
func absent(context.Context, *dav.Value) (bool, error) { return false, nil }

func (f *Files) setLastModified(_ context.Context, c *dav.Change) ([]resource.PropertyChange, error) {
	if c.Remove || c.Target.Level != dav.AtMember || !c.Target.Exists {
		return nil, protected("Only the time of a file can be set, and not removed.")
	}
	to, err := http.ParseTime(strings.TrimSpace(c.Element.Text))
	if err != nil {
		return nil, dav.Refusal(http.StatusConflict, xml.Name{}, "The time is no date as HTTP writes it.")
	}
	c.Last = func(ctx context.Context) error { return f.touch(ctx, c, to, nil) }
	return nil, nil
}

// setTime is DAV:lastmodified, seconds since 1970: how rclone and Nextcloud's clients
// set the time of a file that they do not send again. It shows as getlastmodified.
func (f *Files) setTime(_ context.Context, c *dav.Change) ([]resource.PropertyChange, error) {
	if c.Remove {
		return nil, protected("The time of a file can be set, not removed.")
	}
	to, err := readTime(strings.TrimSpace(c.Element.Text))
	if err != nil {
		return nil, dav.Refusal(http.StatusConflict, xml.Name{}, "The time is not in seconds since 1970.")
	}
	c.Last = func(ctx context.Context) error { return f.touch(ctx, c, to, nil) }
	return nil, nil
}

// setChecksums takes digests that are right, which newer versions of rclone send along
// with the time; they are kept with the others.
func (f *Files) setChecksums(ctx context.Context, c *dav.Change) ([]resource.PropertyChange, error) {
	sent := c.Element.Child(oc("checksum"))
	if c.Remove || sent == nil {
		return nil, protected("The digests of a file are known and cannot be removed.")
	}
	list, err := readChecksum(strings.TrimSpace(sent.Text))
	if err != nil || len(sent.Text) > maxField {
		return nil, dav.Refusal(http.StatusConflict, xml.Name{}, "The checksum cannot be read.")
	}
	return nil, f.touch(ctx, c, c.Target.Item.Modified, list)
}

func protected(sentence string) error {
	return dav.Refusal(http.StatusForbidden, dav.D("cannot-modify-protected-property"), sentence)
}

func (f *Files) touch(ctx context.Context, c *dav.Change, to time.Time, check []files.Digest) error {
	t := c.Target
	if !t.Account.May(resource.Write) {
		return resource.ErrDenied
	}
	g := resource.Guard{
		Seen:   []resource.Seen{{Parent: t.Item.Parent, Name: t.Item.Name, ID: t.Item.ID, ModSeq: t.Item.ModSeq}},
		Tokens: submitted(c.Header),
	}
	err := f.files.SetModified(ctx, t.Collection, t.Item, to, check, g)
	switch {
	case errors.Is(err, resource.ErrDigest):
		return dav.Refusal(http.StatusConflict, xml.Name{}, sentence(err))
	case errors.Is(err, resource.ErrTooLarge):
		return dav.Refusal(http.StatusForbidden, xml.Name{}, "The file is too large to compare its checksum: send it again.")
	}
	return err
}

// maxTokens bounds the lock tokens of one request.
const maxTokens = 64

// submitted are the lock tokens in the If header, which the core has judged already:
// by standing in it a token is submitted (RFC 4918 section 10.4.1). Tags and ETags
// among them do no harm, no lock has these.
func submitted(h http.Header) (tokens []string) {
	rest := h.Get("If")
	for len(tokens) < maxTokens {
		_, after, ok := strings.Cut(rest, "<")
		token, after, closed := strings.Cut(after, ">")
		if !ok || !closed {
			break
		}
		tokens = append(tokens, token)
		rest = after
	}
	return tokens
}
