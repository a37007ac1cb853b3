package app

import (
	"fmt"
	"io"
	"os"
	"strings"
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
	fmt.Fprintf(p.w, "\r%s %d of %d %s ", bar(done, all), done, all, p.what)
}

// bar draws how much is done: [#####.....] 50 %.
func bar(done, all int) string {
	const width = 30
	if all <= 0 || done > all {
		all = max(done, 1)
	}
	full := done * width / all
	return fmt.Sprintf("[%s%s] %3d %%", strings.Repeat("#", full), strings.Repeat(".", width-full), done*100/all)
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
