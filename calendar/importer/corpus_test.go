package importer

import (
	"path/filepath"
	"testing"

	"fachwerk/calendar"
	"fachwerk/internal/importing"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store/storetest"
	"fachwerk/internal/testenv/need"
)

// Everything in the corpus comes, byte for byte where a file is one object, or is
// listed with the reason; a second run finds nothing new.
func TestCorpusComes(t *testing.T) {
	dir, ok := need.Corpus(t)
	if !ok {
		return
	}
	e := resourcetest.Open(t, storetest.Embedded)
	_, a := e.Person(t, "eva.beispiel")
	domain := NewDomain(calendar.New(calendar.Options{Resources: e.Service}))
	for n := range 2 {
		im := importing.New(e.Service, e.Store(), domain, a, Files(filepath.Join(dir, "ics")), importing.Options{})
		plan, err := im.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := im.Run(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		var objects, imported, present, verified int
		for _, c := range r.Collections {
			objects, imported, present, verified = objects+c.Objects, imported+c.Imported, present+c.Present, verified+c.Verified
		}
		for _, f := range r.Failures {
			if f.Reason == "" || f.Code != importing.Invalid && f.Code != importing.UIDTaken && f.Code != importing.TooLarge {
				t.Errorf("%+v", f)
			}
		}
		t.Logf("run %d: %d objects in %d calendars, %d came, %d were here, %d refused", n, objects, len(r.Collections), imported, present, len(r.Failures))
		if verified+len(r.Failures) != objects || n == 0 && imported < 500 || n == 1 && (imported != 0 || present != verified) {
			t.Errorf("run %d: %d objects, %d came, %d were here, %d verified", n, objects, imported, present, verified)
		}
	}
	list, err := e.Collections(t.Context(), a, resource.Calendar)
	if err != nil || len(list) == 0 {
		t.Errorf("%d calendars: %v", len(list), err)
	}
	e.Sound(t)
}
