package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

var _ auth.Groups = (*Store)(nil)

// wordText gives an issuer's groups of a person and, under the empty name, which no
// group has, when it said so.
const wordText = `SELECT group_name, 0 AS said_at FROM person_group WHERE tenant_id = $1 AND account_id = $2 AND issuer = $3
	UNION ALL SELECT '', said_at FROM group_word WHERE tenant_id = $1 AND account_id = $2 AND issuer = $3 ORDER BY 1`

func scanWord(w *auth.Word) func(meta.Rows) error {
	*w = auth.Word{}
	return func(r meta.Rows) error {
		var name string
		var at int64
		if err := r.Scan(&name, &at); err != nil {
			return err
		}
		if name == "" {
			w.At = timeOf(at)
		} else {
			w.Groups = append(w.Groups, name)
		}
		return nil
	}
}

// Word implements auth.Groups.
func (s *Store) Word(ctx context.Context, ref auth.AccountRef, issuer string) (w auth.Word, err error) {
	err = s.at(ctx, ref.Tenant).view(ctx, scanWord(&w), wordText, ref.Tenant, ref.Account, issuer)
	return w, loginError(err)
}

// ChangeWord implements auth.Groups. Names that are empty, too long or no text are left
// out, for nobody can be granted anything by them; more than MaxGroups are ErrTooLarge.
// It gives auth.ErrNotFound where the issuer is not bound to the tenant. Where nothing
// may be written for the tenant now, what the word takes away goes all the same, for a
// right that has ended must; what it adds is left out, and the error says so. Grants of
// the person count anew in every process as soon as it returns.
func (s *Store) ChangeWord(ctx context.Context, ref auth.AccountRef, issuer string, next func(auth.Word) (auth.Word, error)) (auth.Word, error) {
	last, err := s.Word(ctx, ref, issuer)
	if err != nil {
		return last, err
	}
	var leftOut error
	if refusal := s.admit(ctx, ref.Tenant, location.Login); refusedPlace(refusal) {
		next = takingOnly(next, func(short bool) {
			if leftOut = nil; short {
				leftOut = refusal
			}
		})
	} else if refusal != nil {
		return last, loginError(refusal)
	}
	to, err := nextWord(next, last)
	if err != nil || sameWord(last, to) {
		return last, errors.Join(err, leftOut)
	}
	at := s.at(ctx, ref.Tenant)
	if slices.Equal(last.Groups, to.Groups) {
		// The same again, by a newer token: nobody need hear of it.
		n, err := at.exec(ctx, `UPDATE group_word SET said_at = $1 WHERE tenant_id = $2 AND account_id = $3 AND issuer = $4 AND said_at = $5`,
			microsOf(to.At), ref.Tenant, ref.Account, issuer, microsOf(last.At))
		if err != nil || n > 0 {
			return to, errors.Join(loginError(err), leftOut)
		}
	}
	err = at.update(ctx, func(tx meta.Tx) error {
		var err error
		last, to, err = changeWord(ctx, tx, keyOf(ref), issuer, next)
		return err
	})
	if err != nil {
		return last, loginError(err)
	}
	s.promise(ctx, keyOf(ref))
	s.announce(keyOf(ref))
	return to, leftOut
}

func refusedPlace(err error) bool {
	return errors.Is(err, location.ErrMismatch) || errors.Is(err, location.ErrElsewhere)
}

// takingOnly is next without what it adds; short hears whether that is less than next
// asked for. A word of which a part is left out is a second older than it says it is: so
// the same token brings the rest when it may be written, and no token from before
// brings back what was taken.
func takingOnly(next func(auth.Word) (auth.Word, error), short func(bool)) func(auth.Word) (auth.Word, error) {
	return func(last auth.Word) (auth.Word, error) {
		to, err := nextWord(next, last)
		if err != nil {
			return to, err
		}
		stay := slices.DeleteFunc(slices.Clone(to.Groups), func(name string) bool {
			_, there := slices.BinarySearch(last.Groups, name)
			return !there
		})
		whole := len(stay) == len(to.Groups)
		short(!whole)
		switch {
		case whole:
			return to, nil
		case len(stay) == len(last.Groups): // it would only add: nothing of it is written
			return last, nil
		}
		if to.At = to.At.Add(-time.Second); to.At.Before(last.At) {
			to.At = last.At
		}
		to.Groups = stay
		return to, nil
	}
}

// changeWord is ChangeWord's transaction.
func changeWord(ctx context.Context, tx meta.Tx, person Key, issuer string, next func(auth.Word) (auth.Word, error)) (last, to auth.Word, err error) {
	if err := bound(ctx, tx, person.Tenant, issuer); err != nil {
		return last, to, err
	}
	if err := touched(ctx, tx, person); err != nil {
		return last, to, err
	}
	// Whoever changes the time alone takes no account's lock; the row's holds them.
	_, err = execIn(ctx, tx, `INSERT INTO group_word (tenant_id, account_id, issuer, said_at) VALUES ($1, $2, $3, 0)
		ON CONFLICT (tenant_id, account_id, issuer) DO UPDATE SET said_at = group_word.said_at`, person.Tenant, person.Account, issuer)
	if err != nil {
		return last, to, err
	}
	if err := query(ctx, tx, scanWord(&last), wordText, person.Tenant, person.Account, issuer); err != nil {
		return last, to, err
	}
	if to, err = nextWord(next, last); err != nil {
		return last, to, err
	}
	var b meta.Batch
	for _, name := range last.Groups {
		if _, stays := slices.BinarySearch(to.Groups, name); !stays {
			b.Exec(`DELETE FROM person_group WHERE tenant_id = $1 AND account_id = $2 AND issuer = $3 AND group_name = $4`,
				person.Tenant, person.Account, issuer, name)
		}
	}
	for _, name := range to.Groups {
		if _, there := slices.BinarySearch(last.Groups, name); !there {
			b.Exec(`INSERT INTO person_group (tenant_id, account_id, issuer, group_name) VALUES ($1, $2, $3, $4)`,
				person.Tenant, person.Account, issuer, name)
		}
	}
	b.Exec(`UPDATE group_word SET said_at = $1 WHERE tenant_id = $2 AND account_id = $3 AND issuer = $4`,
		microsOf(to.At), person.Tenant, person.Account, issuer)
	return last, to, tx.Run(ctx, &b)
}

// nextWord is next's answer as it can be kept.
func nextWord(next func(auth.Word) (auth.Word, error), last auth.Word) (auth.Word, error) {
	to, err := next(last)
	if err != nil {
		return to, err
	}
	to.Groups = slices.DeleteFunc(slices.Clone(to.Groups), func(name string) bool { return groupName(name) != nil })
	slices.Sort(to.Groups)
	to.Groups = slices.Compact(to.Groups)
	if len(to.Groups) > MaxGroups {
		return to, fmt.Errorf("%w: an issuer says of %d groups, %d are kept", ErrTooLarge, len(to.Groups), MaxGroups)
	}
	return to, nil
}

func sameWord(a, b auth.Word) bool {
	return slices.Equal(a.Groups, b.Groups) && microsOf(a.At) == microsOf(b.At)
}
