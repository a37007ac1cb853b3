package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Marshal writes the keys that differ from the defaults. Secrets from the
// environment are left out.
func (c *Config) Marshal() ([]byte, error) {
	out := section(reflect.ValueOf(c).Elem(), reflect.ValueOf(Default()).Elem())
	text, err := yaml.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return text, nil
}

func section(values, defaults reflect.Value) yaml.MapSlice {
	var out yaml.MapSlice
	known := fields(defaults)
	for i, f := range fields(values) {
		switch {
		case f.isSection():
			if inner := section(f.value, known[i].value); len(inner) > 0 {
				out = append(out, yaml.MapItem{Key: f.key, Value: inner})
			}
		case f.isList():
			var entries []yaml.MapSlice
			for j := range f.value.Len() {
				entries = append(entries, section(f.value.Index(j), reflect.Zero(f.value.Type().Elem())))
			}
			if len(entries) > 0 {
				out = append(out, yaml.MapItem{Key: f.key, Value: entries})
			}
		case !reflect.DeepEqual(plain(f.value), plain(known[i].value)):
			out = append(out, yaml.MapItem{Key: f.key, Value: plain(f.value)})
		}
	}
	return out
}

// plain gives a value in the form in which the file has it.
func plain(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case Size:
		return x.String()
	case time.Duration:
		return formatDuration(x)
	case Secret:
		return x.File
	case []netip.Prefix:
		out := []string{}
		for _, p := range x {
			out = append(out, p.String())
		}
		return out
	}
	return v.Interface()
}

// SplitPassword takes the password out of a DSN or URL, so that it can be kept
// in a file of its own.
func SplitPassword(dsn string) (clean, password string) {
	u, err := url.Parse(dsn)
	if err != nil || u.User == nil || !strings.Contains(dsn, "://") {
		return dsn, ""
	}
	password, has := u.User.Password()
	if !has {
		return dsn, ""
	}
	u.User = url.User(u.User.Username())
	return u.String(), password
}

// WithPassword puts it back.
func WithPassword(dsn, password string) string {
	u, err := url.Parse(dsn)
	if err != nil || password == "" || !strings.Contains(dsn, "://") {
		return dsn
	}
	name := ""
	if u.User != nil {
		name = u.User.Username()
	}
	u.User = url.UserPassword(name, password)
	return u.String()
}
