package portal

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// dict is a property list's dictionary.
type dict map[string]any

// encodePlist writes a property list; every text passes the XML encoder.
func encodePlist(root dict) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	b.WriteString(`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n")
	e := xml.NewEncoder(&b)
	plist := xml.StartElement{Name: xml.Name{Local: "plist"}, Attr: []xml.Attr{{Name: xml.Name{Local: "version"}, Value: "1.0"}}}
	err := errors.Join(e.EncodeToken(plist), encodeValue(e, root), e.EncodeToken(plist.End()), e.Close())
	return b.Bytes(), err
}

func encodeValue(e *xml.Encoder, v any) error {
	tag := func(name string, inner func() error) error {
		start := xml.StartElement{Name: xml.Name{Local: name}}
		return errors.Join(e.EncodeToken(start), inner(), e.EncodeToken(start.End()))
	}
	text := func(name, s string) error {
		return tag(name, func() error { return e.EncodeToken(xml.CharData(s)) })
	}
	switch v := v.(type) {
	case string:
		return text("string", v)
	case int:
		return text("integer", fmt.Sprint(v))
	case bool:
		return tag(fmt.Sprint(v), func() error { return nil })
	case []dict:
		return tag("array", func() (err error) {
			for _, d := range v {
				err = errors.Join(err, encodeValue(e, d))
			}
			return err
		})
	case dict:
		return tag("dict", func() (err error) {
			for _, k := range slices.Sorted(maps.Keys(v)) {
				err = errors.Join(err, text("key", k), encodeValue(e, v[k]))
			}
			return err
		})
	}
	return fmt.Errorf("portal: a property list holds no %T", v)
}
