package s3_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/testenv/need"
)

func TestFacts(t *testing.T) {
	c, err := s3.Parse(need.S3(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := s3.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := s.Facts(t.Context())
	if len(f.Endpoints) != 1 || len(f.Endpoints[0].Addresses) == 0 || f.Location != c.Region || f.Bucket != c.Bucket {
		t.Errorf("%+v", f)
	}
	seen := map[string]bool{}
	for _, connection := range f.Connections {
		seen[connection.Name] = true
		if !connection.Remote.IsValid() || connection.Certificate != nil {
			t.Errorf("%+v", connection)
		}
	}
	if !seen["in use"] || !seen["new"] {
		t.Errorf("connections %+v", f.Connections)
	}
	about := map[string]bool{}
	for _, q := range f.Questions {
		about[q.About] = true
		if (q.Answered == "") == (q.Failed == "") || strings.Contains(q.Answered+q.Failed, c.Secret+"@") {
			t.Errorf("%+v", q)
		}
	}
	for _, a := range []string{blob.AboutAddresses, blob.AboutCertificate, blob.AboutLocation, blob.AboutReplication, blob.AboutVersions} {
		if !about[a] {
			t.Errorf("nothing was asked about %s", a)
		}
	}
}

// service answers what a service with replication and versions does, over TLS.
func service(t *testing.T, answers map[string]string) (*httptest.Server, *s3.Store) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for subresource, answer := range answers {
			if _, asked := r.URL.Query()[subresource]; asked && r.Header.Get("Authorization") != "" {
				w.Header().Set("Server", "Musterspeicher/1")
				w.Write([]byte(answer))
				return
			}
		}
		w.WriteHeader(http.StatusNotImplemented)
		w.Write([]byte("<Error><Code>NotImplemented</Code><Message>A header implies functionality that is not there</Message></Error>"))
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s, err := s3.Open(s3.Config{Endpoint: u.Host, TLS: true, Region: "eu-test", Bucket: "bucket", Access: "a", Secret: "s", Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return server, s
}

func TestFactsOfAServiceThatReplicates(t *testing.T) {
	server, s := service(t, map[string]string{
		"location":   `<?xml version="1.0"?><LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-elsewhere</LocationConstraint>`,
		"versioning": `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`,
		"replication": `<ReplicationConfiguration><Rule><ID>one</ID><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::copy</Bucket></Destination></Rule>
			<Rule><ID>two</ID><Status>Disabled</Status><Destination><Bucket>arn:aws:s3:::off</Bucket></Destination></Rule></ReplicationConfiguration>`,
	})
	f := s.Facts(t.Context())
	if f.Location != "eu-elsewhere" || f.Versions != "Enabled" || len(f.Rules) != 1 || f.Rules[0] != (blob.Rule{ID: "one", Destination: "copy"}) ||
		f.Store != "S3 (Musterspeicher/1)" {
		t.Errorf("%+v", f)
	}
	sum := sha256.Sum256(server.Certificate().RawSubjectPublicKeyInfo)
	key := base64.StdEncoding.EncodeToString(sum[:])
	if len(f.Connections) < 2 {
		t.Fatalf("%+v", f.Connections)
	}
	for _, c := range f.Connections {
		if c.Certificate == nil || c.Certificate.Key != key || c.Certificate.NotAfter.IsZero() {
			t.Errorf("%+v", c)
		}
	}
}

func TestFactsOfAServiceThatKnowsLittle(t *testing.T) {
	_, s := service(t, nil)
	failed := map[string]string{}
	for _, q := range s.Facts(t.Context()).Questions {
		if q.Failed != "" {
			failed[q.About] = q.Failed
		}
	}
	for _, about := range []string{blob.AboutLocation, blob.AboutReplication, blob.AboutVersions} {
		if !strings.Contains(failed[about], "NotImplemented") {
			t.Errorf("%s: %q", about, failed[about])
		}
	}
}

func TestFactsOfAServiceThatIsAway(t *testing.T) {
	s, err := s3.Open(s3.Config{Endpoint: "127.0.0.1:1", Region: "eu-test", Bucket: "bucket", Access: "a", Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	failed := map[string]bool{}
	f := s.Facts(t.Context())
	for _, q := range f.Questions {
		failed[q.About] = failed[q.About] || q.Failed != ""
	}
	for _, a := range []string{blob.AboutAddresses, blob.AboutCertificate, blob.AboutLocation, blob.AboutReplication, blob.AboutVersions} {
		if !failed[a] {
			t.Errorf("no failed question about %s", a)
		}
	}
	if len(f.Connections) > 0 {
		t.Errorf("%+v", f.Connections)
	}
}
