package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
)

// Namespaces as clients write them: declared anew, as the default one and taken back, on
// the element itself, with prefixes on attributes.
func TestNamespaces(t *testing.T) {
	root, err := parseXML([]byte("\xef\xbb\xbf" + `<?xml version="1.0" encoding="UTF-8"?>
<propfind xmlns="DAV:" xmlns:a="urn:a"><!-- nothing --><prop>
 <a:one a:k="v" k="w" xml:lang="de">Straße &amp; <![CDATA[<Platz>]]></a:one>
 <two xmlns=""><three/></two>
 <a:four xmlns:a="urn:b"/>
</prop></propfind>`))
	if err != nil {
		t.Fatal(err)
	}
	prop := root.Child(D("prop"))
	if root.Name != D("propfind") || prop == nil || len(prop.Children) != 3 {
		t.Fatalf("read as %+v", root)
	}
	one, two, four := prop.Children[0], prop.Children[1], prop.Children[2]
	if one.Name != (xml.Name{Space: "urn:a", Local: "one"}) || one.Text != "Straße & <Platz>" || len(one.Attr) != 3 {
		t.Errorf("one: %+v", one)
	}
	if v, ok := one.Attribute("k"); !ok || v != "w" {
		t.Errorf("attribute without prefix: %q, %v", v, ok)
	}
	if two.Name.Space != "" || two.Children[0].Name != (xml.Name{Local: "three"}) {
		t.Errorf("two: %+v", two)
	}
	if four.Name.Space != "urn:b" {
		t.Errorf("four: %+v", four)
	}
}

// What is cut out means outside what it meant inside.
func TestVerbatim(t *testing.T) {
	root, err := parseXML([]byte(`<D:set xmlns:D="DAV:" xmlns:x="urn:x" xmlns="urn:default" xml:lang="de"><D:prop>` +
		`<x:a k="1"  >Ä<b x:q="x:name"/><c xmlns="urn:c"><x:d xmlns:x="urn:y"/></c></x:a><e/><f xml:lang="en" xmlns:x="urn:z"><x:g/></f>` +
		`</D:prop></D:set>`))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range root.Children[0].Children {
		raw := e.Verbatim()
		// In an answer it lies below elements with other namespaces.
		again, err := parseXML([]byte(`<o xmlns:x="urn:other" xmlns:D="urn:not-dav">` + string(raw) + `</o>`))
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if got, want := infoset(again.Children[0]), infoset(e); got != want {
			t.Errorf("%s\nmeans %s\nwant  %s", raw, got, want)
		}
		want := `xml:lang="de"`
		if e.Name.Local == "f" {
			want = `xml:lang="en"`
		}
		if strings.Count(string(raw), "xml:lang") != 1 || !strings.Contains(string(raw), want) {
			t.Errorf("the language of %s is not %s", raw, want)
		}
	}
}

// infoset writes an element with its names whole.
func infoset(e *Element) string {
	var b strings.Builder
	b.WriteString("<{" + e.Name.Space + "}" + e.Name.Local)
	for _, a := range e.Attr {
		if a.Name.Local != "lang" {
			b.WriteString(" {" + a.Name.Space + "}" + a.Name.Local + "=" + a.Value)
		}
	}
	b.WriteString(">" + e.Text)
	for _, c := range e.Children {
		b.WriteString(infoset(c))
	}
	return b.String() + "</>"
}

func TestBadXML(t *testing.T) {
	for what, body := range map[string]string{
		"not closed":            `<a>`,
		"closed otherwise":      `<a></b>`,
		"two roots":             `<a/><b/>`,
		"text outside":          `<a/>x`,
		"nothing":               ` `,
		"document type":         `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`,
		"unknown entity":        `<a>&nbsp;</a>`,
		"prefix not declared":   `<x:a/>`,
		"attribute's prefix":    `<a x:k="v"/>`,
		"prefix bound to none":  `<x:a xmlns:x=""/>`,
		"attribute twice":       `<a k="1" k="2"/>`,
		"colon too much":        `<a:b:c xmlns:a="urn:a"/>`,
		"NUL":                   "<a>\x00</a>",
		"not UTF-8":             "<a>\xff</a>",
		"another encoding":      `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`,
		"UTF-16":                "\xff\xfe<\x00a\x00/\x00>\x00",
		"xmlns declared":        `<a xmlns:xmlns="urn:x"/>`,
		"too deep":              strings.Repeat("<a>", 101) + strings.Repeat("</a>", 101),
		"too many elements":     "<a>" + strings.Repeat("<b/>", 50_001) + "</a>",
		"too many attributes":   "<a " + manyAttributes(65) + "/>",
		"processing":            `<a><?php echo 1 ?></a>`,
		"an entity as in bombs": `<!DOCTYPE lolz><a/>`,
	} {
		if e, err := parseXML([]byte(body)); !errors.Is(err, errXML) {
			t.Errorf("%s: read as %+v, %v", what, e, err)
		}
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a" + strings.Repeat("x", i) + `=""`)
	}
	return b.String()
}

// What is written is read as the same text, whatever it holds.
func TestWrittenTextIsRead(t *testing.T) {
	for _, s := range []string{"", "Straße", "<&>\"'", "a\r\nb\rc\n\td", "]]>", "😀", "\u0085\u2028"} {
		var x XML
		x.root(D("multistatus"))
		x.Element(xml.Name{Space: `urn:"&<`, Local: "x"}, s)
		x.Element(xml.Name{Local: "y"}, s)
		x.Close(D("multistatus"))
		e, err := parseXML(x.b)
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		if e.Children[0].Text != s || e.Children[0].Name.Space != `urn:"&<` || e.Children[1].Text != s || e.Children[1].Name.Space != "" {
			t.Errorf("%q came back as %+v %+v", s, e.Children[0], e.Children[1])
		}
	}
	var x XML
	x.Text("a\x00b\xffc\ufffe")
	if got := string(x.b); got != "a\ufffdb\ufffdc\ufffd" {
		t.Errorf("what XML cannot hold: %q", got)
	}
}

// Every body of the corpus is read, or refused with a reason.
func TestCorpusXML(t *testing.T) {
	dir, ok := need.Corpus(t)
	if !ok {
		if _, err := parseXML([]byte(`<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`)); err != nil {
			t.Error(err)
		}
		return
	}
	read, refusals := 0, map[string]int{}
	err := filepath.WalkDir(filepath.Join(dir, "dav"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".xml" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		e, err := parseXML(raw)
		if err != nil {
			refusals[err.Error()]++
			return nil
		}
		read++
		if _, err := parseXML(e.Verbatim()); err != nil {
			t.Errorf("%s: cut out as a whole it cannot be read: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bodies were read, refused were %v", read, refusals)
	if read < 300 {
		t.Errorf("only %d bodies were read", read)
	}
}

func FuzzXML(f *testing.F) {
	f.Add([]byte(`<D:propfind xmlns:D="DAV:"><D:prop><x xmlns="urn:x" a="b">ä<!-- c --></x></D:prop></D:propfind>`))
	f.Add([]byte(`<a xmlns:p="q" xml:lang="de"><p:b p:c="&#13;&lt;"/><![CDATA[x]]></a>`))
	f.Add([]byte(`<!DOCTYPE a><a/>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		root, err := parseXML(raw)
		if err != nil {
			return
		}
		check := func(e *Element) {
			cut := e.Verbatim()
			again, err := parseXML(append(append([]byte(`<o xmlns="urn:o">`), cut...), "</o>"...))
			if err != nil {
				t.Fatalf("cut out: %q: %v", cut, err)
			}
			if e.Name.Space != "" && again.Children[0].Name != e.Name {
				t.Fatalf("%q is called %v, was %v", cut, again.Children[0].Name, e.Name)
			}
			if !bytes.Equal([]byte(again.Children[0].Text), []byte(e.Text)) {
				t.Fatalf("%q holds %q, held %q", cut, again.Children[0].Text, e.Text)
			}
		}
		check(root)
		for _, c := range root.Children {
			check(c)
		}
	})
}
