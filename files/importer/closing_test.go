package importer

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/internal/importing"
)

// closing answers GET as HTTP/1.0 does, without a length: the end of the connection is
// the end of the file. give tells how much of it comes at the n-th time, from 1.
func (d *desk) closing(text string, list bool, give func(n int) int) *Server {
	var asked atomic.Int32
	return d.serve(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodGet:
			c, b, err := w.(http.Hijacker).Hijack()
			if err != nil {
				d.t.Error(err)
				return true
			}
			defer c.Close()
			b.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
			b.WriteString(text[:give(int(asked.Add(1)))])
			b.Flush()
		case r.Method == "PROPFIND" && r.Header.Get("Depth") == "1" && !list:
			w.WriteHeader(http.StatusMultiStatus)
			fmt.Fprint(w, `<multistatus xmlns="DAV:"><response><href>/Vertrag.pdf</href><propstat><prop><resourcetype/><getetag>"1"</getetag></prop>`+
				`<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`)
		default:
			return false
		}
		return true
	})
}

// A server that ends its answers by closing breaks off: what comes short of the length
// that it lists is asked for again, and is nowhere where it never comes whole. Where no
// length is told at all, the report says so.
func TestAServerThatEndsAnswersByClosing(t *testing.T) {
	text := strings.Repeat("Zeile\n", 100_000)
	whole := func(int) int { return len(text) }
	for _, one := range []struct {
		name          string
		list          bool
		give          func(n int) int
		stored, notes int
	}{
		{"breaks off once", true, func(n int) int { return []int{250_000, len(text)}[min(n, 2)-1] }, len(text), 0},
		{"always breaks off", true, func(int) int { return 250_000 }, 0, 0},
		{"whole", true, whole, len(text), 0},
		{"no length anywhere", false, whole, len(text), 1},
	} {
		t.Run(one.name, func(t *testing.T) {
			d := newDesk(t)
			d.write("Vertrag.pdf", text, time.Unix(1_500_000_000, 0))
			s := d.closing(text, one.list, one.give)
			for run := 1; run <= 2; run++ {
				r, err := d.from(s)
				if err != nil {
					t.Fatal(err)
				}
				c, i := d.find("Vertrag.pdf")
				if int(i.Size) != one.stored || r.Complete() != (one.stored > 0) {
					t.Errorf("run %d: complete %v with %d bytes stored, want %d: %+v", run, r.Complete(), i.Size, one.stored, r.Failures)
				}
				if one.stored == 0 {
					if len(r.Failures) == 0 || r.Failures[0].Code != importing.AtSource {
						t.Errorf("run %d: failures %+v", run, r.Failures)
					}
				} else if got := d.Body(t, c, i); got != text {
					t.Errorf("run %d: %d bytes are not those of the source", run, len(got))
				}
				if run == 1 && len(r.Notes) != one.notes || run == 2 && len(r.Notes) != 0 {
					t.Errorf("run %d: notes %+v", run, r.Notes)
				}
			}
			d.Sound(t)
		})
	}
}
