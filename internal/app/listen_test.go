package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/app/config"
	"fachwerk/internal/testenv/need"
)

// serveForTest fills a folder by the demo and serves it with a configuration that
// edit changed; stop ends it and gives its error.
func serveForTest(t *testing.T, edit func(*config.Config)) (d DemoState, s *Server, stop func() error) {
	t.Helper()
	dir := t.TempDir()
	d, end := startForTest(t, dir)
	if err := end(); err != nil {
		t.Fatal(err)
	}
	c, err := Where{Data: dir}.Load()
	if err != nil {
		t.Fatal(err)
	}
	edit(c)
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	listeners, err := bind(t.Context(), &c.Listen, Parts())
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	probes := newOps(log)
	probes.begin(listeners["ops"])
	in, err := open(t.Context(), c, log, Renewal{})
	if err != nil {
		t.Fatal(err)
	}
	s, err = newServer(t.Context(), in, listeners, Parts(), probes)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, started := make(chan error, 1), make(chan struct{})
	go func() { done <- errors.Join(s.Run(ctx, func() { close(started) }), in.Close()) }()
	<-started
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if !stopped {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
	})
	return d, s, stop
}

// proxyHeader is what a load balancer writes for a client by IPv4.
func proxyHeader(client string) []byte {
	from := netip.MustParseAddr(client).As4()
	b := append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"), from[:]...)
	b = append(b, 198, 51, 100, 1)
	b = binary.BigEndian.AppendUint16(b, 40000)
	return binary.BigEndian.AppendUint16(b, 143)
}

// A lineClient speaks a protocol of lines.
type lineClient struct {
	net.Conn
	in *bufio.Reader
}

// dialLines connects, sends first what comes before the protocol.
func dialLines(t *testing.T, address string, before []byte) *lineClient {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	_, _ = conn.Write(before) // it may be closed already
	return &lineClient{conn, bufio.NewReader(conn)}
}

// line is the next one, "" at the end of the connection.
func (c *lineClient) line() string {
	text, _ := c.in.ReadString('\n')
	return strings.TrimRight(text, "\r\n")
}

// ask sends a command and reads up to the line with its tag.
func (c *lineClient) ask(format string, args ...any) string {
	fmt.Fprintf(c, "x "+format+"\r\n", args...)
	for {
		if l := c.line(); l == "" || strings.HasPrefix(l, "x ") {
			return l
		}
	}
}

func onFreePorts(trusted string) func(*config.Config) {
	return func(c *config.Config) {
		p := &c.Listen.Proxy
		p.IMAP, p.IMAPS, p.Submission, p.Portal, p.HTTP = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
		p.Trusted = []netip.Prefix{netip.MustParsePrefix(trusted)}
	}
}

// Whoever guesses through a load balancer is slowed down by the address that the
// header gives, and nobody else behind the same load balancer.
func TestThrottlesSeeTheClientBehindALoadBalancer(t *testing.T) {
	d, s, _ := serveForTest(t, func(c *config.Config) {
		onFreePorts("127.0.0.0/8")(c)
		c.TLS.PlainLogin = "loopback"
		c.Limits.FailedLogins = 100
		c.Limits.ConnectionsPerAddress = 3
	})
	address := s.listeners.Address("proxy.imaps")
	login := func(client, password string) string {
		t.Helper()
		c := dialLines(t, address, proxyHeader(client))
		secure := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
		defer secure.Close()
		c = &lineClient{secure, bufio.NewReader(secure)}
		if greeting := c.line(); !strings.HasPrefix(greeting, "* OK") {
			t.Fatalf("%s is greeted by %q", client, greeting)
		}
		return c.ask("LOGIN %s %s", d.Accounts[0].Address, password)
	}
	if got := login("192.0.2.7", d.Accounts[0].AppPassword); !strings.HasPrefix(got, "x OK") {
		t.Fatalf("through a load balancer: %s", got)
	}
	// 192.0.2.7 is not on this machine, so no login without TLS for it.
	plain := dialLines(t, s.listeners.Address("proxy.imap"), proxyHeader("192.0.2.7"))
	plain.line()
	if got := plain.ask("LOGIN %s %s", d.Accounts[0].Address, d.Accounts[0].AppPassword); !strings.HasPrefix(got, "x NO") {
		t.Errorf("without TLS: %s", got)
	}
	// Connections are counted by the client's address.
	for i, client := range []string{"192.0.2.9", "192.0.2.9", "192.0.2.9", "192.0.2.9", "192.0.2.10"} {
		c := dialLines(t, s.listeners.Address("proxy.imap"), proxyHeader(client))
		if greeting, want := c.line(), map[bool]string{true: "* BYE", false: "* OK"}[i == 3]; !strings.HasPrefix(greeting, want) {
			t.Errorf("connection %d from %s: %q, want %s", i, client, greeting, want)
		}
	}
	// So are failed logins: from there even the right password is not looked at any more.
	guesser := dialLines(t, s.listeners.Address("proxy.imap"), proxyHeader("127.0.0.77"))
	guesser.line()
	for i := range 100 {
		if got := guesser.ask("LOGIN %s wrong%d", d.Accounts[1].Address, i); !strings.HasPrefix(got, "x NO") {
			t.Fatalf("a wrong password: %q", got)
		}
	}
	for _, test := range []struct{ client, want string }{{"127.0.0.77", "x NO [LIMIT]"}, {"127.0.0.78", "x OK"}} {
		c := dialLines(t, s.listeners.Address("proxy.imap"), proxyHeader(test.client))
		c.line()
		if got := c.ask("LOGIN %s %s", d.Accounts[1].Address, d.Accounts[1].AppPassword); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s after 100 failures of 127.0.0.77: %q, want %s", test.client, got, test.want)
		}
	}
}

func TestLoadBalancersAloneMaySpeakForClients(t *testing.T) {
	_, s, _ := serveForTest(t, onFreePorts("127.0.0.9/32"))
	for _, key := range []string{"proxy.imap", "proxy.submission", "proxy.portal", "proxy.http"} {
		c := dialLines(t, s.listeners.Address(key), proxyHeader("192.0.2.7"))
		if got := c.line(); got != "" {
			t.Errorf("%s answers whoever is no load balancer: %q", key, got)
		}
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	conn, err := dialer.Dial("tcp", s.listeners.Address("proxy.imap"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(proxyHeader("192.0.2.7")); err != nil {
		t.Fatal(err)
	}
	if greeting, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(greeting, "* OK") {
		t.Errorf("the load balancer is greeted by %q, %v", greeting, err)
	}
}

// Without a header of version 2 nobody is served.
func TestWithoutAHeaderNobodyIsServed(t *testing.T) {
	_, s, _ := serveForTest(t, onFreePorts("127.0.0.0/8"))
	for _, key := range []string{"proxy.imap", "proxy.portal"} {
		for _, begin := range []string{"x CAPABILITY\r\n and more of it\r\n", "GET / HTTP/1.1\r\nHost: portal\r\n\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 4711 143\r\n"} {
			if got := dialLines(t, s.listeners.Address(key), []byte(begin)).line(); got != "" {
				t.Errorf("%s answers %q by %q", key, begin, got)
			}
		}
	}
}

// HTTP behind a load balancer sees the client too: X-Forwarded-For of a stranger
// does not count.
func TestHTTPBehindALoadBalancer(t *testing.T) {
	d, s, _ := serveForTest(t, onFreePorts("127.0.0.0/8"))
	client := func(from string) *http.Client {
		return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, s.listeners.Address("proxy.http"))
			if err == nil {
				_, err = conn.Write(proxyHeader(from))
			}
			return conn, err
		}}}
	}
	try := func(from, password string) int {
		t.Helper()
		r, err := http.NewRequest(http.MethodOptions, d.WebDAV, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(d.Accounts[0].Address, password)
		r.Header.Set("X-Forwarded-For", "203.0.113.99")
		res, err := client(from).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if got := try("192.0.2.7", d.Accounts[0].AppPassword); got != http.StatusOK {
		t.Fatalf("through a load balancer: %d", got)
	}
	throttled := false
	for i := range 400 {
		if got := try("192.0.2.8", fmt.Sprint("wrong", i)); got == http.StatusTooManyRequests {
			throttled = true
			break
		} else if got != http.StatusUnauthorized {
			t.Fatalf("a wrong password: %d", got)
		}
	}
	if !throttled {
		t.Fatal("guessing is never slowed down")
	}
	if got := try("192.0.2.7", d.Accounts[0].AppPassword); got != http.StatusOK {
		t.Errorf("somebody else behind the same load balancer: %d", got)
	}
}

func TestIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		need.NotRun(t, "this machine has no IPv6 loopback")
	} else {
		l.Close()
	}
	d, s, _ := serveForTest(t, func(c *config.Config) {
		c.Listen.IMAP, c.Listen.HTTP, c.Listen.LMTP = "[::1]:0", "[::1]:0", ":0"
	})
	c := dialLines(t, s.listeners.Address("imap"), nil)
	c.line()
	if got := c.ask("LOGIN %s %s", d.Accounts[0].Address, d.Accounts[0].AppPassword); !strings.HasPrefix(got, "x OK") {
		t.Errorf("IMAP by IPv6: %s", got)
	}
	res, err := http.Get("http://" + s.listeners.Address("http") + "/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("HTTP by IPv6: %s", res.Status)
	}
	// No address stands for both families.
	_, port, err := net.SplitHostPort(s.listeners.Address("lmtp"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		if got := dialLines(t, net.JoinHostPort(host, port), nil).line(); !strings.HasPrefix(got, "220 ") {
			t.Errorf("LMTP at %s: %q", host, got)
		}
	}
}

func TestPortsOfTheSetUpPages(t *testing.T) {
	bound, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer bound.Close()
	port := bound.Addr().(*net.TCPAddr).Port
	c := config.Default()
	c.Public.Name = "mail.musterstadt.example"
	c.Listen.IMAPS, c.Listen.IMAP, c.Listen.Proxy.Submissions, c.Listen.Submissions = "127.0.0.1:0", ":1143", ":10465", ""
	s := &Server{in: &Installation{cfg: c}, listeners: Listeners{"imaps": bound}}
	for _, test := range []struct {
		key    string
		public int64
		want   int
	}{
		{"imaps", 0, port}, {"imaps", 993, 993}, {"imap", 0, 1143}, // another process serves it
		{"submissions", 0, 465}, {"submissions", 10465, 10465},
	} {
		if got := s.mailServer(test.key, test.public, true); got.Port != test.want || got.Host != c.Public.Name {
			t.Errorf("%s, public.ports says %d: %+v, want port %d", test.key, test.public, got, test.want)
		}
	}
	c.Listen.IMAP = ""
	if got := s.mailServer("imap", 143, false); got.Host != "" {
		t.Errorf("a listener that is off: %+v", got)
	}
}
