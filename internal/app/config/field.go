package config

import (
	"net/netip"
	"reflect"
	"sort"
	"strings"
	"time"
)

// A field is one key of a section, found by its yaml tag.
type field struct {
	key   string
	value reflect.Value
	tag   reflect.StructTag
}

var (
	typeSecret   = reflect.TypeFor[Secret]()
	typeSize     = reflect.TypeFor[Size]()
	typeDuration = reflect.TypeFor[time.Duration]()
	typePrefixes = reflect.TypeFor[[]netip.Prefix]()
	typeSites    = reflect.TypeFor[[]Site]()
)

// fields lists the keys of a section in their order in the struct. A secret's
// key in the file ends in _file.
func fields(section reflect.Value) []field {
	var out []field
	for i := range section.NumField() {
		sf := section.Type().Field(i)
		key := sf.Tag.Get("yaml")
		if key == "-" || key == "" {
			continue
		}
		if sf.Type == typeSecret {
			key += "_file"
		}
		out = append(out, field{key: key, value: section.Field(i), tag: sf.Tag})
	}
	return out
}

func (f field) isSection() bool {
	return f.value.Kind() == reflect.Struct && f.value.Type() != typeSecret
}

// KeyNames lists every key of the file, sections joined by dots; those of a site
// begin with sites[].
func KeyNames() []string {
	var out []string
	walk("", reflect.ValueOf(Default()).Elem(), func(path string, f field) {
		out = append(out, path)
	})
	for _, f := range fields(reflect.ValueOf(&Site{}).Elem()) {
		out = append(out, "sites[]."+f.key)
	}
	sort.Strings(out)
	return out
}

// walk calls visit for every key below a section that holds a value; lists of
// sections are left to the caller.
func walk(prefix string, section reflect.Value, visit func(path string, f field)) {
	for _, f := range fields(section) {
		path := prefix + f.key
		switch {
		case f.isSection():
			walk(path+".", f.value, visit)
		case f.value.Type() != typeSites:
			visit(path, f)
		}
	}
}

// EnvName is the environment variable of a key.
func EnvName(key string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// EnvPrefix begins every environment variable that is read.
const EnvPrefix = "FACHWERK_"
