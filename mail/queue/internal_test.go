package queue

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/store"
)

func TestWaitsGrowAndDiffer(t *testing.T) {
	q := &Queue{cfg: Config{Schedule: []time.Duration{time.Minute, time.Hour}}}
	for attempts, base := range []time.Duration{time.Minute, time.Hour, time.Hour, time.Hour} {
		for range 100 {
			if w := q.wait(attempts); w < base-base/10 || w > base+base/10 {
				t.Fatalf("after %d attempts %v, want about %v", attempts, w, base)
			}
		}
	}
}

func TestMergeJoinsOneMessagesRemoteHops(t *testing.T) {
	claim := func(id int64, hop string, token int64, n int) store.QueueClaim {
		return store.QueueClaim{NextHop: hop, Token: token, Message: store.QueueMessage{
			Ref: store.QueueRef{ID: id}, Recipients: []store.QueueRecipient{{N: n}}}}
	}
	jobs := merge([]store.QueueClaim{
		claim(1, "a.example", 7, 0), claim(1, store.LocalHop, 7, 1), claim(1, "b.example", 7, 2), claim(2, "a.example", 7, 0),
	})
	if len(jobs) != 3 || jobs[0].local || len(jobs[0].message.Recipients) != 2 || !jobs[1].local || len(jobs[2].message.Recipients) != 1 {
		t.Errorf("%+v", jobs)
	}
}

func TestPrintable(t *testing.T) {
	if got := printable("a\r\nb\x00\x7f\tü\xff ", 100); got != "a  b?? ü?" {
		t.Errorf("%q", got)
	}
	if got := printable(strings.Repeat("ä", 100), 11); len(got) > 12 {
		t.Errorf("%d bytes", len(got))
	}
}

// A block that is not taken ends a connection; as long as blocks are, it may take any time.
func TestBlocksMoveTheDeadline(t *testing.T) {
	const stall = 2 * time.Second
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := &boundConn{Conn: ours, until: time.Now().Add(time.Hour), stall: stall}
	defer c.Close()
	done, blocks := make(chan error, 1), 8
	go func() {
		_, err := c.Write(make([]byte, blocks*blockSize))
		done <- err
	}()
	began := time.Now()
	for range blocks {
		time.Sleep(stall / 7)
		if _, err := io.ReadFull(theirs, make([]byte, blockSize)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil || time.Since(began) < stall {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	c.stall = 50 * time.Millisecond
	if n, err := c.Write(make([]byte, blockSize)); !errors.Is(err, os.ErrDeadlineExceeded) || n != 0 {
		t.Errorf("%d bytes were taken by nobody, %v", n, err)
	}
	c.stall, c.until = time.Hour, time.Now().Add(50*time.Millisecond)
	if _, err := c.Write([]byte("a")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("past the end: %v", err)
	}
}

func TestAddressesToDial(t *testing.T) {
	for _, a := range []string{"relay.fern.example:0:0", "0.0.0.0:25", "224.0.0.1:25"} {
		if _, err := (&dialer{}).dial(t.Context(), "tcp", a); err == nil {
			t.Errorf("dialled %s", a)
		}
	}
}

// FuzzRecoder recodes any message; what comes out is ASCII in lines of CRLF.
func FuzzRecoder(f *testing.F) {
	f.Add("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n", "Grüße\r\n")
	f.Add("MIME-Version: 1.0\r\nContent-Transfer-Encoding:\r\n 8bit\r\nX", "\x00\xff")
	f.Fuzz(func(t *testing.T, head, body string) {
		header := []byte(head + "\r\n\r\n")
		c, err := newRecoder(header)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := c.copy(&out, io.MultiReader(bytes.NewReader(header), strings.NewReader(body))); err != nil {
			t.Fatal(err)
		}
		if !isASCII(out.String()) {
			t.Fatalf("%q", out.String())
		}
	})
}

// FuzzReplies feeds a peer's words to what makes reports of them.
func FuzzReplies(f *testing.F) {
	f.Add("550 5.1.1 weg\r\n", "a+2Bb")
	f.Fuzz(func(t *testing.T, reply, xtext string) {
		got := text(outcome{reply: reply, mta: "a", status: "5.0.0"})
		if strings.ContainsAny(got, "\r\n\x00") || len(got) > 600 {
			t.Fatalf("%q", got)
		}
		if plain, err := decodeXtext(xtext); err == nil && len(plain) > len(xtext) {
			t.Fatalf("%q became longer: %q", xtext, plain)
		}
	})
}
