package app

import (
	"fmt"
	"io"
	"os"
	"time"
)

// Progress shows how far long work has come, on a terminal only.
type Progress struct {
	w    io.Writer
	what string
	last time.Time
	used bool
}

// NewProgress shows on w how many of what are done.
func NewProgress(w io.Writer, what string) *Progress { return &Progress{w: w, what: what} }

// Step tells how many are done.
func (p *Progress) Step(done, all int) {
	if !IsTerminal(p.w) || time.Since(p.last) < 100*time.Millisecond && done < all {
		return
	}
	p.last, p.used = time.Now(), true
	fmt.Fprintf(p.w, "\r%s: %d of %d", p.what, done, all)
}

// End ends the line.
func (p *Progress) End() {
	if p.used {
		fmt.Fprintln(p.w)
	}
}

// IsTerminal reports whether w is a character device: a screen, no file and no
// pipe.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
