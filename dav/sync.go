package dav

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"fachwerk/internal/resource"
)

// syncCollection is RFC 6578 section 3.2. Below a drive everything is reported (sync-level
// infinite), or what lies directly in it (1), with a folder when anything in it changed.
func syncCollection(ctx context.Context, r *Request, t *Target, body *Element) error {
	q, err := r.readSync(t, body)
	if err == nil {
		s := &syncRun{syncRequest: q, r: r, t: t, folders: map[string]bool{}}
		err = s.run(ctx)
	}
	if errors.Is(err, resource.ErrToken) {
		return tokenRefusal(r, t)
	}
	return err
}

// tokenRefusal is valid-sync-token (RFC 6578 section 3.2). It is 403, but 400 for the
// address books of Thunderbird, which begin anew at 400 only: at 403 they would stop
// for good after a restore.
func tokenRefusal(r *Request, t *Target) error {
	status := http.StatusForbidden
	if t.Collection.Kind == resource.AddressBook && strings.Contains(r.Header.Get("User-Agent"), "Thunderbird/") {
		status = http.StatusBadRequest
	}
	return Refusal(status, D("valid-sync-token"), "The sync token is too old or not of this collection. Begin anew without one.")
}

type syncRequest struct {
	token   string // "" begins
	shallow bool
	limit   int // 0: none
	sel     *Selection
}

func (r *Request) readSync(t *Target, body *Element) (q syncRequest, err error) {
	token := body.Child(D("sync-token"))
	if token == nil {
		return q, refused(http.StatusBadRequest, "sync-token is missing; an empty one begins.")
	}
	// Depth should be 0 (section 3.2); clients are about that send 1 and mean what
	// sync-level says, as drafts had it, so nothing is made of it.
	if v := token.Value(); v != "" {
		ok := false
		if q.token, ok = strings.CutPrefix(v, syncPrefix); !ok || q.token == "" {
			return q, resource.ErrToken
		}
	}
	switch level := body.Child(D("sync-level")).Value(); level {
	case "1":
		q.shallow = t.Mount.Tree
	case "infinite", "infinity":
	case "":
		// Drafts of RFC 6578, which some clients still follow, used Depth.
		q.shallow = t.Mount.Tree && r.Depth != DepthInfinity
	default:
		return q, refused(http.StatusBadRequest, "sync-level is neither 1 nor infinite.")
	}
	if n := body.Child(D("limit")).Child(D("nresults")); n != nil {
		if q.limit, err = strconv.Atoi(n.Value()); err != nil || q.limit < 1 {
			return q, refused(http.StatusBadRequest, "nresults is no positive number.")
		}
	}
	q.sel, err = r.Selection(body)
	return q, err
}

// treeStep is how many changes of a drive are read at a time: with each step come the
// folders above them, which give them their paths.
const treeStep = 10 * page

// syncRun answers one sync-collection.
type syncRun struct {
	syncRequest
	r       *Request
	t       *Target
	m       *Multistatus
	count   int
	folders map[string]bool // told already, of a shallow one in a drive
}

// run reads the journal page by page and writes as it goes. The token that ends it is that
// of the last page, so a change that comes in between is reported then or next time.
func (s *syncRun) run(ctx context.Context) error {
	token := s.token
	for {
		want := page
		if s.t.Mount.Tree {
			want = treeStep
		}
		if s.limit > 0 {
			want = min(want, s.limit-s.count)
		}
		changes, err := s.t.source.Changes(ctx, s.t.Collection, token, want)
		if err != nil {
			return err
		}
		if s.m == nil { // only now: a token that is not valid is an error of its own
			s.m = s.r.Multistatus()
		}
		if err := s.write(ctx, changes.List); err != nil {
			return err
		}
		token = changes.Token
		if !changes.More {
			break
		}
		if s.limit > 0 && s.count >= s.limit {
			// RFC 6578 section 3.6
			err := s.m.Status(s.t.Href, http.StatusInsufficientStorage,
				Refusal(0, D("number-of-matches-within-limits"), "There is more: go on from the sync-token."))
			if err != nil {
				return err
			}
			break
		}
	}
	s.m.Element(D("sync-token"), syncPrefix+token)
	return nil
}

// write tells one page. A deletion and what is there now at the same name come in the
// order of the journal.
func (s *syncRun) write(ctx context.Context, list []resource.Change) error {
	var there []*Target
	flush := func() error {
		err := s.m.Resources(ctx, there, s.sel)
		there = there[:0]
		return err
	}
	s.count += len(list)
	for i := range list {
		c := &list[i]
		if len(there) >= page { // with a folder that moved comes all that lies in it
			if err := flush(); err != nil {
				return err
			}
		}
		top, deeper, _ := strings.Cut(c.Path, "/")
		if s.shallow && deeper != "" {
			if s.folders[top] {
				continue
			}
			s.folders[top] = true
			at, err := s.folder(ctx, top)
			if err != nil {
				return err
			}
			if at != nil {
				there = append(there, at)
			}
			continue
		}
		if !c.Removed {
			at := s.at(c)
			if s.shallow && at.Level == AtFolder {
				if s.folders[top] {
					continue
				}
				s.folders[top] = true
			}
			there = append(there, at)
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		delete(s.folders, top)
		gone := s.t.Href
		for n := range strings.SplitSeq(c.Path, "/") {
			gone = member(gone, n, false)
		}
		if err := s.m.Status(gone, http.StatusNotFound, nil); err != nil {
			return err
		}
	}
	return flush()
}

// folder finds a folder directly in the drive by its name.
func (s *syncRun) folder(ctx context.Context, name string) (*Target, error) {
	found, err := s.t.source.Named(ctx, s.t.Collection, s.t.Parent(), []string{name})
	if err != nil || len(found) == 0 || found[0].ID == 0 {
		return nil, err
	}
	return s.r.Member(s.t, found[0]), nil
}

// at is the target of a changed resource, wherever in a drive it lies.
func (s *syncRun) at(c *resource.Change) *Target {
	at := s.r.Member(s.t, c.Item)
	at.Names = strings.Split(c.Path, "/")
	at.Href = s.t.Href
	for i, n := range at.Names {
		at.Href = member(at.Href, n, i == len(at.Names)-1 && c.Item.Folder)
	}
	return at
}
