package authtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"fachwerk/auth"
)

// said gives a step that says so, whatever was said before.
func said(at time.Time, groups ...string) func(auth.Word) (auth.Word, error) {
	return func(auth.Word) (auth.Word, error) { return auth.Word{Groups: groups, At: at}, nil }
}

func words(t *testing.T, p Ports) {
	ctx := context.Background()
	ref, other := p.AddPerson(t, anna), p.AddPerson(t, bert)
	p.Bind(t, ref, issuerA, "sub-1")
	p.Bind(t, ref, issuerB, "sub-1")
	is := func(who auth.AccountRef, issuer string, at time.Time, groups ...string) {
		t.Helper()
		w, err := p.Groups.Word(ctx, who, issuer)
		must(t, err)
		if !slices.Equal(w.Groups, groups) || !w.At.Equal(at) {
			t.Errorf("%s said %q at %v, want %q at %v", issuer, w.Groups, w.At, groups, at)
		}
	}
	is(ref, issuerA, time.Time{})
	first := time.Unix(1_700_000_000, 0)
	kept, err := p.Groups.ChangeWord(ctx, ref, issuerA, said(first, "alle", "bau"))
	must(t, err)
	if !slices.Equal(kept.Groups, []string{"alle", "bau"}) || !kept.At.Equal(first) {
		t.Errorf("kept %+v", kept)
	}
	is(ref, issuerA, first, "alle", "bau")
	is(ref, issuerB, time.Time{})
	is(other, issuerA, time.Time{})
	// The same again, later; then less; then nothing; then something.
	for i, groups := range [][]string{{"alle", "bau"}, {"bau"}, nil, nil, {"amt", "bau"}} {
		at := first.Add(time.Duration(i+1) * time.Minute)
		must(t, change(p, ref, issuerA, said(at, groups...)))
		is(ref, issuerA, at, groups...)
	}
	// It hears what was said last, and may leave it.
	must(t, change(p, ref, issuerA, func(last auth.Word) (auth.Word, error) {
		if !slices.Equal(last.Groups, []string{"amt", "bau"}) || !last.At.Equal(first.Add(5*time.Minute)) {
			t.Errorf("it hears %+v", last)
		}
		return last, nil
	}))
	refused := errors.New("not so")
	wantErr(t, change(p, ref, issuerA, func(last auth.Word) (auth.Word, error) { return auth.Word{}, refused }), refused)
	is(ref, issuerA, first.Add(5*time.Minute), "amt", "bau")
	must(t, change(p, ref, issuerB, said(first, "bau")))
	is(ref, issuerA, first.Add(5*time.Minute), "amt", "bau")
	if err := change(p, auth.AccountRef{Tenant: ref.Tenant, Account: 1}, issuerA, said(first, "bau")); err == nil {
		t.Error("nobody is in a group")
	}
}

func change(p Ports, ref auth.AccountRef, issuer string, next func(auth.Word) (auth.Word, error)) error {
	_, err := p.Groups.ChangeWord(context.Background(), ref, issuer, next)
	return err
}

// wordsTogether: of many who speak at the same time each hears those before it, so
// that the newest word wins in whatever order they come. Some say the same again.
func wordsTogether(t *testing.T, p Ports) {
	ref := p.AddPerson(t, anna)
	p.Bind(t, ref, issuerA, "sub-1")
	const speakers, times = 8, 6
	first := time.Unix(1_700_000_000, 0)
	var all sync.WaitGroup
	for n := range speakers {
		all.Go(func() {
			for i := range times {
				// Pairs of them say the same, one second apart.
				second := i*speakers + (n+i*3)%speakers
				word := auth.Word{Groups: []string{"alle", fmt.Sprintf("group %02d", second/2)}, At: first.Add(time.Duration(second) * time.Second)}
				err := change(p, ref, issuerA, func(last auth.Word) (auth.Word, error) {
					if last.At.After(word.At) {
						return last, nil
					}
					return word, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	w, err := p.Groups.Word(context.Background(), ref, issuerA)
	must(t, err)
	last := speakers*times - 1
	if want := []string{"alle", fmt.Sprintf("group %02d", last/2)}; !slices.Equal(w.Groups, want) || !w.At.Equal(first.Add(time.Duration(last)*time.Second)) {
		t.Errorf("the last word is %+v, want %q at second %d", w, want, last)
	}
}
