package content

import (
	"encoding/binary"
	"io"
)

// chunks seals the chunks of one stream, one after the other, into w.
type chunks struct {
	account *Account
	id      ID
	purpose Purpose
	w       io.Writer

	sealer  sealer
	header  header
	lengths []uint32
	packing packing
	sealed  int64
}

// add seals the first n plain bytes of buf, which stay as they are, and writes
// them, the first chunk with the header.
func (c *chunks) add(buf *buffer, n int, kind byte) error {
	number := len(c.lengths)
	if number == 0 {
		form := byte(formMany)
		if kind == kindLast {
			form = formOne
		}
		c.header = c.account.codec.newHeader(form)
		c.sealer = c.account.newSealer(c.header, c.id, c.purpose)
	}
	sealed := c.sealer.seal(buf.space[headerSize:headerSize], c.packed(buf, n), uint64(number), kind)
	c.lengths = append(c.lengths, uint32(len(sealed)))
	if number == 0 {
		copy(buf.space[:], c.header[:])
		sealed = buf.space[:headerSize+len(sealed)]
	}
	return c.write(sealed)
}

// packed returns the data with their packing byte: compressed in buf's space, where
// that helps, or as they lie.
func (c *chunks) packed(buf *buffer, n int) []byte {
	data := buf.plain[1 : 1+n]
	if c.packing.worth(data) {
		packed, helped := c.account.codec.pack(buf.space[headerSize:], data)
		c.packing.learn(helped)
		if helped {
			return packed
		}
	}
	buf.plain[0] = packedNot
	return buf.plain[:1+n]
}

func (c *chunks) write(b []byte) error {
	n, err := c.w.Write(b)
	c.sealed += int64(n)
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// end writes, for a stream of many chunks, the sealed table of their lengths and
// the trailer. size is that of the plain bytes.
func (c *chunks) end(size int64) error {
	if len(c.lengths) < 2 {
		return nil
	}
	table := make([]byte, 8, 8+4*len(c.lengths)+gcmTag+trailerSize)
	binary.BigEndian.PutUint64(table, uint64(size))
	for _, length := range c.lengths {
		table = binary.BigEndian.AppendUint32(table, length)
	}
	sealed := c.sealer.seal(table[:0], table, uint64(len(c.lengths)), kindTable)
	end := append(sealed, c.header[:]...)
	return c.write(binary.BigEndian.AppendUint32(end, uint32(len(sealed))))
}
