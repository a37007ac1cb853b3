package dav

import (
	"context"
	"errors"
	"net/http"

	"fachwerk/internal/resource"
)

// proppatch is RFC 4918 section 9.2: all changes in their order, or none.
func proppatch(ctx context.Context, r *Request, t *Target) error {
	body, err := r.expect(r.s.c.Limits.Body, D("propertyupdate"))
	if err != nil {
		return err
	}
	if body == nil {
		return refused(http.StatusBadRequest, "PROPPATCH needs a body.")
	}
	var outcomes []outcome
	first := true
	err = r.decide(ctx, func() (err error) {
		if !first {
			if t, err = r.again(ctx); err != nil {
				return err
			}
			if !t.Exists {
				return notFound()
			}
		}
		first = false
		outcomes, err = r.patch(ctx, t, body)
		return err
	})
	if errors.Is(err, resource.ErrTooMany) {
		return tooManyProperties()
	}
	if err != nil {
		return r.refusal(t, err)
	}
	failed := false
	for _, o := range outcomes {
		failed = failed || o.why != nil
	}
	if !failed && r.Prefers("return=minimal") { // RFC 8144 section 2.1
		r.w.Header().Set("Preference-Applied", "return=minimal")
		return r.empty(http.StatusOK)
	}
	m := r.Multistatus()
	m.Open(D("response"))
	m.Href(t.Href)
	m.outcomes(outcomes)
	m.Close(D("response"))
	return m.end()
}

// mayPatch refuses changes that nobody, or not this person, may make here.
func (r *Request) mayPatch(t *Target) error {
	if t.Level&stored == 0 {
		return nil
	}
	right := resource.Write
	if t.Level == AtCollection {
		right = resource.Manage
	}
	if err := r.may(t, right, "write-properties"); err != nil {
		return err
	}
	if t.Mount.ReadOnly != "" {
		return refused(http.StatusForbidden, "%s", t.Mount.ReadOnly)
	}
	return nil
}

// patch judges each change and makes them, if nothing stands against any.
func (r *Request) patch(ctx context.Context, t *Target, body *Element) ([]outcome, error) {
	if err := r.mayPatch(t); err != nil {
		return nil, err
	}
	g, err := r.judged(ctx, t)
	if err != nil {
		return nil, err
	}
	var changes []resource.PropertyChange
	var outcomes []outcome
	var last []*Change
	bad, size := false, 0
	for _, e := range body.Children {
		if e.Name != D("set") && e.Name != D("remove") {
			continue
		}
		for _, p := range e.Child(D("prop")).children() {
			if len(outcomes) >= maxSelected {
				return nil, refused(http.StatusBadRequest, "There are more than %d properties.", maxSelected)
			}
			c := &Change{Request: r, Target: t, Element: p, Name: p.Name}
			if e.Name == D("remove") {
				c.Element, c.Remove = nil, true
			}
			more, err := r.set(ctx, c)
			why, refusal := asPrecondition(err)
			if err != nil && !refusal {
				return nil, err
			}
			bad = bad || refusal
			if c.Last != nil {
				last = append(last, c)
			}
			changes = append(changes, more...)
			if size += sizeOf(more); size > maxChanged {
				return nil, resource.ErrTooMany
			}
			outcomes = noted(outcomes, outcome{p.Name, why})
		}
	}
	if len(outcomes) == 0 {
		return nil, refused(http.StatusBadRequest, "No property is named.")
	}
	for _, c := range last {
		if bad {
			break
		}
		err := c.Last(ctx)
		why, refusal := asPrecondition(err)
		if err != nil && !refusal {
			return nil, err
		}
		bad = refusal
		outcomes = noted(outcomes, outcome{c.Name, why})
	}
	if bad || len(changes) == 0 {
		return outcomes, nil
	}
	return outcomes, r.s.c.Resources.SetProperties(ctx, t.Collection, t.Item.ID, changes, g)
}

// maxChanged bounds what the properties of one request take, bytes: with each the
// namespaces that it needs are kept.
const maxChanged = 1 << 20

func tooManyProperties() *Precondition {
	return refused(http.StatusInsufficientStorage, "There are too many properties, or they are too large.")
}

func sizeOf(changes []resource.PropertyChange) (n int) {
	for i := range changes {
		n += len(changes[i].Value)
	}
	return n
}

// noted keeps one outcome a property, the worse: a body may name one twice.
func noted(list []outcome, o outcome) []outcome {
	for i := range list {
		if list[i].name == o.name {
			if o.why != nil {
				list[i].why = o.why
			}
			return list
		}
	}
	return append(list, o)
}
