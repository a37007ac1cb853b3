package importer

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/contacts"
	"fachwerk/internal/importing"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store/storetest"
	"fachwerk/internal/testenv/need"
)

func card(lines ...string) string {
	return "BEGIN:VCARD\r\nVERSION:3.0\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
}

// A file of many cards becomes an address book that can be searched; a card without
// UID gets the same one in every run.
func TestAFileBecomesAnAddressBook(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded)
	_, a := e.Person(t, "eva.beispiel")
	at := filepath.Join(t.TempDir(), "Alte Kontakte.vcf")
	good, bare := card("UID:eins", "FN:Grete Müller", "N:Müller;Grete;;;"), card("FN:Ohne UID", "N:UID;Ohne;;;")
	text := good + "\r\n" + bare + "BEGIN:VCARD\r\nVERSION:1.0\r\nN:Alt\r\nEND:VCARD\r\n" + card("UID:leer") + bare
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		im := importing.New(e.Service, e.Store(), NewDomain(e.Service), a, Files(at), importing.Options{})
		plan, err := im.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := im.Run(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		c := r.Collections[0]
		if c.Target != "alte-kontakte" || c.Title != "Alte Kontakte" || c.Imported != 2-2*n || c.Present != 2*n || c.Verified != 2 || len(r.Failures) != 2 || len(r.Notes) != 1-n {
			t.Errorf("run %d: %+v, %+v, %+v", n, c, r.Failures, r.Notes)
		}
	}
	c, err := e.Service.Collection(t.Context(), a, resource.AddressBook, "alte-kontakte")
	if err != nil {
		t.Fatal(err)
	}
	i, err := e.ByUID(t.Context(), c, "eins")
	if err != nil || e.Body(t, c, i) != good {
		t.Errorf("the first card: %v", err)
	}
	facts := 0
	err = e.Facts(t.Context(), c, []resource.Item{i}, func(_ int, encoder int16, b []byte) error {
		if read, err := contacts.ReadFacts(string(b)); err == nil && encoder == contacts.FactsEncoder && read.UID() == "eins" {
			facts++
		}
		return nil
	})
	if err != nil || facts != 1 {
		t.Errorf("the card cannot be searched: %v", err)
	}
	e.Sound(t)
}

// A UID is added at the end, and nothing else is changed.
func TestWithUID(t *testing.T) {
	for _, text := range []string{card("UID:a", "FN:x"), card("item1.UID:a", "FN:x"), "kein vCard", "", "BEGIN:VCARD\r\nUID;X=\"kaputt\r\nUID:b\r\nEND:VCARD"} {
		if got := withUID([]byte(text)); string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	got := string(withUID([]byte("BEGIN:VCARD\nVERSION:3.0\nFN:x\nend:vcard\n")))
	if !strings.HasPrefix(got, "BEGIN:VCARD\nVERSION:3.0\nFN:x\nUID:") || !strings.HasSuffix(got, "\nend:vcard\n") {
		t.Errorf("%q", got)
	}
}

// A card of version 2.1, as telephones and old programs export them, is kept as
// version 3.0 with all that it says.
func TestOldCardsAreUpgraded(t *testing.T) {
	old := "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;Gr=E4te\r\n" +
		"FN;CHARSET=UTF-8;QUOTED-PRINTABLE:Gr=C3=A4te=\r\n M=C3=BCller\r\n" +
		"TEL;WORK;VOICE:+49 30 23125 014\r\nADR;HOME:;;Weg 1, links;Musterstadt;;12345;\r\n" +
		"NOTE;ENCODING=QUOTED-PRINTABLE:eins=0D=0Azwei; drei, C:\\x\r\n" +
		"PHOTO;JPEG;BASE64:\r\n /9j/4AAQ\r\n SkZJRg==\r\n\r\nEND:VCARD\r\n"
	c, err := contacts.Parse(withUID(upgrade([]byte(old))))
	if err != nil {
		t.Fatalf("%v\n%s", err, upgrade([]byte(old)))
	}
	want := map[string]string{"N": "Müller;Gräte", "FN": "Gräte Müller", "TEL": "+49 30 23125 014", "ADR": ";;Weg 1\\, links;Musterstadt;;12345;",
		"NOTE": "eins\\nzwei\\; drei\\, C:\\\\x", "PHOTO": "/9j/4AAQSkZJRg=="}
	for _, p := range c.Properties {
		if text, ok := want[p.Name]; ok && p.Value != text {
			t.Errorf("%s is %q, want %q", p.Name, p.Value, text)
		}
		delete(want, p.Name)
		if p.Name == "TEL" && len(p.Params) != 2 || p.Name == "PHOTO" && len(p.Params) != 2 {
			t.Errorf("%s has %+v", p.Name, p.Params)
		}
	}
	if len(want) != 0 {
		t.Errorf("missing: %v", want)
	}
	for _, text := range []string{card("UID:a", "FN:x"), "BEGIN:VCARD\r\nVERSION:4.0\r\nEND:VCARD\r\n", "kein vCard", ""} {
		if got := upgrade([]byte(text)); string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// Every card of the corpus comes, byte for byte or with a note, or is listed; a second
// run finds nothing new.
func TestCorpusComes(t *testing.T) {
	dir, ok := need.Corpus(t)
	if !ok {
		return
	}
	e := resourcetest.Open(t, storetest.Embedded)
	_, a := e.Person(t, "eva.beispiel")
	for n := range 2 {
		im := importing.New(e.Service, e.Store(), NewDomain(e.Service), a, Files(filepath.Join(dir, "vcf")), importing.Options{})
		plan, err := im.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := im.Run(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		var objects, imported, verified int
		for _, c := range r.Collections {
			objects, imported, verified = objects+c.Objects, imported+c.Imported, verified+c.Verified
		}
		for _, f := range r.Failures {
			if strings.Contains(f.Reason, "2.1") {
				t.Errorf("%+v", f)
			}
		}
		t.Logf("run %d: %d cards, %d came, %d with a change, %d refused", n, objects, imported, len(r.Notes), len(r.Failures))
		if verified+len(r.Failures) != objects || n == 0 && imported < 50 || n == 1 && imported != 0 {
			t.Errorf("run %d: %d cards, %d came, %d verified, %d refused", n, objects, imported, verified, len(r.Failures))
		}
	}
	e.Sound(t)
}

// FuzzTake: no file is a panic, and a card that can be read has the UID that is said.
func FuzzTake(f *testing.F) {
	f.Add([]byte(card("UID:eins", "FN:x") + card("FN:y")))
	f.Add([]byte("BEGIN:VCARD\nBEGIN:VCARD\nEND:VCARD"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, o := range take(data).Objects {
			if o.Err != nil {
				continue
			}
			kept := withUID(upgrade(o.Data))
			if o.Key == "" || !bytes.Equal(withUID(kept), kept) {
				t.Fatalf("%q, %q", o.Key, kept)
			}
			if c, err := contacts.Parse(kept); err == nil && c.UID() != o.Key {
				t.Fatalf("UID %q is called %q", c.UID(), o.Key)
			}
		}
	})
}
