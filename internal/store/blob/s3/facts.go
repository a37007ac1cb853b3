package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/replication"
	"github.com/minio/minio-go/v7/pkg/signer"

	"fachwerk/internal/store/blob"
)

const (
	// lookTime bounds each request and connection of Facts.
	lookTime = 10 * time.Second
	// maxAnswer bounds what is read of an answer to GetBucketLocation, bytes.
	maxAnswer = 64 << 10
)

var _ blob.Witness = (*Store)(nil)

// Facts asks the service about the bucket by the connections that serve all
// requests, and makes a new one, which shows where the name leads by now.
func (s *Store) Facts(ctx context.Context) blob.Facts {
	w := &witness{Store: s, ctx: ctx, facts: blob.Facts{Store: "S3", Bucket: s.config.Bucket}}
	w.resolve()
	w.ask(w.location)
	w.ask(w.replication)
	w.ask(w.versions)
	w.used()
	w.connect()
	return w.facts
}

// witness gathers facts.
type witness struct {
	*Store
	ctx   context.Context
	facts blob.Facts

	mu    sync.Mutex // the trace is told from other goroutines
	conns []net.Conn // those that carried requests
}

func (w *witness) answered(about, asked, answer string) {
	w.facts.Questions = append(w.facts.Questions, blob.Question{About: about, Asked: asked, Answered: answer})
}

func (w *witness) failed(about, asked string, err error) {
	text := strings.Join(strings.Fields(err.Error()), " ")
	w.facts.Questions = append(w.facts.Questions, blob.Question{About: about, Asked: asked, Failed: text[:min(len(text), 300)]})
}

func (w *witness) resolve() {
	host := w.host()
	e := blob.Endpoint{Name: host}
	ctx, cancel := context.WithTimeout(w.ctx, lookTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		e.Problem = err.Error()
		w.failed(blob.AboutAddresses, "resolve "+host, err)
	} else {
		for i := range found {
			found[i] = found[i].Unmap()
		}
		slices.SortFunc(found, netip.Addr.Compare)
		e.Addresses = slices.Compact(found)
		w.answered(blob.AboutAddresses, "resolve "+host, fmt.Sprint(e.Addresses))
	}
	w.facts.Endpoints = append(w.facts.Endpoints, e)
}

func (w *witness) host() string {
	if host, _, err := net.SplitHostPort(w.config.Endpoint); err == nil {
		return host
	}
	return strings.Trim(w.config.Endpoint, "[]")
}

// ask makes one request and notes the connection that carried it.
func (w *witness) ask(request func(context.Context)) {
	ctx, cancel := context.WithTimeout(w.ctx, lookTime)
	defer cancel()
	request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !slices.Contains(w.conns, info.Conn) {
			w.conns = append(w.conns, info.Conn)
		}
	}}))
}

// location asks for the region of the bucket. The library answers that from our own
// configuration, so the request is ours.
func (w *witness) location(ctx context.Context) {
	const asked = "GetBucketLocation"
	answer, err := w.get(ctx, "location")
	if err != nil {
		w.failed(blob.AboutLocation, asked, err)
		return
	}
	var found struct {
		Region string `xml:",chardata"`
	}
	if err := xml.Unmarshal(answer, &found); err != nil {
		w.failed(blob.AboutLocation, asked, fmt.Errorf("the answer cannot be read: %w", err))
		return
	}
	switch w.facts.Location = strings.TrimSpace(found.Region); w.facts.Location {
	case "":
		w.facts.Location = "us-east-1" // says the API's description
	case "EU":
		w.facts.Location = "eu-west-1"
	}
	w.answered(blob.AboutLocation, asked, w.facts.Location)
}

// get reads a subresource of the bucket.
func (w *witness) get(ctx context.Context, subresource string) ([]byte, error) {
	u := url.URL{Scheme: "http", Host: w.config.Endpoint, Path: "/" + w.config.Bucket + "/", RawQuery: subresource + "="}
	if w.config.TLS {
		u.Scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	empty := sha256.Sum256(nil)
	request.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(empty[:]))
	response, err := w.transport.RoundTrip(signer.SignV4(*request, w.config.Access, w.config.Secret, "", w.config.Region))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if server := response.Header.Get("Server"); server != "" && w.facts.Store == "S3" {
		w.facts.Store = "S3 (" + server[:min(len(server), 60)] + ")"
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		var refusal struct{ Code, Message string }
		_ = xml.NewDecoder(bytes.NewReader(answer)).Decode(&refusal) // or there is only the status
		return nil, fmt.Errorf("%s %s %s", response.Status, refusal.Code, refusal.Message)
	}
	return answer, nil
}

// replication lists the rules in force. A service that does not know the request
// may still replicate, which nobody sees from here.
func (w *witness) replication(ctx context.Context) {
	const asked = "GetBucketReplication"
	c, err := w.core.GetBucketReplication(ctx, w.config.Bucket)
	if err != nil {
		w.failed(blob.AboutReplication, asked, explained(err))
		return
	}
	for _, rule := range c.Rules {
		to := destination(rule.Destination.Bucket)
		if rule.Status != replication.Enabled {
			w.answered(blob.AboutReplication, asked, fmt.Sprintf("rule %q to %s, %s", rule.ID, to, rule.Status))
			continue
		}
		w.facts.Rules = append(w.facts.Rules, blob.Rule{ID: rule.ID, Destination: to})
		w.answered(blob.AboutReplication, asked, fmt.Sprintf("rule %q to %s", rule.ID, to))
	}
	if len(c.Rules) == 0 {
		w.answered(blob.AboutReplication, asked, "no rules")
	}
}

// destination is the bucket of an ARN, such as arn:aws:s3:::bucket.
func destination(arn string) string {
	return arn[strings.LastIndexByte(arn, ':')+1:]
}

func (w *witness) versions(ctx context.Context) {
	const asked = "GetBucketVersioning"
	c, err := w.core.GetBucketVersioning(ctx, w.config.Bucket)
	if err != nil {
		w.failed(blob.AboutVersions, asked, explained(err))
		return
	}
	w.facts.Versions = c.Status
	w.answered(blob.AboutVersions, asked, fmt.Sprintf("%q", c.Status))
}

// explained is a refusal with its code, by which people know it.
func explained(err error) error {
	if answer := minio.ToErrorResponse(err); answer.Code != "" {
		return fmt.Errorf("%d %s: %w", answer.StatusCode, answer.Code, err)
	}
	return err
}

// used tells the connections that carried the requests.
func (w *witness) used() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		w.connection("in use", c)
	}
	if len(w.conns) == 0 {
		none := errors.New("no connection")
		w.failed(blob.AboutAddresses, "connection in use", none)
		w.failed(blob.AboutCertificate, "connection in use", none)
	}
}

// connect makes a new connection, and sends nothing over it.
func (w *witness) connect() {
	ctx, cancel := context.WithTimeout(w.ctx, lookTime)
	defer cancel()
	address := w.config.Endpoint
	if _, _, err := net.SplitHostPort(address); err != nil {
		port := map[bool]string{false: "80", true: "443"}[w.config.TLS]
		address = net.JoinHostPort(w.host(), port)
	}
	conn, err := w.dial(ctx, address)
	if err != nil {
		w.failed(blob.AboutAddresses, "connection new", err)
		w.failed(blob.AboutCertificate, "connection new", err)
		return
	}
	defer conn.Close()
	w.connection("new", conn)
}

func (w *witness) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := w.transport.DialContext(ctx, "tcp", address)
	if err != nil || !w.config.TLS {
		return conn, err
	}
	config := w.transport.TLSClientConfig.Clone()
	config.ServerName = w.host()
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secured, nil
}

func (w *witness) connection(name string, conn net.Conn) {
	c := blob.Connection{Name: name}
	if t, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		c.Remote = t.AddrPort().Addr().Unmap()
	}
	w.answered(blob.AboutAddresses, "connection "+name, "other end "+conn.RemoteAddr().String())
	asked := "connection " + name
	secured, ok := conn.(*tls.Conn)
	if !ok || len(secured.ConnectionState().PeerCertificates) == 0 {
		w.answered(blob.AboutCertificate, asked, "not encrypted")
	} else {
		leaf := secured.ConnectionState().PeerCertificates[0]
		sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
		c.Certificate = &blob.Certificate{
			Key: base64.StdEncoding.EncodeToString(sum[:]), Subject: leaf.Subject.String(),
			Names: leaf.DNSNames, Issuer: leaf.Issuer.String(), NotAfter: leaf.NotAfter.UTC(),
		}
		for _, ip := range leaf.IPAddresses {
			c.Certificate.Names = append(c.Certificate.Names, ip.String())
		}
		w.answered(blob.AboutCertificate, asked, fmt.Sprintf("key %s, subject %s, names %v, issuer %s, valid until %s", c.Certificate.Key,
			c.Certificate.Subject, c.Certificate.Names, c.Certificate.Issuer, c.Certificate.NotAfter.Format(time.DateOnly)))
	}
	w.facts.Connections = append(w.facts.Connections, c)
}
