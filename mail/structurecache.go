package mail

import "sync"

// structureCache keeps structures that were read or made a short while ago: a
// client that lists a mailbox asks for all of them, and soon again. They are
// immutable, so nothing here is ever wrong; only rights are asked each time.
//
// It has two generations. What is asked for moves to the young one; when that is
// full it becomes the old one, and the old one is dropped. So memory is bounded
// and no order of use needs keeping.
type structureCache struct {
	limit int64 // bytes of a generation

	mu         sync.Mutex
	young, old map[structureKey]*Structure
	bytes      int64 // of the young one
}

type structureKey struct{ account, object int64 }

// structureOverhead is what an entry takes besides its bytes.
const structureOverhead = 320

// find fills found, which is as long as msgs, with what is kept.
func (c *structureCache) find(account int64, msgs []*Message, found []*Structure) (all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all = true
	for i, m := range msgs {
		key := structureKey{account, m.ObjectID}
		st := c.young[key]
		if st == nil {
			if st = c.old[key]; st != nil {
				c.put(key, st)
			}
		}
		found[i] = st
		all = all && st != nil
	}
	return all
}

// keep takes a structure whose slices belong to nobody else.
func (c *structureCache) keep(account, object int64, st *Structure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(structureKey{account, object}, st)
}

func (c *structureCache) put(key structureKey, st *Structure) {
	size := st.size()
	if size > c.limit/16 {
		return
	}
	if c.young == nil || c.bytes+size > c.limit {
		c.old, c.young, c.bytes = c.young, make(map[structureKey]*Structure), 0
	}
	if c.young[key] == nil {
		c.bytes += size
	}
	c.young[key] = st
}

func (st *Structure) size() int64 {
	return structureOverhead + int64(len(st.Envelope)+len(st.Body)+len(st.BodyStructure)+len(st.Preview)+len(st.binary))
}
