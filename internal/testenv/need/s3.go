package need

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 creates an empty bucket on the service that FACHWERK_TEST_S3 names and
// returns the URL of the bucket, in the form of that variable. The bucket goes
// when the test ends. Its name begins with the bucket name of the variable.
func S3(t testing.TB) (bucketURL string) {
	t.Helper()
	raw := os.Getenv(EnvS3)
	if raw == "" {
		Missing(t, "needs an S3 service: set "+EnvS3+" to s3://ACCESS:SECRET@HOST:PORT/BUCKET?region=REGION&tls=off")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "s3" || u.User == nil || len(u.Path) < 2 {
		t.Fatalf("%s has not the form s3://ACCESS:SECRET@HOST:PORT/BUCKET?region=REGION&tls=off", EnvS3)
	}
	secret, _ := u.User.Password()
	client, err := minio.New(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(u.User.Username(), secret, ""),
		Secure: u.Query().Get("tls") != "off",
		Region: u.Query().Get("region"),
	})
	if err != nil {
		t.Fatalf("%s: %v", EnvS3, err)
	}
	bucket := strings.ToLower(strings.Trim(u.Path, "/") + "-" + rand.Text()[:16])
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{Region: u.Query().Get("region")}); err != nil {
		t.Fatalf("make a bucket on the service of %s: %v", EnvS3, err)
	}
	t.Cleanup(func() {
		if err := removeBucket(client, bucket); err != nil {
			t.Errorf("remove the test's bucket: %v", err)
		}
	})
	u.Path = "/" + bucket
	return u.String()
}

// removeBucket deletes a bucket with all that a test left in it.
func removeBucket(client *minio.Client, bucket string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for upload := range client.ListIncompleteUploads(ctx, bucket, "", true) {
		if upload.Err != nil {
			break // not every service lists uploads
		}
		if err := client.RemoveIncompleteUpload(ctx, bucket, upload.Key); err != nil {
			return fmt.Errorf("abort upload of %s: %w", upload.Key, err)
		}
	}
	list := minio.ListObjectsOptions{Recursive: true}
	if v, err := client.GetBucketVersioning(ctx, bucket); err == nil {
		list.WithVersions = v.Status != ""
	}
	for object := range client.ListObjects(ctx, bucket, list) {
		if object.Err != nil {
			return fmt.Errorf("list: %w", object.Err)
		}
		err := client.RemoveObject(ctx, bucket, object.Key, minio.RemoveObjectOptions{VersionID: object.VersionID})
		if err != nil {
			return fmt.Errorf("remove %s: %w", object.Key, err)
		}
	}
	return client.RemoveBucket(ctx, bucket)
}
