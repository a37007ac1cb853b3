package dav_test

import (
	"net/http"
	"strings"
	"testing"

	"fachwerk/dav"
	"fachwerk/dav/davtest"
)

// A file is put, listed, read and deleted.
func TestFile(t *testing.T) { each(t, testFile) }

func testFile(t *testing.T, env *davtest.Env) {
	c := env.Client(t, "anna")
	home := "/files/" + c.Address + "/"
	put := c.Want(t, http.StatusCreated, "PUT", home+"Brief.txt", "Guten Tag")
	tag := put.Header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) {
		t.Errorf("PUT has no ETag: %v", put.Header)
	}
	got := c.Want(t, http.StatusOK, "GET", home+"Brief.txt", "")
	if got.Body != "Guten Tag" || got.Header.Get("ETag") != tag {
		t.Errorf("GET: %q, %v", got.Body, got.Header)
	}
	list := c.Propfind(t, home, "1", "<D:getetag/><D:getcontentlength/><D:resourcetype/><D:nothing/>")
	if len(list.Responses) != 2 {
		t.Fatalf("members: %+v", list)
	}
	r := list.Find(home + "Brief.txt")
	if r.Text(dav.NamespaceDAV, "getetag") != tag || r.Text(dav.NamespaceDAV, "getcontentlength") != "9" ||
		r.Has(dav.NamespaceDAV, "nothing") != http.StatusNotFound {
		t.Errorf("properties: %+v", r)
	}
	if again := c.Want(t, http.StatusNoContent, "PUT", home+"Brief.txt", "Auf Wiedersehen"); again.Header.Get("ETag") == tag {
		t.Error("other content has the same ETag")
	}
	c.Want(t, http.StatusNoContent, "DELETE", home+"Brief.txt", "")
	c.Want(t, http.StatusNotFound, "GET", home+"Brief.txt", "")
	env.Sound(t)
}
