package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"fachwerk/test/system/harness"
)

// An operator makes towns and removes them, in one way or the other. Names are names,
// and addresses addresses: how they are found is the operator's.
type operator interface {
	town(t *testing.T, name, site, domain string)
	person(t *testing.T, address, sub string)
	shared(t *testing.T, address string)
	grantGroup(t *testing.T, shared, group, rights string)
	grant(t *testing.T, shared, person, rights string)
	sitesOf(t *testing.T, town string) []string // where its data lies
	remove(t *testing.T, town string)
	towns(t *testing.T) []string
}

func TestTwoTownsByCommandLine(t *testing.T) {
	h := start(t)
	twoTowns(t, h, commandLine{h})
}

func TestTwoTownsByControlAPI(t *testing.T) {
	h := start(t)
	twoTowns(t, h, &api{h: h, ids: map[string]string{}})
}

// twoTowns is the life of two towns.
func twoTowns(t *testing.T, h *house, by operator) {
	const anna, eva = "anna@nordstadt.example", "eva@suedstadt.example"
	by.town(t, "Nordstadt", "nord", "nordstadt.example")
	by.town(t, "Südstadt", "sued", "suedstadt.example")
	for _, one := range []struct{ person, sub, amt string }{{anna, "1", "amt@nordstadt.example"}, {eva, "2", "amt@suedstadt.example"}} {
		by.person(t, one.person, one.sub)
		by.shared(t, one.amt)
	}
	by.grant(t, "amt@nordstadt.example", anna, "read,write")
	by.grantGroup(t, "amt@suedstadt.example", "Bürgeramt", "read,write")

	// The running server knows towns that were made beside it within seconds.
	for _, to := range []string{anna, eva, "amt@nordstadt.example", "amt@suedstadt.example"} {
		harness.Eventually(t, time.Minute, to+" is known", func() bool { return h.try(t.Context(), to, "Willkommen "+to) == nil })
	}
	h.opens(t, anna, "1")
	north, err := h.login(t, anna, "1")
	must(t, err)
	if got := subjects(t, north, "INBOX"); len(got) != 1 || got[0] != "Willkommen "+anna {
		t.Errorf("anna reads %q", got)
	}
	if box := others(t, north, "amt"); box == "" || !slices.Contains(subjects(t, north, box), "Willkommen amt@nordstadt.example") {
		t.Errorf("the function mailbox is at %q", box)
	}
	h.opens(t, eva, "2")
	south, err := h.login(t, eva, "2")
	must(t, err)
	if got := subjects(t, south, "INBOX"); len(got) != 1 || got[0] != "Willkommen "+eva {
		t.Errorf("eva reads %q", got)
	}
	if box := others(t, south, "amt"); box != "" {
		t.Errorf("eva is in no group and sees %q", box)
	}
	// Her next token says that she is in the group.
	_, err = h.loginGroups(t, eva, "2", "Bürgeramt")
	must(t, err)
	harness.Eventually(t, time.Minute, "the group's grant counts", func() bool {
		c, err := h.loginGroups(t, eva, "2", "Bürgeramt")
		must(t, err)
		defer c.Close()
		return others(t, c, "amt") != ""
	})
	if _, err := h.login(t, anna, "2"); err == nil {
		t.Error("the south's token opens the north")
	}
	for town, site := range map[string]string{"Nordstadt": "nord", "Südstadt": "sued"} {
		if got := by.sitesOf(t, town); !slices.Equal(got, []string{site}) {
			t.Errorf("the data of %s lies at %v", town, got)
		}
	}
	h.removeOne(t, by, anna, eva)
	if got := by.towns(t); !slices.Equal(got, []string{"Nordstadt"}) {
		t.Errorf("left are %v", got)
	}
	h.Check(t)
}

// removeOne removes the south while mail comes to the north, which loses none of it.
func (h *house) removeOne(t *testing.T, by operator, stays, goes string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var sent atomic.Int64
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for n := 0; ctx.Err() == nil; n++ {
			if err := h.try(context.WithoutCancel(ctx), stays, fmt.Sprintf("Nachricht %d", n)); err != nil {
				failed <- err
				return
			}
			sent.Add(1)
		}
	}()
	reach := func(n int64) {
		harness.Eventually(t, 2*time.Minute, "mail for the north", func() bool {
			select {
			case err := <-failed:
				t.Fatalf("the north got no mail: %v", err)
			default:
			}
			return sent.Load() >= n
		})
	}
	reach(10)
	by.remove(t, "Südstadt")
	harness.Eventually(t, time.Minute, "the south is gone", func() bool {
		var refused *smtp.SMTPError
		return errors.As(h.try(t.Context(), goes, "zu spät"), &refused) && refused.Code == 550
	})
	if _, err := h.login(t, goes, "2"); err == nil {
		t.Error("a person of the removed town signs in")
	}
	reach(sent.Load() + 10)
	stop()
	if err := <-failed; err != nil {
		t.Fatalf("the north got no mail: %v", err)
	}
	c, err := h.login(t, stays, "1")
	must(t, err)
	got := subjects(t, c, "INBOX")
	count := 0
	for _, s := range got {
		if strings.HasPrefix(s, "Nachricht ") {
			count++
		}
	}
	if int64(count) != sent.Load() {
		t.Errorf("%d messages were taken for the north, %d are there", sent.Load(), count)
	}
}
