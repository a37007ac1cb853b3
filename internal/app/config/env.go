package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Names behind FACHWERK_ that are not configuration.
var (
	// Those of the project's own tests.
	envForTests = regexp.MustCompile(`^FACHWERK_(TEST_.*|CORPUS)$`)
	// Kubernetes adds these for every service whose name begins with fachwerk.
	envOfServices = regexp.MustCompile(`^FACHWERK_([A-Z0-9]+_)*(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_[0-9]+_(TCP|UDP)(_.*)?)?)$`)
	envEntry      = regexp.MustCompile(`^_([0-9]{1,3})_([A-Z_0-9]+)$`) // behind a list's name
	digits        = regexp.MustCompile(`[0-9]+`)
)

// ApplyEnv sets what environ, in the form of os.Environ, names. Lists are
// written with commas between.
func ApplyEnv(c *Config, environ []string) error {
	known := variablesOf(EnvPrefix, reflect.ValueOf(c).Elem())
	var problems Problems
	for _, pair := range inOrder(environ) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, EnvPrefix) || envForTests.MatchString(name) {
			continue
		}
		found, err := known.set(name, value)
		if !found && !envOfServices.MatchString(name) {
			problems = append(problems, unknownVariable(name, known))
		}
		if err != nil {
			problems = append(problems, Problem{Key: name, Says: err.Error()})
		}
	}
	return problems.err()
}

// variables are what the environment may set in one section and below: values,
// secrets themselves, lists of sections.
type variables struct {
	values, secrets, lists map[string]field
}

func variablesOf(prefix string, section reflect.Value) variables {
	v := variables{map[string]field{}, map[string]field{}, map[string]field{}}
	walk("", section, func(path string, f field) {
		v.values[prefix+envWord(path)] = f
		if f.value.Type() == typeSecret {
			v.secrets[prefix+envWord(strings.TrimSuffix(path, "_file"))] = f
		}
	}, func(path string, f field) { v.lists[prefix+envWord(path)] = f })
	return v
}

// set sets what name stands for; found tells whether it stands for anything.
func (v variables) set(name, value string) (found bool, err error) {
	if f, ok := v.values[name]; ok {
		return true, set(f, envTexts(f, value))
	}
	if f, ok := v.secrets[name]; ok {
		f.value.Set(reflect.ValueOf(Secret{value: value}))
		return true, nil
	}
	for list, f := range v.lists {
		rest, ok := strings.CutPrefix(name, list)
		if m := envEntry.FindStringSubmatch(rest); ok && m != nil {
			return setEntry(list, f.value, m[1], name, value)
		}
	}
	return false, nil
}

// setEntry sets a key of one entry of a list of sections; the one behind the last
// is made.
func setEntry(prefix string, list reflect.Value, index, name, value string) (found bool, err error) {
	i, err := strconv.Atoi(index)
	if err != nil || i > list.Len() || i >= maxSections {
		return true, errors.New("the entries before this one are missing: they are counted from 0 without gaps")
	}
	if i == list.Len() {
		list.Set(reflect.Append(list, reflect.Zero(list.Type().Elem())))
	}
	entry := variablesOf(prefix+"_"+index+"_", list.Index(i))
	if found, err = entry.set(name, value); !found {
		keys := slices.Sorted(maps.Keys(entry.values))
		return true, fmt.Errorf("an entry of this list has no such key: %s", strings.Join(keys, ", "))
	}
	return true, err
}

// inOrder sorts the variables so that entry 2 of a list comes before entry 10.
func inOrder(environ []string) []string {
	padded := func(pair string) string {
		name, _, _ := strings.Cut(pair, "=")
		return digits.ReplaceAllStringFunc(name, func(n string) string { return strings.Repeat("0", max(0, 10-len(n))) + n })
	}
	return slices.SortedFunc(slices.Values(environ), func(a, b string) int {
		return cmp.Or(cmp.Compare(padded(a), padded(b)), strings.Compare(a, b))
	})
}

func envTexts(f field, value string) []string {
	if f.value.Type() != typePrefixes && f.value.Type() != typeTexts {
		return []string{value}
	}
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

func unknownVariable(name string, known variables) Problem {
	names := slices.Sorted(maps.Keys(known.values))
	names = append(names, slices.Sorted(maps.Keys(known.secrets))...)
	p := Problem{Key: name, Says: "no key has this environment variable"}
	if near := nearest(name, names); near != "" {
		p.Remedy = "did you mean " + near + "?"
	}
	return p
}
