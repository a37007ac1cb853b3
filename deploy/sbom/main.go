// Command sbom writes the software bill of materials of a built fachwerk, as
// CycloneDX 1.6 in JSON: every module that is in the program with its version and
// digest, read from the program itself, and those that go.mod names beside them, for
// tests alone, as excluded.
//
//	go run ./deploy/sbom bin/fachwerk go.mod >fachwerk.cdx.json
//
// The same program gives the same text: it holds no time and no random number.
package main

import (
	"bufio"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// A document is what CycloneDX calls a BOM; fields are named as there.
type document struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Serial     string      `json:"serialNumber"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	Scope      string     `json:"scope,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licences   []licence  `json:"licenses,omitempty"`
	URL        string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licence struct {
	Licence struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM go.mod")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(w io.Writer, program, gomod string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	file, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	required, err := requirements(gomod)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(file)
	main := component{
		Type: "application", Ref: "fachwerk", Name: "fachwerk", Version: info.Main.Version,
		Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}}, Licences: []licence{eupl()},
		Properties: settings(info),
	}
	d := document{
		Format: "CycloneDX", Spec: "1.6", Serial: serial(sum), Version: 1,
		Metadata: metadata{main}, Components: components(info, required),
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(d)
}

func eupl() (l licence) {
	l.Licence.ID = "EUPL-1.2"
	return l
}

// serial is a UUID made from the program's digest (RFC 9562 section 5.8).
func serial(sum [sha256.Size]byte) string {
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// settings are how the program was built.
func settings(info *buildinfo.BuildInfo) (out []property) {
	for _, s := range info.Settings {
		if s.Value != "" {
			out = append(out, property{"go:" + s.Key, s.Value})
		}
	}
	return out
}

func components(info *buildinfo.BuildInfo, required map[string]string) []component {
	out := []component{{
		Type: "library", Ref: "pkg:golang/stdlib@" + info.GoVersion, Name: "stdlib", Version: info.GoVersion,
		Scope: "required", URL: "pkg:golang/stdlib@" + strings.TrimPrefix(info.GoVersion, "go"),
	}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out = append(out, module(m, "required"))
		delete(required, m.Path)
	}
	for path, version := range required {
		out = append(out, module(&debug.Module{Path: path, Version: version}, "excluded"))
	}
	slices.SortFunc(out, func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })
	return out
}

// module turns one of Go's into a component. Go's digest is of the list of files and
// their digests (go.sum), so it is told as a property and as SHA-256 of that list.
func module(m *debug.Module, scope string) component {
	url := "pkg:golang/" + m.Path + "@" + m.Version
	c := component{Type: "library", Ref: url, Name: m.Path, Version: m.Version, Scope: scope, URL: url}
	if digest, ok := strings.CutPrefix(m.Sum, "h1:"); ok {
		if raw, err := base64.StdEncoding.DecodeString(digest); err == nil {
			c.Hashes = []hash{{"SHA-256", hex.EncodeToString(raw)}}
			c.Properties = []property{{"go:sum", m.Sum}}
		}
	}
	return c
}

// requirements reads the modules that go.mod names.
func requirements(gomod string) (map[string]string, error) {
	f, err := os.Open(gomod)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[string]string{}
	block := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "//")
		fields := strings.Fields(text)
		switch {
		case len(fields) == 2 && fields[0] == "require" && fields[1] == "(":
			block = true
		case len(fields) == 1 && fields[0] == ")":
			block = false
		case block && len(fields) == 2:
			out[fields[0]] = fields[1]
		case len(fields) == 3 && fields[0] == "require":
			out[fields[1]] = fields[2]
		}
	}
	return out, lines.Err()
}
