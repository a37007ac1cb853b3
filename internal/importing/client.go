package importing

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

// Server is the server that collections come from.
type Server struct {
	// URL is https://HOST[:PORT][/PATH]; http:// is for this machine alone, as it
	// shows the password to the network.
	URL            string
	User, Password string
	CA             *x509.CertPool // nil: the system's
	BytesPerSecond int64          // read over all connections together; 0: no limit
}

// Client talks to one server and to no other.
type Client struct {
	Base *url.URL

	user, password string
	http           *http.Client
	limit          *rate.Limiter
}

// How long a source may take to answer, and to give the next bytes.
const (
	answerTime = 2 * time.Minute
	stallTime  = 2 * time.Minute
)

// NewClient prepares a client; it sends nothing yet.
func NewClient(s Server) (*Client, error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is not a server such as https://cloud.example/dav/", s.URL)
	}
	if u.User != nil {
		return nil, errors.New("name the server only; user and password have options of their own")
	}
	loopback := isLoopback(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return nil, errors.New("the source must be https://; http:// shows the password to the network and is for 127.0.0.1 only")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	dialer := &net.Dialer{Timeout: 15 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return mayDial(address, loopback)
	}}
	c := &Client{Base: u, user: s.User, password: s.Password}
	if s.BytesPerSecond > 0 {
		c.limit = rate.NewLimiter(rate.Limit(s.BytesPerSecond), int(max(min(s.BytesPerSecond, 64<<10), 1<<10)))
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.CA},
			TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: answerTime, MaxIdleConnsPerHost: 16, MaxConnsPerHost: 16,
			IdleConnTimeout: time.Minute, DisableCompression: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 256 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// mayDial judges the address that a name resolved to. Private networks are where old
// servers stand; what never is a server that people sign in to is refused, and this
// machine where it was not named.
func mayDial(address string, loopback bool) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := a.Addr().Unmap()
	if ip.IsLoopback() != loopback || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return final(fmt.Errorf("its name leads to %s, which an import does not ask", ip))
	}
	return nil
}

// Do sends a request as the user of the source, and follows redirects on the server.
// It is what go-webdav's clients stand on. The body of an answer in XML is bounded.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.send(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 == 2 && answer.StatusCode != http.StatusMultiStatus {
		return answer, nil
	}
	// The decoder of package xml goes down as deep as elements are nested.
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	answer.Body.Close()
	if err == nil && len(text) > maxAnswer {
		err = errors.New("the answer is too long")
	}
	if err == nil {
		err = shallow(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(text))
	return answer, nil
}

// maxAnswer bounds an answer that is read whole.
const maxAnswer = 32 << 20

// maxRedirects is how often a source may send on.
const maxRedirects = 5

// send is Do with the body as it comes.
func (c *Client) send(r *http.Request) (*http.Response, error) {
	for range maxRedirects {
		answer, err := c.once(r)
		if err != nil {
			return nil, err
		}
		switch answer.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			return answer, nil
		}
		answer.Body.Close()
		to, err := r.URL.Parse(answer.Header.Get("Location"))
		if err != nil {
			return nil, fmt.Errorf("%w redirects to no address: %w", ErrSource, err)
		}
		if r, err = again(r, to); err != nil {
			return nil, err
		}
	}
	return nil, final(fmt.Errorf("%w redirects in a circle", ErrSource))
}

// again is a request for another address, method and body as they were.
func again(r *http.Request, to *url.URL) (*http.Request, error) {
	next := r.Clone(r.Context())
	next.URL, next.Host = to, ""
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		next.Body = body
	}
	return next, nil
}

func (c *Client) once(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != c.Base.Scheme || server(r.URL) != server(c.Base) {
		return nil, final(fmt.Errorf("%w points to %s://%s, and only %s is asked; import from there, if that is right",
			ErrSource, r.URL.Scheme, r.URL.Host, c.Base.Host))
	}
	ctx, cancel := context.WithCancel(r.Context())
	r = r.WithContext(ctx)
	if c.user != "" {
		r.SetBasicAuth(c.user, c.password)
	}
	r.Header.Set("User-Agent", "Fachwerk import")
	answer, err := c.http.Do(r)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	answer.Body = &patient{body: answer.Body, cancel: cancel, limit: c.limit, ctx: ctx, stall: time.AfterFunc(stallTime, cancel)}
	return answer, nil
}

// server is host and port, in one form.
func server(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// Get begins to read a resource by its href.
func (c *Client) Get(ctx context.Context, href string) (*http.Response, error) {
	r, err := c.request(ctx, http.MethodGet, href, nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.send(r)
	if err != nil {
		return nil, err
	}
	if err := status(answer); err != nil {
		answer.Body.Close()
		return nil, err
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, method, href string, body io.Reader) (*http.Request, error) {
	u, err := c.Base.Parse(href)
	if err != nil {
		return nil, final(fmt.Errorf("%w gives an address that is none: %w", ErrSource, err))
	}
	return http.NewRequestWithContext(ctx, method, u.String(), body)
}

// status turns an answer that is none into an error.
func status(answer *http.Response) error {
	switch s := answer.StatusCode; {
	case s == http.StatusOK || s == http.StatusMultiStatus:
		return nil
	case s == http.StatusUnauthorized:
		return final(errPassword)
	case s >= 500 || s == http.StatusTooManyRequests || s == http.StatusRequestTimeout:
		return fmt.Errorf("%w answers %s", errBusy, answer.Status)
	default:
		return final(fmt.Errorf("%w answers %s", ErrSource, answer.Status))
	}
}

// errPassword says that the source does not let the user in.
var errPassword = fmt.Errorf("%w refuses user name or password", ErrSource)

// errBusy is an answer that may be another at the next try.
var errBusy = fmt.Errorf("%w", ErrSource)

// patient is a body that may take as long as it will, if only it goes on.
type patient struct {
	body   io.ReadCloser
	cancel context.CancelFunc
	stall  *time.Timer
	limit  *rate.Limiter
	ctx    context.Context
}

func (p *patient) Read(b []byte) (int, error) {
	if p.limit != nil && len(b) > p.limit.Burst() {
		b = b[:p.limit.Burst()]
	}
	p.stall.Reset(stallTime)
	n, err := p.body.Read(b)
	if n > 0 && p.limit != nil {
		p.stall.Stop() // waiting is ours
		if wait := p.limit.WaitN(p.ctx, n); wait != nil && err == nil {
			err = wait
		}
	}
	return n, err
}

func (p *patient) Close() error {
	p.stall.Stop()
	p.cancel()
	return p.body.Close()
}
