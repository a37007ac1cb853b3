package dav_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/store/storetest"
)

const usual = `<propfind xmlns="DAV:"><prop><getetag/><getcontentlength/><getlastmodified/><resourcetype/><getcontenttype/></prop></propfind>`

// fill puts files into a folder past HTTP, as that is not what is measured.
func fill(b testing.TB, env *davtest.Env, c *davtest.Client, members int) {
	b.Helper()
	c.Want(b, 207, "PROPFIND", "/files/"+c.Address+"/", "", "Depth", "0")
	drive := env.Collection(b, env.As(b, c.Principal, c.Address), resource.Drive, "drive")
	for i := range members {
		u, err := env.NewUpload(b.Context(), drive.Account, resource.UploadOptions{Size: -1})
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(u, "content %d", i)
		if err := u.Finish(); err != nil {
			b.Fatal(err)
		}
		_, err = env.Put(b.Context(), resource.Place{Collection: drive, Name: fmt.Sprintf("file %05d.txt", i)}, resource.Draft{Upload: u}, resource.Guard{})
		if err != nil {
			b.Fatal(err)
		}
		u.Close()
	}
}

// BenchmarkPropfind lists a folder of 10,000 files over HTTP.
func BenchmarkPropfind(b *testing.B) {
	for _, body := range []struct{ name, xml string }{
		{"usual", usual}, {"allprop", `<propfind xmlns="DAV:"><allprop/></propfind>`},
	} {
		b.Run(body.name, func(b *testing.B) {
			env := open(b, storetest.Embedded)
			c := env.Client(b, "anna")
			fill(b, env, c, 10_000)
			for b.Loop() {
				discard(b, c, "PROPFIND", "/files/"+c.Address+"/", body.xml, "Depth", "1")
			}
		})
	}
}

// BenchmarkSync asks what 75 changes there were in a calendar of 10,000.
func BenchmarkSync(b *testing.B) {
	env := open(b, storetest.Embedded)
	c := env.Client(b, "anna")
	at := "/calendars/" + c.Address + "/calendar/"
	c.Want(b, 207, "PROPFIND", at, "", "Depth", "0")
	calendar := env.Collection(b, env.As(b, c.Principal, c.Address), resource.Calendar, "calendar")
	put := func(i int, text string) {
		u, err := env.NewUpload(b.Context(), calendar.Account, resource.UploadOptions{Size: -1})
		if err != nil {
			b.Fatal(err)
		}
		defer u.Close()
		fmt.Fprint(u, text, i)
		if err := u.Finish(); err != nil {
			b.Fatal(err)
		}
		name := fmt.Sprintf("%05d.ics", i)
		d := resource.Draft{Upload: u, Index: &resource.Index{UID: name}}
		if _, err := env.Put(b.Context(), resource.Place{Collection: calendar, Name: name}, d, resource.Guard{}); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 10_000 {
		put(i, "one")
	}
	token := syncOnce(b, c, at, "").SyncToken
	for i := range 75 {
		put(i*130, "two")
	}
	body := syncBody(token, "1", "")
	for b.Loop() {
		discard(b, c, "REPORT", at, body)
	}
}

// BenchmarkGet reads a file of 100 MB.
func BenchmarkGet(b *testing.B) {
	env := open(b, storetest.Embedded)
	c := env.Client(b, "anna")
	content := strings.Repeat("Wir haben Ihren Antrag erhalten. ", 100<<20/33)
	c.Want(b, 201, "PUT", "/files/"+c.Address+"/large", content)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		discard(b, c, "GET", "/files/"+c.Address+"/large", "")
	}
}

// BenchmarkPut writes files of 4 KB, 16 at a time.
func BenchmarkPut(b *testing.B) {
	env := open(b, storetest.Embedded)
	c := env.Client(b, "anna")
	c.HTTP.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	content := strings.Repeat("x", 4096)
	var n atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a, err := c.Try("PUT", fmt.Sprintf("/files/%s/%d", c.Address, n.Add(1)), content)
			if err != nil || a.Status != 201 {
				b.Errorf("%+v %v", a, err)
			}
		}
	})
}

func discard(b testing.TB, c *davtest.Client, method, path, body string, headers ...string) {
	b.Helper()
	req, err := http.NewRequest(method, c.URL+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.SetBasicAuth(c.Address, c.Password)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode/100 != 2 {
		b.Fatalf("%s: %d, %v", method, res.StatusCode, err)
	}
}
