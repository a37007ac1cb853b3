package metatest

import (
	"testing"

	"fachwerk/internal/store/meta"
)

// testVerify: what is wrong is found, one fault at a time, and nothing in a sound
// account.
func testVerify(t *testing.T, f Factory) {
	s := Open(t, f)
	inbox := s.Mailbox(t, "INBOX")
	s.AddN(t, inbox.ID, 5)
	if _, err := s.Expunge(t.Context(), s.Key, inbox.ID, []int64{2}, false); err != nil {
		t.Fatal(err)
	}
	s.sound(t)
	for _, fault := range []string{
		"UPDATE collection SET items = items + 1",
		"UPDATE collection SET bytes = bytes - 1",
		"UPDATE collection SET unseen = 0",
		"UPDATE collection SET deleted = 1",
		"UPDATE collection SET uidnext = 3",
		"UPDATE collection SET uidnext = 5",
		"UPDATE collection SET modseq = modseq - 1",
		"UPDATE collection SET self_modseq = 1000",
		"UPDATE collection SET modseq = 1000",
		"UPDATE collection SET floor = 999",
		"UPDATE collection SET uidvalidity = uidvalidity + 1",
		"UPDATE account SET used_bytes = used_bytes + 1",
		"UPDATE account SET used_items = 0",
		"UPDATE collection SET property_bytes = 1",
		"UPDATE collection SET folders = 1",
		"UPDATE collection SET object_items = 1",
		"UPDATE collection SET object_bytes = 100",
		"UPDATE item SET stored = 1 WHERE uid = 1",
		"UPDATE account SET modseq = 1",
		"UPDATE account SET next_id = 3",
		"UPDATE item SET modseq = 1000 WHERE uid = 1",
		"UPDATE item SET keywords = 'b a' WHERE uid = 1",
		"UPDATE item SET keywords = 'a  b' WHERE uid = 1",
		"UPDATE item SET flags = 1 WHERE uid = 1",
		"UPDATE item SET content_id = NULL WHERE uid = 1",
		"UPDATE item SET parent_id = 4242 WHERE uid = 1",
		"UPDATE item SET size = size + 1 WHERE uid = 1",
		"DELETE FROM item WHERE uid = 3",
		"UPDATE tombstone SET uid = (SELECT uid FROM item WHERE uid = 1), item_id = (SELECT item_id FROM item WHERE uid = 1)",
	} {
		var found []meta.Finding
		undo := s.Update(t.Context(), func(tx meta.Tx) error {
			var b meta.Batch
			b.Exec(fault)
			if err := tx.Run(t.Context(), &b); err != nil {
				t.Errorf("%s: %v", fault, err)
				return err
			}
			var err error
			if found, err = meta.VerifyIn(t.Context(), tx, s.Key); err != nil {
				t.Errorf("%s: %v", fault, err)
			}
			return errUndo
		})
		if undo == nil {
			t.Fatal("the fault stayed")
		}
		if len(found) == 0 {
			t.Errorf("%s: nothing found", fault)
		}
	}
	s.sound(t)
}
