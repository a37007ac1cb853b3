package parts

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"fachwerk/internal/testenv/need"
)

// The gateway's credentials, region and bucket.
const (
	GatewayAccess = "ak"
	GatewaySecret = "sk-musterstadt"
	GatewayRegion = "eu-test"
	GatewayBucket = "fachwerk"
)

// Gateway is an S3 service of its own, a versitygw.
type Gateway struct {
	Address, Port string
	program, data string
	certificate   *Certificate
	running       *process
}

// NewGateway starts a service on an address, with one empty bucket. A certificate of
// nil means no encryption.
func NewGateway(t testing.TB, address string, c *Certificate) *Gateway {
	t.Helper()
	g := &Gateway{Address: address, Port: FreePort(t, address), program: gatewayProgram(t), data: folder(t, "fachwerk-s3-", nil)}
	g.running = newProcess(t, "versitygw at "+address, g.Endpoint(), nil,
		"ROOT_ACCESS_KEY="+GatewayAccess, "ROOT_SECRET_KEY="+GatewaySecret)
	must(t, os.Mkdir(filepath.Join(g.data, "buckets"), 0o700))
	g.Start(t, c)
	g.MakeBucket(t, GatewayBucket)
	return g
}

// MakeBucket makes an empty bucket beside those that there are.
func (g *Gateway) MakeBucket(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	must(t, g.client(t).MakeBucket(ctx, name, minio.MakeBucketOptions{Region: GatewayRegion}))
}

// Objects lists the keys in a bucket.
func (g *Gateway) Objects(t testing.TB, bucket string) (keys []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for o := range g.client(t).ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
		must(t, o.Err)
		keys = append(keys, o.Key)
	}
	return keys
}

func (g *Gateway) client(t testing.TB) *minio.Client {
	t.Helper()
	client, err := minio.New(g.Endpoint(), &minio.Options{
		Creds: credentials.NewStaticV4(GatewayAccess, GatewaySecret, ""), Secure: g.certificate != nil, Region: GatewayRegion, Transport: g.transport(),
	})
	must(t, err)
	return client
}

// URL names a bucket as the configuration does; who holds the access key and, where no
// file has it, the secret key.
func (g *Gateway) URL(bucket string, who *url.Userinfo) string {
	u := url.URL{Scheme: "s3", User: who, Host: g.Endpoint(), Path: "/" + bucket, RawQuery: "region=" + GatewayRegion}
	if g.certificate == nil {
		u.RawQuery += "&tls=off"
	}
	return u.String()
}

func (g *Gateway) transport() http.RoundTripper {
	if g.certificate == nil {
		return nil
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: g.certificate.Roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
}

// gatewayProgram is the one that the project builds, or one on PATH.
func gatewayProgram(t testing.TB) string {
	t.Helper()
	at, err := os.Getwd()
	must(t, err)
	for ; at != filepath.Dir(at); at = filepath.Dir(at) {
		built := filepath.Join(at, "tools", "bin", "versitygw")
		if _, err := os.Stat(built); err == nil {
			return built
		}
	}
	found, err := exec.LookPath("versitygw")
	if err != nil {
		need.Missing(t, "needs an S3 service to start: make test builds tools/bin/versitygw")
	}
	return found
}

// Endpoint is the service's host and port.
func (g *Gateway) Endpoint() string { return net.JoinHostPort(g.Address, g.Port) }

// Start starts the service, again if it was stopped, with a certificate or without.
func (g *Gateway) Start(t testing.TB, c *Certificate) {
	t.Helper()
	g.certificate = c
	args := []string{g.program, "--port", g.Endpoint(), "--region", GatewayRegion, "--quiet", "--keep-alive"}
	if c != nil {
		cert, key := filepath.Join(g.data, "cert.pem"), filepath.Join(g.data, "key.pem")
		must(t, os.WriteFile(cert, c.Cert, 0o600))
		must(t, os.WriteFile(key, c.Key, 0o600))
		args = append(args, "--cert", cert, "--key", key)
	}
	args = append(args, "posix", filepath.Join(g.data, "buckets"))
	g.running.start(t, args...)
}

// Stop stops the service in an orderly way.
func (g *Gateway) Stop(t testing.TB) {
	t.Helper()
	g.running.end(t, syscall.SIGINT)
}

// Kill ends the service at once.
func (g *Gateway) Kill(t testing.TB) {
	t.Helper()
	g.running.end(t, syscall.SIGKILL)
}
