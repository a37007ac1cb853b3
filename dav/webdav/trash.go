package webdav

import (
	"context"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fachwerk/auth"
	"fachwerk/dav"
	"fachwerk/files"
	"fachwerk/internal/resource"
)

// Namespace is of the properties that are our own.
const Namespace = "urn:fachwerk:dav"

// Trash is the head of /trash/, where what was deleted waits: MOVE into /files/
// restores it, DELETE is for good, and nothing can be put there. It is made by
// NewTrash.
type Trash struct{ drive }

// NewTrash makes the head of the trash.
func NewTrash(service *files.Service) *Trash {
	return &Trash{drive{service, dav.Mount{
		Segment: "trash", Kind: resource.Drive, Scope: auth.Files,
		Tree: true, Drive: files.DriveName, Root: resource.TrashRoot,
		ReadOnly: noEntry,
	}}}
}

const noEntry = "Nothing can be put into the trash: delete a file where it lies."

// Accept refuses; the core does so before, by the mount.
func (t *Trash) Accept(context.Context, *dav.Incoming) (resource.Draft, error) {
	return resource.Draft{}, dav.Refusal(http.StatusForbidden, xml.Name{}, noEntry)
}

// MakeCollection refuses likewise.
func (t *Trash) MakeCollection(context.Context, *dav.Creation) error {
	return dav.Refusal(http.StatusForbidden, xml.Name{}, noEntry)
}

// Remove is for good.
func (t *Trash) Remove(ctx context.Context, at *dav.Target, g resource.Guard) error {
	return t.files.Gone(ctx, at.Collection, at.Item, true, g)
}

// Reports takes sync-collection away: what changes in the trash is not in the journal
// of its own.
func (t *Trash) Reports() []dav.Report {
	return []dav.Report{{Name: dav.D("sync-collection"), On: 0}}
}

// Properties say when something was deleted, when it goes, and where it lay: by our
// own names and by those that Nextcloud's clients ask for.
func (t *Trash) Properties() []dav.LiveProperty {
	of := func(space, local string, text func(files.TrashEntry) string) dav.LiveProperty {
		name := xml.Name{Space: space, Local: local}
		return dav.LiveProperty{Name: name, On: dav.AtFolder | dav.AtMember, Value: func(ctx context.Context, v *dav.Value) (bool, error) {
			if len(v.Target.Folders) > 0 {
				return false, nil // below something that was deleted
			}
			e, ok, err := t.files.Trashed(ctx, v.Target.Collection, v.Target.Item)
			if ok {
				v.XML.Element(name, text(e))
			}
			return ok, err
		}}
	}
	place := func(e files.TrashEntry) string { return strings.Join(e.Path, "/") }
	return append(common(dav.AtMember),
		// A token would be of the drive's changes, not of the trash's.
		dav.LiveProperty{Name: dav.D("sync-token"), On: dav.AtCollection, Value: absent},
		of(Namespace, "deletion-time", func(e files.TrashEntry) string { return e.Deleted.UTC().Format(time.RFC3339) }),
		of(Namespace, "expiry-time", func(e files.TrashEntry) string { return e.Expires.UTC().Format(time.RFC3339) }),
		of(Namespace, "original-location", place),
		of(dav.NamespaceNC, "trashbin-filename", func(e files.TrashEntry) string { return e.Name }),
		of(dav.NamespaceNC, "trashbin-original-location", place),
		of(dav.NamespaceNC, "trashbin-deletion-time", func(e files.TrashEntry) string { return strconv.FormatInt(e.Deleted.Unix(), 10) }),
	)
}
