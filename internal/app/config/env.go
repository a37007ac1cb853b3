package config

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Names behind FACHWERK_ that are not configuration.
var (
	// Those of the project's own tests.
	envForTests = regexp.MustCompile(`^FACHWERK_(TEST_.*|CORPUS)$`)
	// Kubernetes adds these for every service whose name begins with fachwerk.
	envOfServices = regexp.MustCompile(`^FACHWERK_([A-Z0-9]+_)*(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_[0-9]+_(TCP|UDP)(_.*)?)?)$`)
	envSite       = regexp.MustCompile(`^FACHWERK_SITES_([0-9]{1,3})_([A-Z]+)$`)
)

// ApplyEnv sets what environ, in the form of os.Environ, names. Lists are
// written with commas between.
func ApplyEnv(c *Config, environ []string) error {
	known := map[string]field{}
	secrets := map[string]field{}
	walk("", reflect.ValueOf(c).Elem(), func(path string, f field) {
		known[EnvName(path)] = f
		if f.value.Type() == typeSecret {
			secrets[EnvName(strings.TrimSuffix(path, "_file"))] = f
		}
	})
	var problems Problems
	for _, pair := range inOrder(environ) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, EnvPrefix) || envForTests.MatchString(name) {
			continue
		}
		var err error
		if f, ok := known[name]; ok {
			err = set(f, envTexts(f, value))
		} else if f, ok := secrets[name]; ok {
			f.value.Set(reflect.ValueOf(Secret{value: value}))
		} else if m := envSite.FindStringSubmatch(name); m != nil {
			err = setSite(c, m[1], m[2], value)
		} else if !envOfServices.MatchString(name) {
			problems = append(problems, unknownVariable(name, known, secrets))
		}
		if err != nil {
			problems = append(problems, Problem{Key: name, Says: err.Error()})
		}
	}
	return problems.err()
}

// inOrder sorts the variables so that site 2 comes before site 10.
func inOrder(environ []string) []string {
	site := func(pair string) int {
		name, _, _ := strings.Cut(pair, "=")
		if m := envSite.FindStringSubmatch(name); m != nil {
			n, _ := strconv.Atoi(m[1]) // three digits at most
			return n
		}
		return -1
	}
	return slices.SortedFunc(slices.Values(environ), func(a, b string) int {
		return cmp.Or(cmp.Compare(site(a), site(b)), strings.Compare(a, b))
	})
}

func envTexts(f field, value string) []string {
	if f.value.Type() != typePrefixes {
		return []string{value}
	}
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

func setSite(c *Config, index, key, value string) error {
	i, err := strconv.Atoi(index)
	if err != nil || i > len(c.Sites) || i >= maxSites {
		return fmt.Errorf("the sites before this one are missing: they are counted from 0 without gaps")
	}
	if i == len(c.Sites) {
		c.Sites = append(c.Sites, Site{})
	}
	known := fields(reflect.ValueOf(&c.Sites[i]).Elem())
	f, ok := find(known, strings.ToLower(key))
	if !ok {
		return fmt.Errorf("a site has no such key: name, operator, country, city, networks")
	}
	return set(f, envTexts(f, value))
}

func unknownVariable(name string, known, secrets map[string]field) Problem {
	var names []string
	for n := range known {
		names = append(names, n)
	}
	for n := range secrets {
		names = append(names, n)
	}
	sort.Strings(names)
	p := Problem{Key: name, Says: "no key has this environment variable"}
	if near := nearest(name, names); near != "" {
		p.Remedy = "did you mean " + near + "?"
	}
	return p
}
