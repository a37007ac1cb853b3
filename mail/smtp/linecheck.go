package smtp

// lineCheck finds bare CR and bare LF in bytes that come in pieces (BDAT has no
// line structure of its own; DATA's reader looks for itself).
type lineCheck struct {
	cr   bool // the last byte was CR
	bare bool
}

// look takes the next bytes.
func (c *lineCheck) look(p []byte) {
	if c.bare || len(p) == 0 {
		return
	}
	for len(p) > 0 {
		if c.cr {
			if p[0] != '\n' {
				c.bare = true
				return
			}
			c.cr = false
			p = p[1:]
			continue
		}
		i := plainRun(p)
		if i == len(p) {
			return
		}
		if p[i] == '\n' {
			c.bare = true
			return
		}
		c.cr = true
		p = p[i+1:]
	}
}

// foundBare tells whether a bare CR or LF was among the bytes; ask at the end.
func (c *lineCheck) foundBare() bool { return c.bare || c.cr }
