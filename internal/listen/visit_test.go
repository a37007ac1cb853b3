package listen

import (
	"net"
	"testing"
	"time"
)

// A balancer that only looks whether somebody listens is no connection for the server, nor
// one that was refused; one that speaks loses no byte.
func TestBalancerThatOnlyLooks(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := &counted{reasons: map[string]int{}}
	l := Proxy(inner, ProxyOptions{Trusted: loopback, Refused: refused.refused})
	t.Cleanup(func() { l.Close() })
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- conn
		}
	}()
	look, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = look.Write(header(0, "", "", ""))
	_ = look.(*net.TCPConn).CloseWrite()
	_ = look.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := look.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("one that looks is answered: %d, %v", n, err)
	}
	look.Close()
	speak, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer speak.Close()
	_, _ = speak.Write(append(header(0, "", "", ""), "EHLO"...))
	conn := <-accepted // the first that is accepted is the second that came
	defer conn.Close()
	got := make([]byte, 4)
	for at := 0; at < len(got); {
		n, err := conn.Read(got[at:])
		if err != nil {
			t.Fatal(err)
		}
		at += n
	}
	if string(got) != "EHLO" || refused.of(BadHeader)+refused.of(Untrusted) != 0 {
		t.Errorf("heard %q, refused %v", got, refused.reasons)
	}
}
