package location

import (
	"errors"
	"testing"
)

func site(name string) Site {
	return Site{Name: name, Operator: "Kommunale IT Musterland", Country: "DE", Place: "Musterstadt"}
}

func TestPlacementFailsClosed(t *testing.T) {
	place, err := At("nord", []Site{site("nord"), site("sued")})
	if err != nil {
		t.Fatal(err)
	}
	if err := place("nord", Content); err != nil {
		t.Errorf("the tenant's own site was refused: %v", err)
	}
	for _, home := range []string{"sued", "", "Nord", "west"} {
		if err := place(home, Content); !errors.Is(err, ErrElsewhere) {
			t.Errorf("home %q: got %v, want ErrElsewhere", home, err)
		}
	}
}

func TestSitesAreDeclaredWhole(t *testing.T) {
	incomplete := site("nord")
	incomplete.Operator = ""
	badCountry := site("nord")
	badCountry.Country = "Germany"
	for name, sites := range map[string][]Site{
		"none":        nil,
		"elsewhere":   {site("sued")},
		"no operator": {incomplete},
		"country":     {badCountry},
		"twice":       {site("nord"), site("nord")},
	} {
		if _, err := At("nord", sites); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
