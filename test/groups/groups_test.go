package groups

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fachwerk/test/system/harness"
)

// A grant gives rights by the person, by a group, or a part by each.
type grant struct {
	name          string
	person, group string
	other         string // to a group that the person is not in
	may           string // what comes of it, in the letters of probes
}

var grants = func() (list []grant) {
	list = []grant{{name: "nothing"}, {name: "another group", other: "read,write,manage,send-as"}}
	for _, r := range []struct{ rights, may string }{
		{"read", "r"}, {"read,write", "rw"}, {"read,write,manage", "rwm"}, {"read,send-as", "rs"}, {"send-as", "s"}, {"read,write,manage,send-as", "rwms"},
	} {
		first, rest, more := strings.Cut(r.rights, ",")
		list = append(list, grant{name: r.rights + " to the person", person: r.rights, may: r.may},
			grant{name: r.rights + " to the group", group: r.rights, may: r.may})
		if more {
			list = append(list, grant{name: first + " to the person and " + rest + " to the group", person: first, group: rest, may: r.may})
		}
	}
	return append(list, grant{name: "the same to both", person: "read", group: "read", other: "write", may: "r"})
}()

// Whoever says of the group and however people sign in, the protocols give one answer.
func TestGrantsOfAllKinds(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := start(t, e)
		for name, of := range map[string]func(*testing.T, *harness.Demo) *town{"embedded provider": embedded, "provider of the town": independent} {
			t.Run(name, func(t *testing.T) { of(t, d).table(t) })
		}
		d.Check(t)
	})
}

func (w *town) table(t *testing.T) {
	offices := make([]string, len(grants))
	for i, g := range grants {
		offices[i] = w.office(t, fmt.Sprint("amt", i))
		if g.person != "" {
			w.Command(t, "grant", "add", offices[i], w.anna.address, g.person)
		}
		if g.group != "" {
			w.Command(t, "grant", "group", "add", offices[i], group, g.group)
		}
		if g.other != "" {
			w.Command(t, "grant", "group", "add", offices[i], "Kämmerei", g.other)
		}
	}
	logins := []person{w.anna}
	if token := w.says(t, "Alle", group); token != "" {
		logins = append(logins, person{address: w.anna.address, token: token})
	}
	if got := w.known(t); !slices.Contains(got, group) || slices.Contains(got, "Kämmerei") {
		t.Fatalf("anna is in %v", got)
	}
	for i, g := range grants {
		for _, who := range logins {
			for _, p := range probes {
				want := strings.Map(func(r rune) rune {
					if strings.ContainsRune(p.of, r) {
						return r
					}
					return -1
				}, g.may)
				if got := p.ask(t, w, who, offices[i]); got != want {
					t.Errorf("%s, signed in by %s: %s allows %q, want %q", g.name, who.by(), p.name, got, want)
				}
			}
		}
	}
}
