package ical

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"fachwerk/internal/contentline"
)

// live is how many bytes are in use.
func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Whatever a text is made of, its object stays within what Memory says, with some room for
// what is made on the way.
func TestMemory(t *testing.T) {
	for _, line := range []string{
		"A:\n", "A;B:\n", "A;B,C:\n", "A;B=,,,,,:\n", "A;B;C;D;E:\n", "A;B;C;D;E:" + strings.Repeat("x", 60) + "\n",
		"X-TEXT:" + strings.Repeat("x\r\n x", 200) + "\n", "X;A=1;B=2;C=3:" + strings.Repeat("x", 100) + "\n",
		"RDATE:20200101T000000Z\n", "EXDATE:" + strings.Repeat("20200101,", 1000) + "20200101\n",
		"ATTENDEE;CN=\"x\":mailto:a@b\n", "BEGIN:VALARM\nTRIGGER:-PT1H\nEND:VALARM\n",
		"END:VEVENT\nBEGIN:VEVENT\nUID:x\nRECURRENCE-ID:20200101T000000Z\nDTSTART:20200101T000000Z\n",
	} {
		for _, size := range []int{64 << 10, 9 << 20} {
			text := largest(t, line, size)
			var object *Object
			before := live()
			c, err := Parse(text)
			if err == nil {
				object, _ = NewObject(c)
			}
			took, allowed := live()-before, Memory(int64(len(text)))
			if took > allowed*9/10 {
				t.Errorf("%.20q, %d bytes: takes %d KiB, Memory says %d", line, len(text), took>>10, allowed>>10)
			}
			runtime.KeepAlive(c)
			runtime.KeepAlive(object)
			runtime.KeepAlive(text)
		}
	}
}

// largest is an event with as many of the lines as fit into size bytes and are taken.
func largest(t *testing.T, line string, size int) []byte {
	t.Helper()
	for n := min(size/len(line), MaxLines/strings.Count(line, "\n")); n > 0; n = n * 9 / 10 {
		text := []byte(fmt.Sprintf("BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:x\nDTSTART:20200101T000000Z\n%sEND:VEVENT\nEND:VCALENDAR\n", strings.Repeat(line, n)))
		_, err := Parse(text)
		if errors.Is(err, contentline.ErrTooLarge) {
			continue
		}
		if err != nil {
			t.Fatalf("%.20q: %v", line, err)
		}
		return text
	}
	t.Fatalf("%.20q is never taken", line)
	return nil
}
