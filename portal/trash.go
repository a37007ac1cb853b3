package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"fachwerk/auth"
)

// Errors of a Trash, besides those of auth.
var (
	// ErrReadOnly says that the person may look into the drive and not change it.
	ErrReadOnly = errors.New("the drive may be read only")
	// ErrBusy says that somebody else is at the same file: it is locked, or was
	// changed in the same moment.
	ErrBusy = errors.New("somebody else is at the file")
)

// Trash is what was deleted from the drives that a person may read, for a time.
// Its methods answer auth.ErrNotFound alike for a drive that is nobody's, one that
// is not granted and a file that is no longer in the trash; ErrReadOnly, ErrBusy,
// and auth.ErrUnavailable if it may work later.
type Trash interface {
	// List answers the drives, the own first, then by address; in each the last
	// deleted first.
	List(ctx context.Context, person auth.AccountRef) ([]TrashDrive, error)
	// Restore puts a file back where it lay, or near it if that name is in use,
	// and tells the path from the root of the drive.
	Restore(ctx context.Context, person auth.AccountRef, drive string, id int64) (where string, err error)
	// Remove deletes a file for good, a folder with all in it.
	Remove(ctx context.Context, person auth.AccountRef, drive string, id int64) error
	// Empty deletes for good what is in the trash of one drive.
	Empty(ctx context.Context, person auth.AccountRef, drive string) error
}

// TrashDrive is the trash of one drive.
type TrashDrive struct {
	Address  string // of its account
	Name     string // of the account, for people; "" for none
	Own      bool
	ReadOnly bool
	Files    []TrashFile
}

// TrashFile is a file in the trash, or a folder with all that was in it.
type TrashFile struct {
	ID               int64
	Name             string // as it was
	Folder           bool
	Place            string // folder where it lay, from the root of the drive; "" for the root
	Deleted, Expires time.Time
	Size             int64 // bytes; of a folder 0
}

// trashShown is how many files of a drive the page lists.
const trashShown = 200

type trashPage struct {
	Drives []trashDrive
	Done   string // text key of what was just done, "" for nothing
	Where  string // path of what was restored
	Empty  bool   // all of them are
}

func (x trashPage) done() string { return x.Done }

type trashDrive struct {
	TrashDrive
	Count int64 // of all files, also those not shown
	Bytes int64
	Sized bool // Bytes are all: a folder's are not counted here
	More  bool
	URL   string // of the trash for file managers, "" without DAV
}

// trashDone are what the page may be told, in its query, to say.
var trashDone = map[string]string{"removed": "trash.removed", "emptied": "trash.emptied"}

// trash lists what was deleted.
func (p *Portal) trash(w http.ResponseWriter, r *http.Request, v *visitor) {
	p.showTrash(w, r, v, trashDone[r.URL.Query().Get("done")], "")
}

func (p *Portal) showTrash(w http.ResponseWriter, r *http.Request, v *visitor, done, where string) {
	list, err := p.c.Trash.List(r.Context(), v.ref())
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	page := trashPage{Done: done, Where: where, Empty: true}
	for _, d := range list {
		shown := trashDrive{TrashDrive: d, Count: int64(len(d.Files)), Sized: true}
		for _, f := range d.Files {
			shown.Bytes += f.Size
			shown.Sized = shown.Sized && !f.Folder
		}
		if len(d.Files) > trashShown {
			shown.Files, shown.More = d.Files[:trashShown], true
		}
		if p.offersDAV() {
			shown.URL = p.address(atTrash, d.Address)
		}
		page.Empty = page.Empty && len(d.Files) == 0
		page.Drives = append(page.Drives, shown)
	}
	p.render(w, r, v, http.StatusOK, "trash", page)
}

// restore puts a file back and tells where.
func (p *Portal) restore(w http.ResponseWriter, r *http.Request, v *visitor) {
	drive, id, ok := trashed(r.PostForm)
	if !ok {
		p.message(w, r, v, http.StatusNotFound, "error.gone")
		return
	}
	where, err := p.c.Trash.Restore(r.Context(), v.ref(), drive, id)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.showTrash(w, r, v, "trash.restored", where)
}

func toTrash(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/trash", http.StatusSeeOther)
}

// trashed reads which file a form or a link means.
func trashed(values url.Values) (drive string, id int64, ok bool) {
	id, err := strconv.ParseInt(values.Get("id"), 10, 64)
	return values.Get("drive"), id, err == nil && values.Get("drive") != ""
}

type confirmPage struct {
	Drive  TrashDrive
	File   TrashFile // zero: all files of the drive
	Count  int64
	Action string // where the form goes
}

// confirmRemove asks before a file is deleted for good.
func (p *Portal) confirmRemove(w http.ResponseWriter, r *http.Request, v *visitor) {
	drive, id, ok := trashed(r.URL.Query())
	p.confirm(w, r, v, drive, func(page *confirmPage) bool {
		i := slices.IndexFunc(page.Drive.Files, func(f TrashFile) bool { return f.ID == id })
		if !ok || i < 0 {
			return false
		}
		page.File, page.Action = page.Drive.Files[i], "/trash/remove"
		return true
	})
}

// confirmEmpty asks before a trash is emptied.
func (p *Portal) confirmEmpty(w http.ResponseWriter, r *http.Request, v *visitor) {
	p.confirm(w, r, v, r.URL.Query().Get("drive"), func(page *confirmPage) bool {
		page.Action = "/trash/empty"
		return page.Count > 0
	})
}

func (p *Portal) confirm(w http.ResponseWriter, r *http.Request, v *visitor, drive string, fill func(*confirmPage) bool) {
	list, err := p.c.Trash.List(r.Context(), v.ref())
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	for _, d := range list {
		page := confirmPage{Drive: d, Count: int64(len(d.Files))}
		if d.Address != drive || !fill(&page) {
			continue
		}
		if d.ReadOnly {
			p.fail(w, r, v, ErrReadOnly)
			return
		}
		p.render(w, r, v, http.StatusOK, "confirm", page)
		return
	}
	p.message(w, r, v, http.StatusNotFound, "error.gone")
}

// removeTrashed deletes a file for good.
func (p *Portal) removeTrashed(w http.ResponseWriter, r *http.Request, v *visitor) {
	drive, id, ok := trashed(r.PostForm)
	if !ok {
		p.message(w, r, v, http.StatusNotFound, "error.gone")
		return
	}
	if err := p.c.Trash.Remove(r.Context(), v.ref(), drive, id); err != nil {
		p.fail(w, r, v, err)
		return
	}
	http.Redirect(w, r, "/trash?done=removed", http.StatusSeeOther)
}

// emptyTrash deletes all of one drive's trash for good.
func (p *Portal) emptyTrash(w http.ResponseWriter, r *http.Request, v *visitor) {
	if err := p.c.Trash.Empty(r.Context(), v.ref(), r.PostForm.Get("drive")); err != nil {
		p.fail(w, r, v, err)
		return
	}
	http.Redirect(w, r, "/trash?done=emptied", http.StatusSeeOther)
}
