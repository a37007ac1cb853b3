package resource_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"testing"

	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
)

func name(local string) xml.Name { return xml.Name{Space: "urn:x-musterstadt", Local: local} }

func TestProperties(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		_, anna := e.Person(t, "anna")
		c, err := e.CreateCollection(ctx, anna, resource.Drive, "drive", []resource.Property{{Name: name("colour"), Value: []byte("<c>#fff</c>")}})
		must(t, err)
		if _, err := e.CreateCollection(ctx, anna, resource.Drive, "drive", nil); !errors.Is(err, resource.ErrExists) {
			t.Errorf("made twice: %v", err)
		}
		i := e.Write(t, c, resource.Root, "a", "text")
		must(t, e.SetProperties(ctx, c, i.ID, []resource.Property{{Name: name("one"), Value: []byte("1")}, {Name: name("two"), Value: []byte("2")}}, resource.Guard{}))
		must(t, e.SetProperties(ctx, c, i.ID, []resource.Property{{Name: name("one")}, {Name: name("two"), Value: []byte("zwei")}}, resource.Guard{}))
		all, err := e.Properties(ctx, c, []int64{0, i.ID})
		must(t, err)
		if len(all[0]) != 1 || string(all[0][0].Value) != "<c>#fff</c>" || len(all[i.ID]) != 1 || string(all[i.ID][0].Value) != "zwei" {
			t.Errorf("properties: %v", all)
		}
		found, err := e.Walk(ctx, c, resource.Root, []string{"a"})
		must(t, err)
		if found[0].ETag != i.ETag || found[0].ModSeq <= i.ModSeq {
			t.Errorf("a property changed %+v into %+v", i, found[0])
		}
		before, err := e.Service.Collection(ctx, anna, resource.Drive, "drive")
		must(t, err)
		must(t, e.SetProperties(ctx, c, 0, []resource.Property{{Name: name("colour"), Value: []byte("<c/>")}}, resource.Guard{}))
		after, err := e.Service.Collection(ctx, anna, resource.Drive, "drive")
		must(t, err)
		if before.CTag == after.CTag {
			t.Error("the collection's property did not change its CTag")
		}
		stale := resource.Guard{Seen: []resource.Seen{{Name: "a", ID: i.ID, ModSeq: i.ModSeq}}}
		if err := e.SetProperties(ctx, c, i.ID, []resource.Property{{Name: name("x"), Value: []byte("x")}}, stale); !errors.Is(err, resource.ErrChanged) {
			t.Errorf("decided on what was: %v", err)
		}
		var many []resource.Property
		for n := range 1001 {
			many = append(many, resource.Property{Name: name(fmt.Sprint("p", n)), Value: []byte("x")})
		}
		if err := e.SetProperties(ctx, c, i.ID, many, resource.Guard{}); !errors.Is(err, resource.ErrTooMany) {
			t.Errorf("1,002 properties: %v", err)
		}
		large := []resource.Property{{Name: name("large"), Value: bytes.Repeat([]byte("x"), 64<<10)}}
		if err := e.SetProperties(ctx, c, i.ID, large, resource.Guard{}); !errors.Is(err, resource.ErrTooMany) {
			t.Errorf("properties of more than 64 KiB: %v", err)
		}
		if _, err := e.MakeFolder(ctx, resource.Place{Collection: c, Name: "folder"}, append(large, many[0]), resource.Guard{}); !errors.Is(err, resource.ErrTooMany) {
			t.Errorf("a folder with properties of more than 64 KiB: %v", err)
		}
		must(t, e.SetProperties(ctx, c, 0, large, resource.Guard{})) // one of a collection may be
		must(t, e.SetProperties(ctx, c, 0, []resource.Property{{Name: name("large")}}, resource.Guard{}))
		all, err = e.Properties(ctx, c, []int64{i.ID})
		must(t, err)
		if len(all[i.ID]) != 1 {
			t.Errorf("something of what was refused stayed: %v", all)
		}
		copied, _, err := e.Copy(ctx, c, i, resource.Place{Collection: c, Name: "b"}, resource.Transfer{}, resource.Guard{})
		must(t, err)
		all, err = e.Properties(ctx, c, []int64{copied.ID})
		must(t, err)
		if len(all[copied.ID]) != 1 || string(all[copied.ID][0].Value) != "zwei" {
			t.Errorf("of the copy: %v", all)
		}
		must(t, e.Remove(ctx, c, copied, resource.Guard{}))
		e.Sound(t)
	})
}
