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
	typeTexts    = reflect.TypeFor[[]string]()
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

// isList tells a list of sections, such as sites.
func (f field) isList() bool {
	return f.value.Kind() == reflect.Slice && f.value.Type().Elem().Kind() == reflect.Struct && f.value.Type() != typePrefixes
}

// KeyNames lists every key of the file, sections joined by dots; those of a list's
// entries as sites[].name.
func KeyNames() []string {
	var out []string
	var names func(prefix string, section reflect.Value)
	names = func(prefix string, section reflect.Value) {
		walk(prefix, section, func(path string, _ field) { out = append(out, path) },
			func(path string, f field) { names(path+"[].", reflect.New(f.value.Type().Elem()).Elem()) })
	}
	names("", reflect.ValueOf(Default()).Elem())
	sort.Strings(out)
	return out
}

// walk calls visit for every key below a section that holds a value, and list, if
// it is not nil, for every list of sections.
func walk(prefix string, section reflect.Value, visit, list func(path string, f field)) {
	for _, f := range fields(section) {
		path := prefix + f.key
		switch {
		case f.isSection():
			walk(path+".", f.value, visit, list)
		case !f.isList():
			visit(path, f)
		case list != nil:
			list(path, f)
		}
	}
}

// EnvName is the environment variable of a key.
func EnvName(key string) string {
	return EnvPrefix + envWord(key)
}

func envWord(path string) string { return strings.ToUpper(strings.ReplaceAll(path, ".", "_")) }

// EnvPrefix begins every environment variable that is read.
const EnvPrefix = "FACHWERK_"
