package contacts

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	c := parse(t, vcard("3.0", "item1.TEL;TYPE=work,VOICE;type=pref:+49 30 1", "N:Müller;Jo\\;ann\\, gen. \\\\;;;",
		"FN:Jo", " ann", "UID: abc ", "X-ADDRESSBOOKSERVER-KIND:group"))
	tel := c.First("TEL")
	if tel == nil || tel.Group != "item1" || !tel.Has("TYPE", "WORK") || !tel.Has("TYPE", "pref") || tel.Has("TYPE", "fax") {
		t.Errorf("TEL %+v", tel)
	}
	if got := c.First("N").Text(); got != `Müller;Jo;ann, gen. \;;;` {
		t.Errorf("N %q", got)
	}
	if c.First("FN").Value != "Joann" || c.UID() != "abc" || !c.Group() || c.Version != Version3 {
		t.Errorf("card %+v", c)
	}
	if c := parse(t, vcard("4.0", "FN:Fraktion", "KIND:Group", "UID:1", "MEMBER:urn:uuid:2")); !c.Group() || c.Index().Components != IsCard|IsGroup {
		t.Error("KIND:group is none")
	}
}

func TestRefusals(t *testing.T) {
	min := []string{"FN:x", "UID:1"}
	many := strings.Repeat("NOTE:x\r\n", maxLines+1)
	for name, c := range map[string]struct {
		body string
		want Condition
	}{
		"empty":             {"", ValidData},
		"no card":           {"hello\r\n", ValidData},
		"a calendar":        {"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", ValidData},
		"cut off":           {"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\nUID:1\r\n", ValidData},
		"two cards":         {vcard("3.0", min...) + vcard("3.0", min...), ValidData},
		"two old cards":     {vcard("2.1", min...) + vcard("2.1", min...), SupportedData},
		"one inside":        {vcard("3.0", "FN:x", "UID:1", "BEGIN:VCARD", "END:VCARD"), ValidData},
		"something behind":  {vcard("3.0", min...) + "X:y\r\n", ValidData},
		"version 2.1":       {vcard("2.1", min...), SupportedData},
		"version 5":         {vcard("5.0", min...), SupportedData},
		"no version":        {"BEGIN:VCARD\r\nFN:x\r\nUID:1\r\nEND:VCARD\r\n", ValidData},
		"two versions":      {vcard("3.0", "FN:x", "UID:1", "VERSION:4.0"), ValidData},
		"no UID":            {vcard("3.0", "FN:x"), ValidData},
		"an empty UID":      {vcard("3.0", "FN:x", "UID:"), ValidData},
		"two UIDs":          {vcard("3.0", "FN:x", "UID:1", "UID:2"), ValidData},
		"no name in 4.0":    {vcard("4.0", "N:x;;;;", "UID:1"), ValidData},
		"no name in 3.0":    {vcard("3.0", "N:;;;;", "UID:1"), ValidData},
		"a control":         {vcard("3.0", "FN:a\x06b", "UID:1"), ValidData},
		"no UTF-8":          {vcard("3.0", "FN:a\xfcb", "UID:1"), ValidData},
		"no character":      {vcard("3.0", "FN:a\uFFFEb", "UID:1"), ValidData},
		"a line of nothing": {vcard("3.0", "FN:x", "UID:1", "nothing"), ValidData},
		"too large":         {vcard("3.0", "FN:x", "UID:1", "NOTE:"+strings.Repeat("x", MaxSize)), MaxResource},
		"too many lines":    {vcard("3.0", "FN:x", "UID:1", many), ValidData},
	} {
		var bad *InvalidError
		if _, err := Parse([]byte(c.body)); !errors.As(err, &bad) || bad.Condition != c.want || !strings.HasSuffix(bad.Reason, ".") && !strings.HasSuffix(bad.Reason, ").") {
			t.Errorf("%s: %v, want %s and a sentence", name, err, c.want)
		}
	}
	for name, body := range map[string]string{
		"3.0 without FN":     vcard("3.0", "N:x;;;;", "UID:1"),
		"VERSION later":      "BEGIN:VCARD\nFN:x\nUID:1\nVERSION:3.0\nEND:VCARD",
		"lower case markers": "begin:vcard\r\nversion:3.0\r\nfn:x\r\nuid:1\r\nend:vcard\r\n",
		"blank lines":        vcard("3.0", "FN:x", "", "UID:1", "") + "\r\n\r\n",
	} {
		if _, err := Parse([]byte(body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMediaType(t *testing.T) {
	for _, ok := range []string{"", "text/vcard", "text/vcard; charset=utf-8", "text/x-vcard", "Text/Directory;profile=vCard", "text/vcard; =", "application/octet-stream"} {
		if err := MediaType(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{"text/calendar", "application/vcard+json", "image/png", "text/vcardx"} {
		var e *InvalidError
		if err := MediaType(bad); !errors.As(err, &e) || e.Condition != SupportedData {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestFactsOfCorpus makes the searchable form of every card and reads it again.
func TestFactsOfCorpus(t *testing.T) {
	n := 0
	for name, body := range corpus(t) {
		c, err := Parse(body)
		if err != nil {
			continue
		}
		n++
		facts := c.Facts()
		got, err := ReadFacts(string(facts))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range c.Properties {
			if p := &c.Properties[i]; len(p.Value) > longValue {
				p.Value, p.Left = "", true
			}
			if len(c.Properties[i].Params) == 0 {
				c.Properties[i].Params = nil
			}
		}
		if !reflect.DeepEqual(c, got) {
			t.Errorf("%s: read %+v, want %+v", name, got, c)
		}
	}
	if n == 0 {
		t.Error("no card was kept")
	}
}

// TestAppendOfCorpus writes every card anew: it says the same.
func TestAppendOfCorpus(t *testing.T) {
	for name, body := range corpus(t) {
		c, err := Parse(body)
		if err != nil {
			continue
		}
		again, err := Parse(c.Append(nil))
		if err != nil || !slices.EqualFunc(c.Properties, again.Properties, sameProperty) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func sameProperty(a, b Property) bool {
	return a.Name == b.Name && a.Group == b.Group && a.Value == b.Value &&
		slices.EqualFunc(a.Params, b.Params, func(p, q Param) bool { return p.Name == q.Name && slices.Equal(p.Values, q.Values) })
}

func FuzzParse(f *testing.F) {
	for _, body := range corpus(f) {
		if len(body) < 4096 {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := Parse(body)
		var bad *InvalidError
		if err != nil {
			if !errors.As(err, &bad) || bad.Reason == "" {
				t.Fatalf("refused by %v", err)
			}
			return
		}
		if c.UID() == "" {
			t.Fatal("a card without UID")
		}
		facts, err := ReadFacts(string(c.Facts()))
		if err != nil || len(facts.Properties) != len(c.Properties) {
			t.Fatalf("facts: %v", err)
		}
		written := c.Append(nil)
		if bytes.ContainsRune(written, 0) {
			t.Fatal("NUL")
		}
		for _, v := range []Version{Version3, Version4} {
			c.Convert(v).Append(nil)
		}
	})
}

func FuzzReadFacts(f *testing.F) {
	f.Add(string((&Card{Version: Version3, Properties: []Property{{Name: "FN", Value: "x", Params: []Param{param("TYPE", "a", "b")}}}}).Facts()))
	f.Add("\x03\xff\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, facts string) {
		if c, err := ReadFacts(facts); err == nil && c == nil {
			t.Fatal("nothing")
		}
	})
}
