package dav_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/store/storetest"
)

// Names cost what they take in the request, not that times the number of properties.
func TestLongNamesAreRefused(t *testing.T) {
	env := open(t, storetest.Embedded)
	anna := env.Client(t, "anna")
	path := "/files/anna@musterstadt.example/"
	long := "urn:x-musterstadt:" + strings.Repeat("n", 10_000)
	for _, c := range []struct{ method, body string }{
		{"PROPFIND", `<D:propfind xmlns:D="DAV:"><D:prop><p xmlns="` + long + `"/></D:prop></D:propfind>`},
		{"PROPFIND", `<D:propfind xmlns:D="DAV:"><D:prop><D:` + strings.Repeat("n", 10_000) + `/></D:prop></D:propfind>`},
		{"PROPPATCH", patch(`<D:set xmlns:x="` + long + `"><D:prop><x:a/><x:b/></D:prop></D:set>`)},
	} {
		if a := anna.Do(t, c.method, path, c.body, "Depth", "0"); a.Status != http.StatusBadRequest {
			t.Errorf("%s with long names: %d, %d bytes", c.method, a.Status, len(a.Body))
		}
	}
	var many strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&many, `<a xmlns:p%d="urn:x:%d">`, i%50, i)
		if i%50 == 49 {
			many.WriteString(strings.Repeat("</a>", 50))
		}
	}
	anna.Want(t, http.StatusMultiStatus, "PROPFIND", path, `<D:propfind xmlns:D="DAV:"><D:prop>`+many.String()+`</D:prop></D:propfind>`, "Depth", "0")
	var declared strings.Builder
	for i := range 60 {
		fmt.Fprintf(&declared, ` xmlns:p%d="urn:x:%d"`, i, i)
	}
	deep := strings.Repeat("<a"+declared.String()+">", 30) + strings.Repeat("<a/>", 10_000) + strings.Repeat("</a>", 30)
	if a := anna.Do(t, "PROPFIND", path, `<D:propfind xmlns:D="DAV:"><D:prop>`+deep+`</D:prop></D:propfind>`, "Depth", "0"); a.Status != http.StatusBadRequest {
		t.Errorf("1,800 namespaces at one place: %d", a.Status)
	}
}

// What properties a request would store is bounded before it is sealed.
func TestPropertiesOfOneRequestAreBounded(t *testing.T) {
	env := open(t, storetest.Embedded)
	anna := env.Client(t, "anna")
	path := "/files/anna@musterstadt.example/"
	var declared, inner strings.Builder
	for i := range 60 {
		fmt.Fprintf(&declared, ` xmlns:p%d="urn:x-musterstadt:%d:%s"`, i, i, strings.Repeat("n", 400))
	}
	for i := range 500 {
		fmt.Fprintf(&inner, `<q%d>`, i)
		for j := range 60 {
			fmt.Fprintf(&inner, "p%d:", j)
		}
		fmt.Fprintf(&inner, `</q%d>`, i)
	}
	body := `<D:propertyupdate xmlns:D="DAV:"` + declared.String() + `><D:set><D:prop>` + inner.String() + `</D:prop></D:set></D:propertyupdate>`
	anna.Want(t, http.StatusInsufficientStorage, "PROPPATCH", path, body)
	if a := anna.Do(t, "MKCOL", path+"new/", strings.ReplaceAll(body, "propertyupdate", "mkcol"), "Content-Type", "application/xml"); a.Status != http.StatusInsufficientStorage {
		t.Errorf("MKCOL: %d %.200s", a.Status, a.Body)
	}
}

// A stored property is sent to everybody who looks: nothing is kept that would make their
// answer one that cannot be read.
func TestStoredPropertiesLeaveAnswersWhole(t *testing.T) {
	env := open(t, storetest.Embedded)
	anna := env.Client(t, "anna")
	path := "/files/anna@musterstadt.example/"
	for name, inner := range map[string]string{
		"an XML declaration":        `<?xml version="1.0"?>`,
		"a control in a comment":    "<!-- \x01 -->",
		"bad UTF-8 in a comment":    "<!-- \xff -->",
		"an attribute twice":        `<a xmlns:x="urn:x" xmlns:y="urn:x" x:a="1" y:a="2"/>`,
		"the namespace of prefixes": `<x:a xmlns:x="http://www.w3.org/2000/xmlns/"/>`,
		"the namespace of xml":      `<x:a xmlns:x="http://www.w3.org/XML/1998/namespace"/>`,
		"... as the default one":    `<a xmlns="http://www.w3.org/2000/xmlns/"/>`,
	} {
		a := anna.Do(t, "PROPPATCH", path, patch(set(`<p xmlns="urn:x-musterstadt">`+inner+`</p>`)))
		if a.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	anna.Want(t, http.StatusMultiStatus, "PROPPATCH", path, "\n"+`<?xml version="1.0" encoding="utf-8"?>`+
		patch(set(`<p xmlns="urn:x-musterstadt"><!-- Grüße --><![CDATA[<b>]]></p>`)))
	anna.Propfind(t, path, "0", `<p xmlns="urn:x-musterstadt"/>`)
}

// Properties of many resources are not in memory together where they are large, and all
// of them are answered.
func TestLargePropertiesAreAnsweredInParts(t *testing.T) {
	env := open(t, storetest.Embedded)
	anna := env.Client(t, "anna")
	home := "/files/" + anna.Address + "/"
	const files, size = 300, 60_000
	var ids []int64
	drive := env.Collection(t, anna.Account, resource.Drive, "drive")
	for i := range files {
		item := env.Write(t, drive, resource.Root, fmt.Sprintf("%03d", i), "x")
		ids = append(ids, item.ID)
		if i%2 == 0 {
			anna.Want(t, http.StatusMultiStatus, "PROPPATCH", home+item.Name,
				patch(set(`<Z:p>`+fmt.Sprintf("%03d", i)+strings.Repeat("p", size)+`</Z:p>`)))
		}
	}
	if _, err := env.Properties(t.Context(), drive, ids); !errors.Is(err, resource.ErrTooMany) {
		t.Errorf("9 MB at once: %v", err)
	}
	found := anna.Propfind(t, home, "1", `<p xmlns="urn:z"/>`)
	for i := range files {
		name := fmt.Sprintf("%03d", i)
		got := found.Find(home+name).Text("urn:z", "p")
		if i%2 == 0 && (len(got) != size+3 || got[:3] != name) || i%2 == 1 && got != "" {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
}

// The answer to expand-property is in memory whole: it is bounded.
func TestExpansionIsBounded(t *testing.T) {
	env := open(t, storetest.Embedded)
	anna := env.Client(t, "anna")
	home := "/files/" + anna.Address + "/"
	anna.Want(t, http.StatusCreated, "PUT", home+"a", "a")
	for local, value := range map[string]string{"links": strings.Repeat(`<D:href>`+home+`a</D:href>`, 500), "large": strings.Repeat("x", 30_000)} {
		anna.Want(t, http.StatusMultiStatus, "PROPPATCH", home+"a", patch(set(`<Z:`+local+`>`+value+`</Z:`+local+`>`)))
	}
	expand := func(space, local string) *davtest.Answer {
		return anna.Do(t, "REPORT", home+"a", `<D:expand-property xmlns:D="DAV:"><D:property name="links" namespace="urn:z">`+
			`<D:property name="`+local+`" namespace="`+space+`"/></D:property></D:expand-property>`)
	}
	if a := expand("DAV:", "getetag"); a.Status != http.StatusMultiStatus || strings.Count(a.Body, "<D:getetag>") != 500 {
		t.Errorf("ETags: %d", a.Status)
	}
	if a := expand("urn:z", "large"); a.Status != http.StatusForbidden {
		t.Errorf("15 MB: %d", a.Status)
	}
	if a := expand("urn:x:"+strings.Repeat("n", 2000), "p"); a.Status != http.StatusBadRequest {
		t.Errorf("a long namespace: %d", a.Status)
	}
}

// A body that is no content cannot come drop by drop for ever.
func TestTrickledBodiesEnd(t *testing.T) {
	env := open(t, storetest.Embedded, func(c *dav.Config) { c.Limits.Request = 500 * time.Millisecond })
	anna := env.Client(t, "anna")
	body, drops := io.Pipe()
	defer body.Close()
	go func() {
		for {
			if _, err := drops.Write([]byte(" ")); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	req, err := http.NewRequest("PROPFIND", env.URL+"/files/"+anna.Address+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(anna.Address, anna.Password)
	began := time.Now()
	res, err := anna.HTTP.Do(req)
	if err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("answered %s", res.Status)
		}
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}
