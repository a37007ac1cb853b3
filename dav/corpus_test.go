package dav_test

import (
	"encoding/xml"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/store/storetest"
	"fachwerk/internal/testenv/need"
)

// Every DAV body of the corpus gets an answer, at each place, and none is a fault.
func TestCorpusIsAnswered(t *testing.T) {
	bodies := map[string]string{
		"propfind": `<propfind xmlns="DAV:"><allprop/></propfind>`, "report": `<x:y xmlns:x="urn:x"/>`, "broken": "<a",
	}
	if dir, ok := need.Corpus(t); ok {
		err := filepath.WalkDir(filepath.Join(dir, "dav"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".xml" {
				return err
			}
			b, err := os.ReadFile(path)
			bodies[path] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	file := "/files/" + c.Address + "/a.txt"
	c.Want(t, 201, "PUT", file, "a")
	places := []string{"/", "/principals/" + c.Address + "/", "/calendars/" + c.Address + "/", "/calendars/" + c.Address + "/calendar/", file}
	statuses := map[int]int{}
	for path, body := range bodies {
		for _, at := range places {
			method := methodOf(body)
			if method == "LOCK" || method == "MKCOL" || method == "MKCALENDAR" {
				at += "x"
			}
			a, err := c.Try(method, at, body, "Depth", "0", "Content-Type", "text/xml")
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			statuses[a.Status]++
			if a.Status >= 500 && a.Status != 507 || a.Status >= 400 && a.Body == "" {
				t.Errorf("%s, %s %s: %d %q", path, method, at, a.Status, a.Body)
			}
		}
	}
	t.Logf("%d bodies were answered with %v", len(bodies), statuses)
}

// methodOf is what a body with that root is sent by.
func methodOf(body string) string {
	d := xml.NewDecoder(strings.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return "PROPFIND"
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "propfind", "mkcol", "mkcalendar", "acl":
			return strings.ToUpper(start.Name.Local)
		case "propertyupdate":
			return "PROPPATCH"
		case "lockinfo":
			return "LOCK"
		}
		return "REPORT"
	}
}
