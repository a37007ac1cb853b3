package contacts

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Whatever a card is made of, it stays within what Memory says.
func TestMemory(t *testing.T) {
	for _, line := range []string{
		"A:\n", "A;B:\n", "A;B=,,,,,:\n", "A;B;C;D;E:\n", "g.X;A=1;B=2;C=3:" + strings.Repeat("x", 100) + "\n",
		"PHOTO;ENCODING=b:" + strings.Repeat("QUJD\n QUJD", 2000) + "\n", "EMAIL;TYPE=a,b:x@musterstadt.example\n", "NOTE:" + strings.Repeat("wort ", 100) + "\n",
	} {
		for _, size := range []int{64 << 10, MaxSize - 1000} {
			text := largest(t, line, size)
			before := live()
			card, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			facts := card.Facts()
			took, allowed := live()-before, Memory(int64(len(text)))
			if took > allowed*9/10 {
				t.Errorf("%.20q, %d bytes: takes %d KiB, Memory says %d", line, len(text), took>>10, allowed>>10)
			}
			runtime.KeepAlive(card)
			runtime.KeepAlive(facts)
			runtime.KeepAlive(text)
		}
	}
}

// largest is a card with as many of the lines as fit into size bytes and are taken.
func largest(t *testing.T, line string, size int) []byte {
	t.Helper()
	for n := min(size/len(line), maxLines-10); n > 0; n = n * 9 / 10 {
		text := []byte(fmt.Sprintf("BEGIN:VCARD\nVERSION:3.0\nUID:x\nFN:x\n%sEND:VCARD\n", strings.Repeat(line, n)))
		if _, err := Parse(text); err == nil {
			return text
		}
	}
	t.Fatalf("%.20q is never taken", line)
	return nil
}
