// Command imagelint reads an image file and prints what the rules of BuildKit, which
// builds such files for Docker, say against it, one finding a line. It fails if there is
// one. The arguments name the file and what it is built with, as name=value.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	digest "github.com/opencontainers/go-digest"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: imagelint FILE [NAME=VALUE ...]")
		os.Exit(2)
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	arguments := map[string]string{}
	for _, a := range os.Args[2:] {
		name, value, _ := strings.Cut(a, "=")
		arguments[name] = value
	}
	found, err := lint(text, arguments)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for _, f := range found {
		fmt.Printf("%s:%s\n", os.Args[1], f)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}

// every is the line that turns the experimental rules on too. It counts as line 0.
const every = "# check=experimental=all\n"

// lint applies every rule to every stage.
func lint(text []byte, arguments map[string]string) (found []string, err error) {
	text = append([]byte(every), text...)
	source := llb.NewSourceMap(nil, "Containerfile", "", text)
	source.Definition = &llb.Definition{} // there is no build that the source came with
	results, err := dockerfile2llb.DockerfileLint(context.Background(), text, dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildArgs: arguments,
		},
		SourceMap:    source,
		MetaResolver: noRegistry{},
	})
	if err != nil {
		return nil, err
	}
	for _, w := range results.Warnings {
		line := int32(1)
		if w.Location != nil && len(w.Location.Ranges) > 0 {
			line = w.Location.Ranges[0].Start.Line - 1
		}
		found = append(found, fmt.Sprintf("%d: %s: %s", line, w.RuleName, w.Detail))
	}
	if results.Error != nil {
		found = append(found, "1: it cannot be built: "+results.Error.Message)
	}
	return found, nil
}

// noRegistry answers for each base image that nothing is known of it: no registry is
// asked, and rules that would need one find nothing.
type noRegistry struct{}

func (noRegistry) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"architecture":"amd64","os":"linux","config":{}}`), nil
}
