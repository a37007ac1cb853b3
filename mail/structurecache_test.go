package mail

import "testing"

func TestStructureCacheIsBounded(t *testing.T) {
	c := structureCache{limit: 100 * structureOverhead}
	message := func(id int64) []*Message { return []*Message{{ObjectID: id}} }
	found := make([]*Structure, 1)
	for id := int64(1); id <= 10_000; id++ {
		c.keep(7, id, &Structure{})
		if n := len(c.young) + len(c.old); n > 200 {
			t.Fatalf("%d structures are kept, the limit is two generations of 100", n)
		}
		if id > 1 && !c.find(7, message(1), found) { // what is asked for stays
			t.Fatalf("structure 1 is gone after %d others", id)
		}
	}
	if c.find(8, message(1), found) {
		t.Error("another account's structure was found")
	}
	if c.find(7, message(2), found) || found[0] != nil {
		t.Error("a structure nobody asked for is still there")
	}
	c.keep(7, 20_000, &Structure{Envelope: make([]byte, 100*structureOverhead)})
	if c.find(7, message(20_000), found) {
		t.Error("a structure as large as a generation was kept")
	}
}
