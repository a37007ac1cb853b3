package contacts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/resource"
)

// town are the people of two tenants, as a store would tell of them.
type town struct {
	lists   map[int64][]Person
	version int
	read    int
}

func (w *town) Version(context.Context, int64) (string, error) { return fmt.Sprint(w.version), nil }

func (w *town) People(_ context.Context, tenant int64) (string, []Person, error) {
	w.read++
	return map[int64]string{1: "Musterstadt", 2: "Nachbardorf"}[tenant], slices.Clone(w.lists[tenant]), nil
}

func newTown() *town {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &town{lists: map[int64][]Person{
		1: {{Account: 11, Address: "anna@musterstadt.example", DisplayName: "Anna Schmidt", Aliases: []string{"a.schmidt@musterstadt.example"}, Changed: at},
			{Account: 12, Kind: Function, Address: "buergeramt@musterstadt.example", DisplayName: "Bürgeramt", Changed: at},
			{Account: 13, Kind: Room, Address: "saal@musterstadt.example", DisplayName: "Großer Saal, 2. Stock", Changed: at}},
		2: {{Account: 21, Address: "anna@nachbardorf.example", DisplayName: "Anna Nebenan", Changed: at}},
	}}
}

func state(t testing.TB, d *Directory, tenant int64) *State {
	t.Helper()
	s, err := d.State(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDirectoryCards(t *testing.T) {
	s := state(t, NewDirectory(newTown(), 0, nil), 1)
	var all string
	items, err := s.Members(t.Context(), resource.Collection{}, 0, "", 10)
	if err != nil || len(items) != 3 {
		t.Fatal(items, err)
	}
	err = s.Bodies(t.Context(), resource.Collection{}, items, func(i int, body []byte) error {
		c, err := Parse(body)
		if err != nil || int64(len(body)) != items[i].Size || c.UID() != "urn:uuid:"+strings.TrimSuffix(items[i].Name, ".vcf") {
			t.Errorf("%+v: %v\n%s", items[i], err, body)
		}
		all += string(body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"FN:Anna Schmidt\r\nN:Schmidt;Anna;;;\r\nEMAIL;TYPE=INTERNET,WORK,PREF:anna@musterstadt.example\r\n" +
			"EMAIL;TYPE=INTERNET,WORK:a.schmidt@musterstadt.example\r\nORG:Musterstadt\r\nKIND:individual\r\n",
		"FN:Bürgeramt\r\nN:Bürgeramt;;;;\r\n", "KIND:org\r\nX-ABSHOWAS:COMPANY\r\n",
		"FN:Großer Saal\\, 2. Stock\r\nN:Großer Saal\\, 2. Stock;;;;\r\n", "KIND:location\r\n",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in\n%s", want, all)
		}
	}
	if strings.Contains(all, "nachbardorf") {
		t.Error("another tenant shows")
	}
	props, err := s.Properties(t.Context(), resource.Collection{}, nil)
	if err != nil || len(props[0]) != 1 || !strings.Contains(string(props[0][0].Value), "Verzeichnis Musterstadt") {
		t.Errorf("properties %v, %v", props, err)
	}
}

// TestDirectoryFollows has changes of accounts arrive by sync, in order and once.
func TestDirectoryFollows(t *testing.T) {
	w := newTown()
	now := time.Now()
	d := NewDirectory(w, time.Second, func() time.Time { return now })
	d.patience = time.Minute
	s := state(t, d, 1)
	token := s.Collection(resource.Account{}).Token
	changes := func(since string, limit int) ([]string, resource.Changes) {
		t.Helper()
		c, err := state(t, d, 1).Changes(t.Context(), resource.Collection{}, since, limit)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, ch := range c.List {
			list = append(list, fmt.Sprint(ch.Path, ch.Removed, ch.Item.ID))
		}
		slices.Sort(list)
		return list, c
	}
	entry := func(account int64, removed bool) string {
		id := account
		if removed {
			id = 0
		}
		return fmt.Sprint(entryID(1, account), ".vcf", removed, id)
	}
	sorted := func(list ...string) []string { slices.Sort(list); return list }

	if got, c := changes("", 100); len(got) != 3 || c.Token != token || c.More {
		t.Errorf("at first %v, %+v", got, c)
	}
	if got, c := changes("", 2); len(got) != 2 || !c.More {
		t.Errorf("a page of two: %v %+v", got, c)
	} else if got, c = changes(c.Token, 2); len(got) != 1 || c.More || c.Token != token {
		t.Errorf("the next: %v %+v", got, c)
	}
	w.lists[1][0].DisplayName = "Anna Neumann"
	w.version++
	if got, _ := changes(token, 100); len(got) != 0 || w.read != 1 {
		t.Errorf("within the interval: %v, read %d times", got, w.read)
	}
	now = now.Add(2 * time.Second)
	if got, _ := changes(token, 100); !slices.Equal(got, sorted(entry(11, false))) {
		t.Errorf("one renamed: %v", got)
	}
	second := state(t, d, 1).digest
	w.lists[1] = append(w.lists[1][:1:1], Person{Account: 14, Address: "neu@musterstadt.example"})
	w.version++
	now = now.Add(2 * time.Second)
	if got, _ := changes(second, 100); !slices.Equal(got, sorted(entry(12, true), entry(13, true), entry(14, false))) {
		t.Errorf("since the second: %v", got)
	}
	if got, c := changes(token, 100); !slices.Equal(got, sorted(entry(11, false), entry(12, true), entry(13, true), entry(14, false))) || c.Token == token {
		t.Errorf("since the first: %v", got)
	}
	for _, bad := range []string{"x", second + "-1", token + "-99", "-"} {
		if _, err := state(t, d, 1).Changes(t.Context(), resource.Collection{}, bad, 100); !errors.Is(err, resource.ErrToken) {
			t.Errorf("token %q: %v", bad, err)
		}
	}
	// Another replica with the same people has the same token.
	if other := state(t, NewDirectory(w, 0, nil), 1); other.digest != state(t, d, 1).digest {
		t.Error("two replicas disagree on the token")
	}
	w.version++
	now = now.Add(2 * time.Second)
	before := state(t, d, 1).digest
	if got, c := changes(before, 100); len(got) != 0 || c.Token != before {
		t.Errorf("nothing changed: %v", got)
	}
}

func TestDirectorySearch(t *testing.T) {
	s := state(t, NewDirectory(newTown(), 0, nil), 1)
	find := func(property, what string, want ...int64) {
		t.Helper()
		f := one(PropFilter{Name: property, Texts: []TextMatch{text(what, Contains)}})
		found, err := s.Search(&f, 0)
		var got []int64
		for _, i := range found.Items {
			got = append(got, i.ID)
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s %s: %v, %v", property, what, got, err)
		}
	}
	find("FN", "SCHMIDT", 11)
	find("EMAIL", "a.schmidt@", 11)
	find("EMAIL", "musterstadt", 11, 12, 13)
	find("FN", "bür", 12)
	find("KIND", "org", 12)
	find("FN", "nebenan")
	f := one(PropFilter{Name: "EMAIL", Texts: []TextMatch{text("@", Contains)}})
	if found, err := s.Search(&f, 2); err != nil || len(found.Items) != 2 || !found.More {
		t.Errorf("limit: %+v, %v", found, err)
	}
}

// slowTown tells of its people when it is let.
type slowTown struct {
	*town
	let chan struct{}
}

func (w slowTown) People(ctx context.Context, tenant int64) (string, []Person, error) {
	<-w.let
	return w.town.People(ctx, tenant)
}

// TestDirectoryDoesNotWait answers what was true a moment ago while a large directory is
// made anew.
func TestDirectoryDoesNotWait(t *testing.T) {
	w := slowTown{newTown(), make(chan struct{}, 1)}
	d := NewDirectory(w, time.Nanosecond, nil)
	d.patience = time.Millisecond
	w.let <- struct{}{}
	old := state(t, d, 1)
	w.lists[1] = w.lists[1][:1]
	w.version++
	if got := state(t, d, 1); got != old {
		t.Error("a reader waited for the new state")
	}
	w.let <- struct{}{}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if s := state(t, d, 1); s.Len() == 1 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the new state never came")
}
