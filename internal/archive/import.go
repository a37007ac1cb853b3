package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"fachwerk/auth"
	"fachwerk/calendar"
	"fachwerk/files"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
	"fachwerk/mail"
)

// House is what an import needs of the installation that it brings an account to.
type House struct {
	Store     *store.Store
	Mail      *mail.Service
	Resources *resource.Service
	Calendar  *calendar.Service
	Files     *files.Service
}

// ImportOptions tune an import. The zero value is usable.
type ImportOptions struct {
	Progress func(Progress) // told often; nil: nobody
	// Again brings back messages that an earlier import of the export brought and that
	// were removed since.
	Again bool
}

// ImportReport is what a run did.
type ImportReport struct {
	Header   Header    `json:"header"` // of the export
	Totals   Totals    `json:"totals"` // of the export
	To       string    `json:"to"`
	Brought  int64     `json:"brought"` // items, by this run
	Present  int64     `json:"present"` // that were there already, with the same content
	Moved    int64     `json:"moved"`   // messages that are there, in another mailbox
	Removed  int64     `json:"removed"` // messages that came once and were removed since; they stay so
	Problems []Problem `json:"problems"`
}

// Problem is something that is not here as it was.
type Problem struct {
	What   string `json:"what"` // the file in the export, or the collection
	Reason string `json:"reason"`
	Note   bool   `json:"note"` // it came, with the difference that Reason tells
}

// Complete reports whether everything is here, or was removed here by somebody since
// it came.
func (r *ImportReport) Complete() bool {
	for _, p := range r.Problems {
		if !p.Note {
			return false
		}
	}
	return r.settled() == r.Totals.Messages+r.Totals.Objects+r.Totals.Cards+r.Totals.Files+r.Totals.Folders
}

func (r *ImportReport) settled() int64 { return r.Brought + r.Present + r.Moved + r.Removed }

type importer struct {
	h       House
	o       ImportOptions
	root    *os.Root
	to      store.Account
	access  mail.Access
	account resource.Account
	empty   bool // the account, when the import began

	report      ImportReport
	collections []Collection

	mail  hereMail
	box   *mailImport
	named *namedImport
	drive *driveImport
}

// Import brings an export into an account. Into an empty one it gives the same account
// again, but for numbers (UIDs, ids, modseqs), what the server alone decides (SAVEDATE,
// the time of deletion) and what belongs to the installation (locks, grants, aliases).
// Otherwise it merges: what is there already stays, and what is there with another
// content is listed. It may be broken off and called again; nothing is doubled, in the
// account that the export is of either: there it brings back what was lost since.
// A message that an import brought and that was removed since stays so, unless Again.
//
// The manifest is read whole and compared with its totals first, and each content with
// its digest before it is put in place.
func Import(ctx context.Context, h House, from string, to store.Account, o ImportOptions) (*ImportReport, error) {
	root, err := openRoot(from)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	im := &importer{h: h, o: o, root: root, to: to, access: mail.OwnerAccess(to)}
	im.report.To, im.report.Problems = to.Address, []Problem{}
	if err := im.survey(); err != nil {
		return nil, err
	}
	now, err := h.Store.Account(ctx, to.Key)
	if err != nil {
		return nil, err
	}
	im.empty = now.UsedItems == 0
	owner := &auth.Principal{Tenant: to.Tenant, Account: to.Key.Account, Address: to.Address, DisplayName: to.DisplayName,
		Scopes: auth.AllScopes}
	if im.account, err = h.Resources.Account(ctx, owner, to.Address); err != nil {
		return nil, err
	}
	if err := im.mailboxes(ctx); err != nil {
		return &im.report, err
	}
	if err := im.messages(ctx); err != nil {
		return &im.report, err
	}
	return &im.report, im.run(ctx)
}

// survey reads the whole manifest and keeps the collections.
func (im *importer) survey() (err error) {
	if _, err := im.root.Lstat(stateName); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(ErrUnfinished, err)
	}
	im.report.Header, im.report.Totals, err = im.read(visitor{collection: func(c *Collection) error {
		im.collections = append(im.collections, *c)
		return nil
	}})
	return err
}

func (im *importer) read(v visitor) (Header, Totals, error) {
	file, err := openFile(im.root, ManifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return Header{}, Totals{}, fmt.Errorf("%w: there is no %s", ErrFolder, ManifestName)
	}
	if err != nil {
		return Header{}, Totals{}, err
	}
	defer file.Close()
	return readManifest(file, v)
}

// run goes through the manifest again and brings what it names.
func (im *importer) run(ctx context.Context) error {
	_, _, err := im.read(visitor{
		collection: func(c *Collection) error {
			if err := im.end(ctx); err != nil {
				return err
			}
			return im.begin(ctx, c)
		},
		item: func(i *Item) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return im.item(ctx, i)
		},
	})
	if err != nil {
		return err
	}
	return im.end(ctx)
}

func (im *importer) begin(ctx context.Context, c *Collection) (err error) {
	switch c.Kind {
	case kindMailbox:
		im.box, err = im.beginMailbox(ctx, c)
	case kindCalendar, kindAddressBook:
		im.named, err = im.beginNamed(ctx, c)
	case kindDrive:
		im.drive, err = im.beginDrive(ctx)
	default:
		err = fmt.Errorf("%w: the kind of collection %.20q", ErrManifest, c.Kind)
	}
	return err
}

func (im *importer) item(ctx context.Context, i *Item) error {
	switch {
	case i.Type == typeMessage && im.box != nil:
		return im.box.take(ctx, i)
	case (i.Type == typeObject || i.Type == typeCard) && im.named != nil:
		return im.named.take(ctx, i)
	case (i.Type == typeFile || i.Type == typeFolder) && im.drive != nil:
		im.drive.items = append(im.drive.items, *i)
		return nil
	}
	return fmt.Errorf("%w: a %.20s in another kind of collection", ErrManifest, i.Type)
}

// end finishes the collection that was begun last.
func (im *importer) end(ctx context.Context) (err error) {
	switch {
	case im.box != nil:
		err = im.box.end(ctx)
	case im.drive != nil:
		err = im.drive.run(ctx)
	}
	im.box, im.named, im.drive = nil, nil, nil
	return err
}

func (im *importer) brought(n int) { im.report.Brought += int64(n); im.progress() }
func (im *importer) present()      { im.report.Present++; im.progress() }

func (im *importer) progress() {
	if im.o.Progress != nil {
		t := &im.report.Totals
		im.o.Progress(Progress{Done: im.report.settled() + int64(len(im.report.Problems)),
			All: t.Messages + t.Objects + t.Cards + t.Files + t.Folders})
	}
}

// fail lists why something did not come, or gives back what ends the whole import.
func (im *importer) fail(what string, err error) error {
	for _, fatal := range []error{context.Canceled, context.DeadlineExceeded, store.ErrTemporary, store.ErrQuota, store.ErrUnavailable,
		store.ErrFull, mail.ErrTemporary, mail.ErrQuota} {
		if errors.Is(err, fatal) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	im.report.Problems = append(im.report.Problems, Problem{What: what, Reason: reason(err)})
	im.progress()
	return nil
}

func (im *importer) note(what, format string, args ...any) {
	im.report.Problems = append(im.report.Problems, Problem{What: what, Reason: fmt.Sprintf(format, args...), Note: true})
}

// errDiffers says that something else has the name.
var errDiffers = errors.New("something else with this name is there already; it was left as it is")

// errDigest says that a file of the export is not what the manifest says.
var errDigest = errors.New("the file is not what the manifest says: it was changed or is damaged")

func reason(err error) string {
	var uid *resource.UIDError
	var refused *calendar.Refusal
	switch {
	case errors.As(err, &uid):
		return fmt.Sprintf("another entry, %s, has the same UID", uid.Name)
	case errors.As(err, &refused):
		return refused.Reason
	}
	return strings.TrimSpace(err.Error())
}

// small reads an item's file whole, at most limit bytes, and compares its digest.
func (im *importer) small(i *Item, limit int64) ([]byte, error) {
	file, err := openFile(im.root, i.File)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, resource.ErrTooLarge
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != i.SHA256 {
		return nil, errDigest
	}
	return data, nil
}
