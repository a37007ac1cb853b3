package webdav_test

import (
	"net/http"
	"strings"
	"testing"
)

const ocProps = `<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop>
<oc:fileid/><oc:id/><oc:permissions/><oc:size/><oc:checksums/><d:getetag/><d:getlastmodified/></d:prop></d:propfind>`

// What rclone and Nextcloud's clients ask for is there, of files, folders and the root.
func TestPropertiesOfSyncClients(t *testing.T) {
	w := open(t)
	s := w.anna
	res, _ := s.want(http.StatusCreated, http.MethodPut, "Plan.txt", "Plan", "OC-Checksum", "SHA1:"+sha1Of("Plan"))
	s.want(http.StatusCreated, "MKCOL", "Amt", "")
	_, file := s.want(http.StatusMultiStatus, "PROPFIND", "Plan.txt", ocProps, "Depth", "0")
	for _, want := range []string{
		">" + res.Header.Get("OC-FileId") + "</oc:id>", "<oc:permissions>GDNVW</oc:permissions>", "<oc:size>4</oc:size>",
		"<oc:checksums><oc:checksum>SHA256:", " SHA1:" + sha1Of("Plan") + "</oc:checksum></oc:checksums>",
	} {
		if !strings.Contains(file, want) {
			t.Errorf("of a file, %s is missing: %s", want, file)
		}
	}
	_, folder := s.want(http.StatusMultiStatus, "PROPFIND", "Amt", ocProps, "Depth", "0")
	if !strings.Contains(folder, "<oc:permissions>GDNVCK</oc:permissions>") {
		t.Errorf("of a folder: %s", folder)
	}
	_, root := s.want(http.StatusMultiStatus, "PROPFIND", "", ocProps, "Depth", "0")
	if !strings.Contains(root, "<oc:permissions>GCK</oc:permissions>") || !strings.Contains(root, "<oc:size>4</oc:size>") {
		t.Errorf("of the root: %s", root)
	}
	// None of them is sent to who did not ask, and none can be set.
	if _, all := s.want(http.StatusMultiStatus, "PROPFIND", "Plan.txt", "", "Depth", "0"); strings.Contains(all, "<oc:") {
		t.Errorf("allprop: %s", all)
	}
	_, set := s.want(http.StatusMultiStatus, "PROPPATCH", "Plan.txt", patch(`<oc:fileid>7</oc:fileid>`))
	if !strings.Contains(set, "403 Forbidden") || !strings.Contains(set, "cannot-modify-protected-property") {
		t.Errorf("oc:fileid was set: %s", set)
	}
}

func patch(props string) string {
	return `<d:propertyupdate xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:set><d:prop>` + props + `</d:prop></d:set></d:propertyupdate>`
}

// The time of a file can be set alone, as rclone and other programs do; content, ETag
// and digests stay.
func TestTimeIsSetByPROPPATCH(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.anna
		text := strings.Repeat("Bebauungsplan ", 20000) // not kept inline
		res, _ := s.want(http.StatusCreated, http.MethodPut, "Plan.txt", text, "OC-Checksum", "SHA1:"+sha1Of(text))
		etag := res.Header.Get("ETag")
		for props, want := range map[string]string{
			`<d:lastmodified>1700000000</d:lastmodified>`:                              "Tue, 14 Nov 2023 22:13:20 GMT",
			`<d:getlastmodified>Wed, 01 Jan 2025 10:00:00 GMT</d:getlastmodified>`:     "Wed, 01 Jan 2025 10:00:00 GMT",
			`<d:lastmodified>1600000000</d:lastmodified>` + checksum("SHA1", text):     "Sun, 13 Sep 2020 12:26:40 GMT",
			`<d:lastmodified>1500000000</d:lastmodified>` + checksum("md5", text+text): "",
		} {
			_, answer := s.want(http.StatusMultiStatus, "PROPPATCH", "Plan.txt", patch(props))
			if want == "" {
				if !strings.Contains(answer, "409 Conflict") {
					t.Errorf("%s: a wrong checksum was taken: %s", props, answer)
				}
				if res, _ := s.want(http.StatusOK, http.MethodHead, "Plan.txt", ""); res.Header.Get("Last-Modified") == "Fri, 14 Jul 2017 02:40:00 GMT" ||
					!strings.Contains(answer, "424 Failed Dependency") {
					t.Errorf("%s: the time was set where the rest failed: %s", props, answer)
				}
				continue
			}
			if strings.Count(answer, "200 OK") != 1 || strings.Contains(answer, "409") || strings.Contains(answer, "403") {
				t.Errorf("%s: %s", props, answer)
			}
			res, got := s.want(http.StatusOK, http.MethodGet, "Plan.txt", "")
			if res.Header.Get("Last-Modified") != want || res.Header.Get("ETag") != etag || got != text ||
				res.Header.Get("OC-Checksum") != "SHA1:"+sha1Of(text) {
				t.Errorf("%s: then %v and %d bytes", props, res.Header, len(got))
			}
		}
		// Under a lock, by who holds it.
		res, _ = s.want(http.StatusOK, "LOCK", "Plan.txt", lockBody)
		token := res.Header.Get("Lock-Token")
		set := patch(`<d:lastmodified>1400000000</d:lastmodified>`)
		s.want(http.StatusLocked, "PROPPATCH", "Plan.txt", set)
		if _, answer := s.want(http.StatusMultiStatus, "PROPPATCH", "Plan.txt", set, "If", "<"+s.url("Plan.txt")+"> ("+token+" ["+etag+"])"); !strings.Contains(answer, "200 OK") {
			t.Errorf("under one's own lock: %s", answer)
		}
		s.want(http.StatusNoContent, "UNLOCK", "Plan.txt", "", "Lock-Token", token)
		// Not the time of a folder, and nothing that is no time.
		s.want(http.StatusCreated, "MKCOL", "Amt", "")
		for path, props := range map[string]string{
			"Amt":      `<d:getlastmodified>Wed, 01 Jan 2025 10:00:00 GMT</d:getlastmodified>`,
			"Plan.txt": `<d:lastmodified>gestern</d:lastmodified>`,
		} {
			if _, answer := s.want(http.StatusMultiStatus, "PROPPATCH", path, patch(props)); strings.Contains(answer, "200 OK") {
				t.Errorf("%s: %s", path, answer)
			}
		}
		w.clean()
	})
}

// A change anywhere moves the ETags of all folders above it and of no others.
func TestFolderETagsMoveUpTheTree(t *testing.T) {
	w := open(t)
	s := w.anna
	tag := func(path string) string {
		t.Helper()
		_, answer := s.want(http.StatusMultiStatus, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`, "Depth", "0")
		_, rest, ok := strings.Cut(answer, "<D:getetag>")
		etag, _, _ := strings.Cut(rest, "<")
		if !ok || etag == "" {
			t.Fatalf("%s has no ETag: %s", path, answer)
		}
		return etag
	}
	paths := []string{"", "a/", "a/b/", "a/b/c/", "x/", "x/y/"}
	for _, path := range paths[1:] {
		s.want(http.StatusCreated, "MKCOL", path, "")
	}
	tags := func() map[string]string {
		m := map[string]string{}
		for _, path := range paths {
			m[path] = tag(path)
		}
		return m
	}
	before := tags()
	for _, c := range []struct {
		method, path, body string
		fields             []string
		moved              string
	}{
		{http.MethodPut, "a/b/c/1.txt", "1", nil, " a/ a/b/ a/b/c/"},
		{http.MethodPut, "a/b/c/1.txt", "2", nil, " a/ a/b/ a/b/c/"},
		{"PROPPATCH", "a/b/c/1.txt", patch("<d:lastmodified>1700000000</d:lastmodified>"), nil, " a/ a/b/ a/b/c/"},
		{"COPY", "a/b/c/1.txt", "", []string{"Destination", s.url("x/2.txt")}, " x/"},
		{"MOVE", "x/2.txt", "", []string{"Destination", s.url("a/b/2.txt")}, " a/ a/b/ x/"},
		{http.MethodDelete, "a/b/2.txt", "", nil, " a/ a/b/"},
		{"MKCOL", "x/y/z", "", nil, " x/ x/y/"},
		{http.MethodGet, "a/b/c/1.txt", "", nil, "none"},
	} {
		if res, why := s.do(c.method, c.path, c.body, c.fields...); res.StatusCode >= 300 {
			t.Fatalf("%s %s: %s %s", c.method, c.path, res.Status, why)
		}
		after := tags()
		moved := ""
		for _, path := range paths[1:] {
			if after[path] != before[path] {
				moved += " " + path
			}
		}
		root := after[""] != before[""]
		if c.moved == "none" && (moved != "" || root) || c.moved != "none" && (moved != c.moved || !root) {
			t.Errorf("%s %s moved the ETags of%s, of the root %v; want%s", c.method, c.path, moved, root, c.moved)
		}
		before = after
	}
}

// A team's drive is there for who has a grant, by its rights, and for nobody else.
func TestDriveOfATeam(t *testing.T) {
	w := open(t)
	w.anna.want(http.StatusMultiStatus, "PROPFIND", "", "", "Depth", "0")
	team := w.team() // Anna may write, Jan may read, Eva has no grant
	team.as(w.anna).want(http.StatusCreated, http.MethodPut, "Dienstplan.txt", "Mo–Fr")
	res, _ := team.as(w.jan).want(http.StatusOK, http.MethodGet, "Dienstplan.txt", "")
	if _, list := team.as(w.jan).want(http.StatusMultiStatus, "PROPFIND", "Dienstplan.txt", ocProps, "Depth", "0"); !strings.Contains(list, "<oc:permissions>SG</oc:permissions>") {
		t.Errorf("Jan's permissions: %s", list)
	}
	etag := res.Header.Get("ETag")
	for _, c := range []struct {
		method, path, body string
		fields             []string
	}{
		{http.MethodPut, "Dienstplan.txt", "nie", []string{"If-Match", etag}},
		{http.MethodPut, "neu.txt", "nie", nil},
		{http.MethodDelete, "Dienstplan.txt", "", nil},
		{"MKCOL", "Neu", "", nil},
		{"MOVE", "Dienstplan.txt", "", []string{"Destination", team.url("weg.txt")}},
		{"PROPPATCH", "Dienstplan.txt", patch("<d:lastmodified>0</d:lastmodified>"), nil},
	} {
		res, answer := team.as(w.jan).do(c.method, c.path, c.body, c.fields...)
		if res.StatusCode != http.StatusForbidden && !strings.Contains(answer, "403 Forbidden") {
			t.Errorf("Jan may read only, but %s %s: %s %s", c.method, c.path, res.Status, answer)
		}
	}
	for _, c := range []struct{ method, path, body string }{
		{http.MethodGet, "Dienstplan.txt", ""}, {http.MethodPut, "neu.txt", "x"}, {"PROPFIND", "", ""}, {http.MethodDelete, "Dienstplan.txt", ""},
	} {
		team.as(w.eva).want(http.StatusNotFound, c.method, c.path, c.body, "Depth", "0")
	}
	// /files/ lists the drives that one may read, one's own first.
	for who, want := range map[*share]int{w.anna: 3, w.jan: 3, w.eva: 2} {
		_, list := who.home().want(http.StatusMultiStatus, "PROPFIND", "", "", "Depth", "1")
		found := hrefs(t, list)
		if len(found) != want || !strings.HasSuffix(found[1], "/"+who.user+"/") {
			t.Errorf("%s sees %v", who.user, found)
		}
	}
	// From drive to drive with what belongs to it.
	team.as(w.anna).want(http.StatusCreated, "COPY", "Dienstplan.txt", "", "Destination", w.anna.url("Dienstplan.txt"))
	if _, got := w.anna.want(http.StatusOK, http.MethodGet, "Dienstplan.txt", ""); got != "Mo–Fr" {
		t.Errorf("copied into Anna's drive it is %q", got)
	}
	w.clean()
}
