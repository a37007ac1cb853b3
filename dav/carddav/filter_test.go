package carddav

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/contacts"
	"fachwerk/dav"
)

// element reads a body as package dav would hand it on; nil where it is no XML.
func element(text string) *dav.Element {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = true
	var open []*dav.Element
	var root *dav.Element
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			return nil
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &dav.Element{Name: token.Name}
			for _, a := range token.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					e.Attr = append(e.Attr, a)
				}
			}
			if len(open) > 100 {
				return nil
			}
			if len(open) > 0 {
				open[len(open)-1].Children = append(open[len(open)-1].Children, e)
			} else if root == nil {
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].Text += string(token)
			}
		}
	}
}

func filterOf(inner string) string {
	return `<C:filter xmlns:C="urn:ietf:params:xml:ns:carddav" ` + inner + `</C:filter>`
}

func TestReadFilter(t *testing.T) {
	f, err := readFilter(element(filterOf(`test="allof">
		<C:prop-filter name="item1.EMAIL" test="allof">
			<C:text-match collation="i;octet" match-type="starts-with" negate-condition="yes">a b</C:text-match>
			<C:text-match/>
			<C:param-filter name="TYPE"><C:text-match match-type="equals">work</C:text-match></C:param-filter>
			<C:param-filter name="PREF"><C:is-not-defined/></C:param-filter>
			<C:param-filter name="X"/>
		</C:prop-filter>
		<C:prop-filter name="PHOTO"><C:is-not-defined/></C:prop-filter>`)))
	if err != nil {
		t.Fatal(err)
	}
	p := f.Props[0]
	if f.Test != contacts.AllOf || len(f.Props) != 2 || p.Group != "item1" || p.Name != "EMAIL" || p.Test != contacts.AllOf ||
		len(p.Texts) != 2 || len(p.Params) != 3 || p.NotDefined {
		t.Errorf("%+v", f)
	}
	if x := p.Texts[0]; x.Collation != contacts.Octet || x.Match != contacts.StartsWith || !x.Negate || !x.Matches("A b") || x.Matches("a bc") {
		t.Errorf("text %+v", x)
	}
	if x := p.Texts[1]; x.Collation != contacts.UnicodeCasemap || x.Match != contacts.Contains || x.Negate {
		t.Errorf("defaults %+v", x)
	}
	if p.Params[0].Text == nil || p.Params[0].NotDefined || !p.Params[1].NotDefined || p.Params[2].Text != nil || p.Params[2].NotDefined {
		t.Errorf("params %+v", p.Params)
	}
	if !f.Props[1].NotDefined || f.Props[1].Test != contacts.AnyOf {
		t.Errorf("second %+v", f.Props[1])
	}
}

func TestBadFilters(t *testing.T) {
	for name, c := range map[string]struct {
		inner  string
		status int
		local  string
	}{
		"another condition": {`><C:comp-filter name="x"/>`, http.StatusForbidden, "supported-filter"},
		"inside a prop":     {`><C:prop-filter name="FN"><C:time-range/></C:prop-filter>`, http.StatusForbidden, "supported-filter"},
		"inside a param":    {`><C:prop-filter name="FN"><C:param-filter name="x"><C:y/></C:param-filter></C:prop-filter>`, http.StatusForbidden, "supported-filter"},
		"inside a text":     {`><C:prop-filter name="FN"><C:text-match>a<C:y/></C:text-match></C:prop-filter>`, http.StatusForbidden, "supported-filter"},
		"too many":          {`>` + strings.Repeat(`<C:prop-filter name="FN"/>`, maxConditions+1), http.StatusForbidden, "supported-filter"},
		"no such collation": {`><C:prop-filter name="FN"><C:text-match collation="i;none">a</C:text-match></C:prop-filter>`, http.StatusForbidden, "supported-collation"},
		"no such match":     {`><C:prop-filter name="FN"><C:text-match match-type="is">a</C:text-match></C:prop-filter>`, http.StatusBadRequest, ""},
		"no such test":      {`test="none">`, http.StatusBadRequest, ""},
		"negated maybe":     {`><C:prop-filter name="FN"><C:text-match negate-condition="maybe">a</C:text-match></C:prop-filter>`, http.StatusBadRequest, ""},
		"no name":           {`><C:prop-filter/>`, http.StatusBadRequest, ""},
		"a group alone":     {`><C:prop-filter name="item1."/>`, http.StatusBadRequest, ""},
		"no param name":     {`><C:prop-filter name="FN"><C:param-filter/></C:prop-filter>`, http.StatusBadRequest, ""},
		"two conditions":    {`><C:prop-filter name="FN"><C:param-filter name="x"><C:is-not-defined/><C:text-match>a</C:text-match></C:param-filter></C:prop-filter>`, http.StatusBadRequest, ""},
		"not there, with":   {`><C:prop-filter name="FN"><C:is-not-defined/><C:text-match>a</C:text-match></C:prop-filter>`, http.StatusBadRequest, ""},
	} {
		_, err := readFilter(element(filterOf(c.inner)))
		var p *dav.Precondition
		if !errors.As(err, &p) || p.Status != c.status || p.Name.Local != c.local || p.Text == "" {
			t.Errorf("%s: %+v", name, err)
		}
	}
	if _, err := readFilter(nil); err == nil {
		t.Error("a query without filter")
	}
}

func TestReadLimit(t *testing.T) {
	body := func(s string) *dav.Element {
		return element(`<C:addressbook-query xmlns:C="urn:ietf:params:xml:ns:carddav">` + s + `</C:addressbook-query>`)
	}
	if n, err := readLimit(body("")); n != 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := readLimit(body("<C:limit><C:nresults> 12 </C:nresults></C:limit>")); n != 12 || err != nil {
		t.Error(n, err)
	}
	for _, bad := range []string{"<C:limit/>", "<C:limit><C:nresults>0</C:nresults></C:limit>", "<C:limit><C:nresults>-1</C:nresults></C:limit>",
		"<C:limit><C:nresults>99999999999</C:nresults></C:limit>", "<C:limit><C:nresults/></C:limit>"} {
		if _, err := readLimit(body(bad)); err == nil {
			t.Error(bad)
		}
	}
}

func TestReadAddressData(t *testing.T) {
	card := []byte("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:x\r\nN:x;;;;\r\nEMAIL:a@b\r\nEND:VCARD\r\n")
	read := func(s string) (wanted, error) {
		return readAddressData(element(`<C:address-data xmlns:C="urn:ietf:params:xml:ns:carddav" ` + s + `</C:address-data>`))
	}
	for _, s := range []string{">", `content-type="text/vcard">`, "><C:allprop/>"} {
		if w, err := read(s); err != nil || !w.asStored() {
			t.Errorf("%s: %+v, %v", s, w, err)
		}
	}
	w, err := read(`version="3.0">`)
	if body, errOf := w.of(card); err != nil || errOf != nil || string(body) != string(card) {
		t.Errorf("the version it has: %s, %v", body, err)
	}
	w, err = read(`content-type="text/vcard" version="4.0"><C:prop name="FN"/><C:prop name="EMAIL" novalue="yes"/>`)
	if body, errOf := w.of(card); err != nil || errOf != nil || string(body) != "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\nEMAIL:\r\nEND:VCARD\r\n" {
		t.Errorf("a part of another version: %s, %v", body, err)
	}
	for _, bad := range []string{`version="2.1">`, `content-type="application/vcard+json">`, "><C:prop/>", ">" + strings.Repeat(`<C:prop name="x"/>`, maxConditions+1)} {
		if _, err := read(bad); err == nil {
			t.Error(bad)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(filterOf(`test="allof"><C:prop-filter name="item1.EMAIL"><C:text-match>a</C:text-match></C:prop-filter>`))
	if root := os.Getenv("FACHWERK_CORPUS"); root != "" {
		_ = filepath.WalkDir(filepath.Join(root, "dav"), func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() && strings.Contains(path, "CardDAV") && filepath.Ext(path) == ".xml" {
				if text, err := os.ReadFile(path); err == nil {
					f.Add(string(text))
				}
			}
			return nil
		})
	}
	card := &contacts.Card{Properties: []contacts.Property{{Name: "FN", Value: "x"}}}
	f.Fuzz(func(t *testing.T, text string) {
		e := element(text)
		if e == nil {
			return
		}
		bodies := append([]*dav.Element{e, e.Child(dav.CardDAV("filter"))}, e.Children...)
		for _, b := range bodies {
			if filter, err := readFilter(b); err == nil {
				filter.Matches(card)
			}
			if b != nil {
				_, _ = readLimit(b)
				if w, err := readAddressData(b); err == nil {
					_, _ = w.of([]byte("BEGIN:VCARD\nVERSION:3.0\nUID:1\nFN:x\nEND:VCARD"))
				}
			}
		}
	})
}
