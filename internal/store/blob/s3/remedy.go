package s3

import (
	"crypto/x509"
	"errors"
	"net"

	"github.com/minio/minio-go/v7"

	"fachwerk/internal/store/blob"
)

const (
	unknown = "the object store does not know the access key: correct blobs.url"
	clock   = "this machine's clock and the object store's differ: set both by NTP"
)

// remedies are by the service's error code.
var remedies = map[string]string{
	"AccessDenied":          "the object store's key lacks a right: it needs to read, write, list and delete in the bucket",
	"InvalidAccessKeyId":    unknown,
	"XAdminUserNotFound":    unknown, // versitygw
	"SignatureDoesNotMatch": "the object store's secret key is wrong: correct the secret file",
	"NoSuchBucket":          "there is no such bucket: create it, or correct blobs.url",
	"RequestTimeTooSkewed":  clock, "RequestExpired": clock, "RequestNotValidYet": clock,
	"AuthorizationHeaderMalformed": "the bucket is in another region: correct region= in blobs.url",
	"QuotaExceeded":                "the bucket's quota is used up: raise it; nothing is lost",
}

var errNoBucket = errors.New("it does not exist")

// Remedy says what an administrator can do about an error of this engine, "" for
// errors that are not its own. It quotes nothing of the error.
func Remedy(err error) string {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		return remedies[answer.Code]
	}
	if errors.Is(err, errNoBucket) {
		return remedies["NoSuchBucket"]
	}
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var dns *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &authority):
		return "the object store's certificate is of an authority that is not known here: name it in tls.ca"
	case errors.As(err, &name):
		return "the object store's certificate is for another name: use the name in blobs.url that the certificate has"
	case errors.As(err, &dns):
		return "the object store's name does not resolve: correct blobs.url or the DNS"
	case errors.Is(err, blob.ErrTemporary) && errors.As(err, &network):
		return "the object store cannot be reached: is it running, and do firewalls let this machine through?"
	}
	return ""
}
