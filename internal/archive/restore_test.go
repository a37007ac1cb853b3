package archive_test

import (
	"fmt"
	"testing"
	"time"

	"fachwerk/internal/archive"
	"fachwerk/internal/store/storetest"
	"fachwerk/mail"
)

// counts is what an import tells, and what a mailbox has after it.
type counts struct{ brought, present, moved, removed, here int }

// again brings an export once more and compares what the report tells.
func (o *owner) again(t *testing.T, dir string, opts archive.ImportOptions, what string, want counts) *archive.ImportReport {
	t.Helper()
	r, err := archive.Import(t.Context(), o.h.House, dir, o.a, opts)
	must(t, err)
	got := counts{int(r.Brought), int(r.Present), int(r.Moved), int(r.Removed), int(o.mailbox(t, mail.Inbox).Messages)}
	if got != want {
		t.Errorf("%s: %+v, want %+v", what, got, want)
	}
	if !r.Complete() {
		t.Errorf("%s: not complete: %+v", what, r.Problems)
	}
	return r
}

func (o *owner) mailbox(t *testing.T, name string) mail.Mailbox {
	t.Helper()
	box, err := o.h.Mail.Mailbox(t.Context(), o.mail, name)
	must(t, err)
	return box
}

// first are the UIDs of the first messages of a mailbox.
func (o *owner) first(t *testing.T, name string, n int) (uids []int64) {
	t.Helper()
	list, err := o.h.Store.Items(t.Context(), o.a.Key, o.mailbox(t, name).ID, 0, n)
	must(t, err)
	for _, i := range list {
		uids = append(uids, i.UID)
	}
	return uids
}

func (o *owner) expunge(t *testing.T, name string, uids []int64) {
	t.Helper()
	_, err := o.h.Store.Expunge(t.Context(), o.a.Key, o.mailbox(t, name).ID, uids, false)
	must(t, err)
}

// transfer moves messages to another mailbox, or copies them.
func (o *owner) transfer(t *testing.T, from string, uids []int64, to string, move bool) {
	t.Helper()
	v, err := o.h.Mail.Open(t.Context(), o.mail, o.mailbox(t, from).ID)
	must(t, err)
	defer v.Close()
	var list []uint32
	for _, uid := range uids {
		list = append(list, uint32(uid))
	}
	f := o.h.Mail.Copy
	if move {
		f = o.h.Mail.Move
	}
	_, err = f(t.Context(), v, list, o.mail, o.mailbox(t, to).ID)
	must(t, err)
}

func numbered(n int) (texts []string) {
	for i := range n {
		texts = append(texts, fmt.Sprintf("Subject: %d\r\nMessage-ID: <%d@musterstadt.example>\r\n\r\nx\r\n", i, i))
	}
	return texts
}

// An export is brought back into the account that it was taken of: what was deleted
// since comes, and nothing that is still there is doubled, wherever it lies now.
func TestExportBackIntoItsOwnAccount(t *testing.T) {
	eachPair(t, func(t *testing.T, e storetest.Engines) {
		h := open(t, e)
		anna := h.owner(t, h.parts.Person(t, "anna"))
		for _, name := range []string{"Akten", "Alt"} {
			_, err := h.Mail.Create(t.Context(), anna.mail, name, "")
			must(t, err)
		}
		must(t, anna.append(t.Context(), mail.Inbox, 0, nil, time.Time{}, numbered(20)...))
		must(t, anna.append(t.Context(), "Alt", 0, nil, time.Time{}, numbered(2)...))
		anna.transfer(t, mail.Inbox, anna.first(t, mail.Inbox, 1), "Akten", false) // two copies in the export
		dir := t.TempDir()
		export(t, anna, dir, archive.ExportOptions{})

		anna.again(t, dir, archive.ImportOptions{}, "nothing happened", counts{present: 23, here: 20})
		anna.expunge(t, mail.Inbox, anna.first(t, mail.Inbox, 5)) // the first has its copy in Akten still
		anna.transfer(t, mail.Inbox, anna.first(t, mail.Inbox, 3), "Akten", true)
		must(t, h.Mail.Rename(t.Context(), anna.mail, "Alt", "Neu"))
		r := anna.again(t, dir, archive.ImportOptions{}, "5 deleted, 3 moved", counts{brought: 5, present: 15, moved: 3, here: 17})
		if len(r.Problems) != 1 || !r.Problems[0].Note || r.Problems[0].What != "Alt" {
			t.Errorf("the renamed mailbox: %+v", r.Problems)
		}
		if _, err := h.Mail.Mailbox(t.Context(), anna.mail, "Alt"); err == nil {
			t.Error("the renamed mailbox was made anew")
		}
		anna.again(t, dir, archive.ImportOptions{}, "once more", counts{present: 20, moved: 3, here: 17})

		brought := anna.first(t, mail.Inbox, 17)[12:] // they have the highest UIDs
		anna.expunge(t, mail.Inbox, brought[:2])
		anna.transfer(t, mail.Inbox, brought[2:3], "Akten", true)
		anna.again(t, dir, archive.ImportOptions{}, "2 deleted again", counts{present: 17, moved: 4, removed: 2, here: 14})
		anna.again(t, dir, archive.ImportOptions{Again: true}, "brought again", counts{brought: 2, present: 17, moved: 4, here: 16})
		anna.again(t, dir, archive.ImportOptions{Again: true}, "and once more", counts{present: 19, moved: 4, here: 16})
		h.sound(t)
	})
}

// An account came by an export, and mail was deleted since: a further run tells so,
// leaves it deleted, and brings it back where that is asked for, as often as it is.
func TestDeletedMailComesAgain(t *testing.T) {
	eachPair(t, func(t *testing.T, e storetest.Engines) {
		here, there := open(t, e), open(t, e)
		anna, jan := here.owner(t, here.parts.Person(t, "anna")), there.owner(t, there.parts.Person(t, "jan"))
		must(t, anna.append(t.Context(), mail.Inbox, 0, nil, time.Time{}, numbered(20)...))
		dir := t.TempDir()
		export(t, anna, dir, archive.ExportOptions{})
		jan.again(t, dir, archive.ImportOptions{}, "it moves", counts{brought: 20, here: 20})
		jan.again(t, dir, archive.ImportOptions{Again: true}, "nothing is missing", counts{present: 20, here: 20})
		jan.expunge(t, mail.Inbox, jan.first(t, mail.Inbox, 20))
		jan.again(t, dir, archive.ImportOptions{}, "all deleted", counts{removed: 20})
		jan.again(t, dir, archive.ImportOptions{Again: true}, "brought again", counts{brought: 20, here: 20})
		jan.again(t, dir, archive.ImportOptions{}, "all there", counts{present: 20, here: 20})
		jan.expunge(t, mail.Inbox, jan.first(t, mail.Inbox, 1))
		jan.again(t, dir, archive.ImportOptions{}, "one deleted", counts{present: 19, removed: 1, here: 19})
		jan.again(t, dir, archive.ImportOptions{Again: true}, "a third time", counts{brought: 1, present: 19, here: 20})
		jan.again(t, dir, archive.ImportOptions{Again: true}, "nothing is missing again", counts{present: 20, here: 20})
		there.sound(t)
	})
}
