package smtp_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"fachwerk/mail/queue/queuetest"
	"fachwerk/mail/smtp"
)

// BenchmarkLMTP delivers messages of 1 to 64 KB, 8 KB in the middle, durably,
// and reports messages per second.
func BenchmarkLMTP(b *testing.B) {
	for _, c := range []struct{ connections, accounts int }{{1, 1}, {16, 1}, {16, 16}} {
		b.Run(fmt.Sprintf("connections=%d/accounts=%d", c.connections, c.accounts), func(b *testing.B) {
			deliverMany(b, smtp.LMTP, c.connections, c.accounts)
		})
	}
}

// BenchmarkRelay is the same by SMTP through the queue, until it is empty.
func BenchmarkRelay(b *testing.B) { deliverMany(b, smtp.Relay, 16, 16) }

func deliverMany(b *testing.B, mode smtp.Mode, connections, accounts int) {
	s := start(b, mode, nil)
	verb := map[smtp.Mode]string{smtp.LMTP: "LHLO", smtp.Relay: "EHLO"}[mode]
	var people []queuetest.Account
	for i := range accounts {
		people = append(people, s.Person(b, fmt.Sprintf("person%d", i)))
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	var messages [][]byte
	for range 64 {
		var m bytes.Buffer
		m.WriteString("From: x@fern.example\r\nTo: y@musterstadt.example\r\nSubject: Vorlage\r\nMIME-Version: 1.0\r\n" +
			"Content-Type: text/plain; charset=utf-8\r\n\r\n")
		for size := 1 << (10 + rnd.IntN(7)); m.Len() < size; {
			fmt.Fprintf(&m, "Zeile %d mit Text, wie er in Briefen steht, und %x\r\n", m.Len(), rnd.Uint64())
		}
		messages = append(messages, append(m.Bytes(), ".\r\n"...))
	}
	var clients []*chat
	for range connections {
		clients = append(clients, s.hello(b, verb))
	}
	work := make(chan int)
	b.ResetTimer()
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			for n := range work {
				c.send("MAIL FROM:<x@fern.example>\r\nRCPT TO:<" + people[n%accounts].Address + ">\r\nDATA\r\n")
				c.want("250")
				c.want("250")
				c.want("354")
				c.send(string(messages[n%len(messages)]))
				c.want("250")
			}
		})
	}
	for n := range b.N {
		work <- n
	}
	close(work)
	wg.Wait()
	if mode == smtp.Relay {
		s.Empty(b)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
