package admintest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"fachwerk/admin"
)

// A Document is openapi.yaml, for comparing answers with it. It knows those parts of
// OpenAPI 3.1 and JSON Schema that the document uses, and fails on others.
type Document struct {
	root  map[string]any
	Paths map[string]map[string]map[string]any // path, method in capitals, operation
}

// Load reads the document of the API.
func Load() (*Document, error) {
	d := &Document{Paths: map[string]map[string]map[string]any{}}
	text, err := yaml.YAMLToJSON(admin.OpenAPI)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &d.root); err != nil {
		return nil, err
	}
	paths, _ := d.root["paths"].(map[string]any)
	for path, item := range paths {
		d.Paths[path] = map[string]map[string]any{}
		item, _ := item.(map[string]any)
		for method, op := range item {
			if op, ok := op.(map[string]any); ok {
				d.Paths[path][strings.ToUpper(method)] = op
			}
		}
	}
	if len(d.Paths) == 0 {
		return nil, errors.New("the document has no path")
	}
	return d, nil
}

// resolve follows a $ref.
func (d *Document) resolve(v any) (map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%v is no object of the document", v)
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return m, nil
	}
	var at any = d.root
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		inner, _ := at.(map[string]any)
		if at, ok = inner[name]; !ok {
			return nil, fmt.Errorf("%s leads nowhere", ref)
		}
	}
	return d.resolve(at)
}

// Answer checks one: its status, media type and body against the operation.
func (d *Document) Answer(method, path string, status int, mediaType string, body []byte) error {
	op, ok := d.Paths[path][method]
	if !ok {
		return fmt.Errorf("%s %s is not in the document", method, path)
	}
	responses, _ := op["responses"].(map[string]any)
	said, ok := responses[fmt.Sprint(status)]
	if !ok && status >= 400 {
		said, ok = responses["default"]
	}
	if !ok {
		return fmt.Errorf("%s %s: status %d is not in the document", method, path, status)
	}
	response, err := d.resolve(said)
	if err != nil {
		return err
	}
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("%s %s: a body of which the document says nothing", method, path)
		}
		return nil
	}
	one, ok := content[mediaType].(map[string]any)
	if !ok {
		return fmt.Errorf("%s %s: media type %q is not in the document", method, path, mediaType)
	}
	if !strings.HasSuffix(mediaType, "json") {
		return nil
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	if err := d.check(one["schema"], value); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// keywords are those of JSON Schema that check understands; annotations are skipped.
var keywords = []string{"$ref", "type", "enum", "format", "pattern", "minimum", "maximum", "default", "description", "items",
	"properties", "required", "additionalProperties"}

// check says where a value is not as a schema has it.
func (d *Document) check(schema, value any) error {
	s, err := d.resolve(schema)
	if err != nil {
		return err
	}
	for k := range s {
		if !slices.Contains(keywords, k) {
			return fmt.Errorf("the document uses %q, which is not checked", k)
		}
	}
	if all, ok := s["enum"].([]any); ok && !slices.Contains(all, value) {
		return fmt.Errorf("%v is none of %v", value, all)
	}
	switch s["type"] {
	case "object":
		return d.object(s, value)
	case "array":
		list, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%v is no array", value)
		}
		for i, one := range list {
			if err := d.check(s["items"], one); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
	case "string":
		return text(s, value)
	case "integer":
		n, ok := value.(float64)
		if !ok || n != float64(int64(n)) {
			return fmt.Errorf("%v is no integer", value)
		}
		if least, ok := s["minimum"].(float64); ok && n < least {
			return fmt.Errorf("%v is less than %v", n, least)
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			return fmt.Errorf("%v is no boolean", value)
		}
	default:
		return fmt.Errorf("the document has a schema of type %v", s["type"])
	}
	return nil
}

func (d *Document) object(s map[string]any, value any) error {
	m, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%v is no object", value)
	}
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, there := m[name.(string)]; !there {
			return fmt.Errorf("%s is missing", name)
		}
	}
	for name, inner := range m {
		schema, known := properties[name]
		if !known {
			if schema, known = s["additionalProperties"].(map[string]any); !known {
				return fmt.Errorf("%s is not in the document", name)
			}
		}
		if err := d.check(schema, inner); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func text(s map[string]any, value any) error {
	v, ok := value.(string)
	if !ok {
		return fmt.Errorf("%v is no string", value)
	}
	if pattern, ok := s["pattern"].(string); ok {
		if !regexp.MustCompile(pattern).MatchString(v) {
			return fmt.Errorf("%q does not match %s", v, pattern)
		}
	}
	if s["format"] == "date-time" {
		_, err := time.Parse(time.RFC3339, v)
		return err
	}
	return nil
}
