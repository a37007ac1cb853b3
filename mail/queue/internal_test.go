package queue

import (
	"bytes"
	"io"
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
