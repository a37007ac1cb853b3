package app

import (
	"context"
	"fmt"

	"fachwerk/internal/store"
)

// Finding is something that a check found wrong.
type Finding struct {
	Account string `json:"account"`
	What    string `json:"what"`
}

// Check verifies the whole store and changes nothing: keys unwrap, counters and
// journal agree with the rows, every content is there and opens whole. Files that the
// configuration names for the server must be readable. quick
// leaves out reading the contents. A site that is away is a finding where there are
// others. progress may be nil.
func (in *Installation) Check(ctx context.Context, quick bool, progress func(done, all int)) ([]Finding, error) {
	out, away := append([]Finding{}, in.checkFiles()...), map[string]bool{}
	for name, err := range in.store.CheckSites(ctx) {
		if err != nil {
			err = withRemedy(fmt.Errorf("the store at site %s does not answer, nothing of it was checked: %w", name, err))
			if len(in.sites) == 1 {
				return nil, err
			}
			away[name] = true
			out = append(out, Finding{Account: "site " + name, What: err.Error()})
		}
	}
	list, err := in.store.CheckAll(ctx, store.CheckOptions{Progress: progress, SkipContent: quick, Without: away})
	for _, f := range list {
		out = append(out, Finding{Account: f.Account, What: f.What})
	}
	return out, err
}

// Generations are how often each site's store was restored, by name.
func (in *Installation) Generations() map[string]int64 { return in.store.Generations() }
