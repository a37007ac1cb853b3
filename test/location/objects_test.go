package location_test

import (
	"testing"

	"fachwerk/internal/testenv/parts"
	"fachwerk/location"
)

// TestObjectStoreElsewhere: an S3 service outside the declared networks is found, and
// what it does not tell is not made up.
func TestObjectStoreElsewhere(t *testing.T) {
	service := parts.NewGateway(t, "127.0.0.4", nil)
	s := newSite(t, "127.0.0.4/32")
	s.objects(t, service.Endpoint(), nil)
	inside := s.verify(t)
	inside.found(location.Objects, location.Addresses, "127.0.0.4", location.Inside)
	inside.found(location.Objects, location.Addresses, "connection in use", location.Inside)
	inside.found(location.Objects, location.Addresses, "connection new", location.Inside)
	inside.found(location.Objects, location.Identity, "", location.NotEncrypted)
	if o := inside.found(location.Objects, location.Bucket, "", location.First); o.Seen != parts.GatewayRegion {
		t.Errorf("the region is %s", o.Seen)
	}
	inside.found(location.Objects, location.Replication, "", location.Unseen) // versitygw does not know of it
	inside.refuses(false)

	s.Networks = prefixes("127.0.0.5/32")
	outside := s.verify(t)
	says(t, outside.found(location.Objects, location.Addresses, "connection in use", location.Outside), "127.0.0.4", "127.0.0.5/32")
	outside.found(location.Objects, location.Addresses, "127.0.0.4", location.Outside)
	outside.refuses(true)

	s.Networks = prefixes("127.0.0.4/32")
	s.Objects.Location = "de-musterstadt"
	region := s.verify(t)
	says(t, region.found(location.Objects, location.Bucket, "", location.NotDeclared), "eu-test", "de-musterstadt")
	region.refuses(true)
	s.Objects.Location = parts.GatewayRegion
	s.verify(t).found(location.Objects, location.Bucket, "", location.AsDeclared)

	service.Stop(t)
	away := s.verify(t)
	away.found(location.Objects, location.Addresses, "connection new", location.Unseen)
	away.found(location.Objects, location.Bucket, "", location.Unseen)
	away.refuses(false) // it was seen a moment ago
	unknown := newSite(t, "127.0.0.4/32")
	unknown.blobs = s.blobs
	unknown.verify(t).refuses(true) // what nobody has seen is not verified
}

// TestChangedCertificateOfTheObjectStore: another key at the same address.
func TestChangedCertificateOfTheObjectStore(t *testing.T) {
	one, other := parts.NewCertificate(t, "127.0.0.4"), parts.NewCertificate(t, "127.0.0.4")
	service := parts.NewGateway(t, "127.0.0.4", one)
	roots := one.Roots.Clone()
	if !roots.AppendCertsFromPEM(other.Cert) {
		t.Fatal("the other certificate is none")
	}
	s := newSite(t, "127.0.0.4/32")
	s.objects(t, service.Endpoint(), roots)
	if o := s.verify(t).found(location.Objects, location.Identity, "", location.First); o.Seen != one.Pin {
		t.Errorf("seen %s, shown %s", o.Seen, one.Pin)
	}
	service.Stop(t)
	service.Start(t, other)
	changed := s.verify(t)
	says(t, changed.found(location.Objects, location.Identity, "", location.Changed), one.Pin, other.Pin)
	changed.refuses(true)
	accepted := s.accept(t, location.Objects, location.Identity)
	accepted.found(location.Objects, location.Identity, "", location.AsBefore)
	accepted.refuses(false)
	s.Objects.CertificateKeys = []string{one.Pin}
	s.verify(t).found(location.Objects, location.Identity, "", location.NotDeclared)

	// Without trust in its certificate there is no connection and no identity: what
	// differed stands, and the expectation stays.
	s.objects(t, service.Endpoint(), one.Roots)
	if o := s.verify(t).found(location.Objects, location.Identity, "", location.NotDeclared); o.Declared != one.Pin || o.Tried.IsZero() {
		t.Errorf("%+v", o)
	}
}
