package dav_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/store/storetest"
)

// An If header with many conditions asks for the locks once.
func TestManyConditionsAreCheap(t *testing.T) {
	env := open(t, storetest.Embedded)
	anna := env.Client(t, "anna")
	home := "/files/" + anna.Address + "/"
	anna.Want(t, http.StatusCreated, "PUT", home+"a.txt", "a")
	for range 200 {
		anna.Want(t, http.StatusOK, "LOCK", home+"a.txt", lockBody("shared"))
	}
	var lists strings.Builder
	for i := range 900 {
		fmt.Fprintf(&lists, "(<urn:uuid:00000000-0000-4000-8000-%012d>)", i)
	}
	began := time.Now()
	anna.Want(t, http.StatusPreconditionFailed, "PUT", home+"a.txt", "b", "If", lists.String())
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
}
