package config

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Bounds of a file: what a person writes is far below them.
const (
	maxFile     = 256 << 10
	maxBrackets = 2000 // of flow collections, each one a level of the parser's stack
	maxLine     = 8 << 10
	maxIndent   = 200
	maxList     = 10000
	maxSections = 1000 // of one list
)

// Parse reads a file's text over the defaults. It looks at form only: names,
// types and ranges; Check looks at the meaning.
func Parse(text []byte) (*Config, error) {
	c := Default()
	d := decoder{}
	d.file(text, reflect.ValueOf(c).Elem())
	return c, d.problems.err()
}

type decoder struct {
	problems Problems
}

func (d *decoder) say(key string, n ast.Node, says, remedy string) {
	line := 0
	if n != nil && n.GetToken() != nil && n.GetToken().Position != nil {
		line = n.GetToken().Position.Line
	}
	d.problems = append(d.problems, Problem{Key: key, Line: line, Says: says, Remedy: remedy})
}

func (d *decoder) file(text []byte, root reflect.Value) {
	if err := bounded(text); err != nil {
		d.say("", nil, err.Error(), "")
		return
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		d.problems = append(d.problems, syntax(err))
		return
	}
	if len(file.Docs) > 1 {
		d.say("", file.Docs[1].Body, "the file holds more than one document", "remove the line ---")
		return
	}
	if len(file.Docs) == 1 && file.Docs[0].Body != nil {
		d.section("", file.Docs[0].Body, root)
	}
}

// bounded refuses what no person writes before the YAML parser sees it.
func bounded(text []byte) error {
	if len(text) > maxFile {
		return fmt.Errorf("the file has more than %d bytes", maxFile)
	}
	brackets := 0
	for i, line := range strings.Split(string(text), "\n") {
		if len(line) > maxLine {
			return fmt.Errorf("line %d has more than %d bytes", i+1, maxLine)
		}
		if indent := len(line) - len(strings.TrimLeft(line, " \t-?:")); indent > maxIndent {
			return fmt.Errorf("line %d is indented by more than %d columns", i+1, maxIndent)
		}
		brackets += strings.Count(line, "[") + strings.Count(line, "{")
	}
	if brackets > maxBrackets {
		return fmt.Errorf("the file has more than %d brackets", maxBrackets)
	}
	return nil
}

func syntax(err error) Problem {
	p := Problem{Says: "not valid YAML: " + err.Error()}
	var y yaml.Error
	if errors.As(err, &y) {
		p.Says = "not valid YAML: " + y.GetMessage()
		if t := y.GetToken(); t != nil && t.Position != nil {
			p.Line = t.Position.Line
		}
	}
	return p
}

// section reads a mapping into a struct.
func (d *decoder) section(path string, n ast.Node, into reflect.Value) {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.NullNode, *ast.CommentGroupNode:
		return // a section with everything commented out
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		name := strings.TrimSuffix(path, ".")
		if name == "" {
			name = "the file"
		}
		d.say(name, n, "must hold keys, each on a line of its own", "write it as key: value")
		return
	}
	known := fields(into)
	seen := map[string]bool{}
	for _, pair := range pairs {
		key, ok := scalar(pair.Key)
		if !ok {
			d.say(path, pair.Key, "this key is not a plain name", "")
			continue
		}
		f, found := find(known, key)
		switch {
		case !found:
			d.unknown(path, key, pair.Key, known)
		case seen[key]:
			d.say(path+key, pair.Key, "stands here twice", "keep one of the two")
		default:
			seen[key] = true
			d.value(path+key, pair.Value, f)
		}
	}
}

func find(known []field, key string) (field, bool) {
	for _, f := range known {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

func (d *decoder) unknown(path, key string, n ast.Node, known []field) {
	if secret, ok := find(known, key+"_file"); ok && secret.value.Type() == typeSecret {
		d.say(path+key, n, "a secret never stands in the file",
			fmt.Sprintf("put it into a file of its own and name that in %s, or set %s", path+secret.key, EnvName(path+key)))
		return
	}
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = f.key
	}
	remedy := "known here: " + strings.Join(names, ", ")
	if near := nearest(key, names); near != "" {
		remedy = "did you mean " + path + near + "?"
	} else if near := nearest(path+key, KeyNames()); near != "" {
		remedy = "did you mean " + near + "?"
	}
	d.say(path+key, n, "there is no such key", remedy)
}

// value reads what stands behind a key.
func (d *decoder) value(key string, n ast.Node, f field) {
	switch {
	case f.isSection():
		d.section(key+".", n, f.value)
	case f.isList():
		d.sections(key, n, f.value)
	case f.value.Type() == typePrefixes || f.value.Type() == typeTexts:
		texts, ok := d.list(key, n)
		if ok {
			d.assign(key, n, f, texts)
		}
	default:
		text, ok := scalar(n)
		if !ok {
			d.say(key, n, "takes one plain value", "write it as "+last(key)+": value")
			return
		}
		d.assign(key, n, f, []string{text})
	}
}

func (d *decoder) assign(key string, n ast.Node, f field, texts []string) {
	if err := set(f, texts); err != nil {
		d.say(key, n, err.Error(), "")
	}
}

// list reads a sequence of plain values; one plain value is a list of one.
func (d *decoder) list(key string, n ast.Node) ([]string, bool) {
	if _, null := n.(*ast.NullNode); null {
		return nil, true
	}
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		if text, plain := scalar(n); plain {
			return []string{text}, true
		}
		d.say(key, n, "takes a list of plain values", "write it as [a, b]")
		return nil, false
	}
	if len(seq.Values) > maxList {
		d.say(key, n, fmt.Sprintf("has more than %d entries", maxList), "")
		return nil, false
	}
	var texts []string
	for _, v := range seq.Values {
		text, plain := scalar(v)
		if !plain {
			d.say(key, v, "takes a list of plain values", "write it as [a, b]")
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}

// sections reads a list of sections.
func (d *decoder) sections(key string, n ast.Node, into reflect.Value) {
	if _, null := n.(*ast.NullNode); null {
		return
	}
	seq, ok := n.(*ast.SequenceNode)
	if !ok || len(seq.Values) > maxSections {
		d.say(key, n, fmt.Sprintf("takes a list of at most %d entries", maxSections),
			"begin each one with a dash: - "+fields(reflect.New(into.Type().Elem()).Elem())[0].key+": …")
		return
	}
	for i, v := range seq.Values {
		one := reflect.New(into.Type().Elem()).Elem()
		d.section(fmt.Sprintf("%s[%d].", key, i), v, one)
		into.Set(reflect.Append(into, one))
	}
}

// scalar gives the text of a plain value as it was written; anchors, aliases,
// tags and collections are none.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		if v.Value == nil {
			return "", true
		}
		return strings.TrimRight(v.Value.Value, "\n"), true
	case *ast.NullNode:
		return "", true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func last(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// set converts texts, one but for lists, into a field's type.
func set(f field, texts []string) error {
	if f.value.Type() == typeTexts {
		for _, t := range texts {
			if err := plainText(t); err != nil {
				return err
			}
		}
		f.value.Set(reflect.ValueOf(texts))
		return nil
	}
	if f.value.Type() == typePrefixes {
		var prefixes []netip.Prefix
		for _, t := range texts {
			p, err := parsePrefix(t)
			if err != nil {
				return err
			}
			prefixes = append(prefixes, p)
		}
		f.value.Set(reflect.ValueOf(prefixes))
		return nil
	}
	text := texts[0]
	switch f.value.Type() {
	case typeSecret:
		f.value.Set(reflect.ValueOf(Secret{File: text}))
		return nil
	case typeSize:
		s, err := ParseSize(text)
		if err != nil {
			return err
		}
		return setNumber(f, int64(s), func(n int64) string { return Size(n).String() })
	case typeDuration:
		v, err := ParseDuration(text)
		if err != nil {
			return err
		}
		return setNumber(f, int64(v), func(n int64) string { return formatDuration(time.Duration(n)) })
	}
	switch f.value.Kind() {
	case reflect.Bool:
		b, ok := map[string]bool{"true": true, "false": false}[text]
		if !ok {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		f.value.SetBool(b)
		return nil
	case reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		return setNumber(f, n, func(n int64) string { return strconv.FormatInt(n, 10) })
	}
	if allowed := f.tag.Get("oneof"); allowed != "" && !slices.Contains(strings.Split(allowed, ","), text) {
		return fmt.Errorf("%q is not one of %s", text, strings.ReplaceAll(allowed, ",", ", "))
	}
	if err := plainText(text); err != nil {
		return err
	}
	f.value.SetString(text)
	return nil
}

func plainText(text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("holds a line break or another control character")
	}
	return nil
}

// setNumber checks the bounds that the tags give, in the form of the file.
func setNumber(f field, n int64, format func(int64) string) error {
	low, errLow := bound(f, "min")
	high, errHigh := bound(f, "max")
	if errLow == nil && n < low {
		return fmt.Errorf("%s is below the least value, %s", format(n), format(low))
	}
	if errHigh == nil && n > high {
		return fmt.Errorf("%s is above the greatest value, %s", format(n), format(high))
	}
	f.value.SetInt(n)
	return nil
}

func bound(f field, tag string) (int64, error) {
	text := f.tag.Get(tag)
	if f.value.Type() == typeDuration {
		d, err := ParseDuration(text)
		return int64(d), err
	}
	return strconv.ParseInt(text, 10, 64)
}
