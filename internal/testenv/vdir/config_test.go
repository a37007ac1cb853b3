package vdir

import "testing"

func TestVdirsyncer(t *testing.T) {
	got := Vdirsyncer("/s", []Pair{
		{Name: "all", A: "near", B: "far", Collections: []string{"from a", "from b"}, Metadata: []string{"color"}, Winner: "a"},
		{Name: "one", A: "near", B: "far", Collections: []string{"x"}},
	}, []Storage{Folder("near", "/n", ".ics"), {Name: "far", Type: "caldav", URL: "http://h/", User: "u", Password: `p"`, ReadOnly: true}})
	want := `[general]
status_path = "/s"

[pair all]
a = "near"
b = "far"
collections = ["from a", "from b"]
metadata = ["color"]
conflict_resolution = "a wins"

[pair one]
a = "near"
b = "far"
collections = ["x"]

[storage near]
type = "filesystem"
path = "/n"
fileext = ".ics"

[storage far]
type = "caldav"
url = "http://h/"
username = "u"
password = "p\""
read_only = true
`
	if got != want {
		t.Errorf("it writes\n%s", got)
	}
}
