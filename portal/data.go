package portal

import "net/http"

type dataPage struct {
	Places []Place
	Kinds  []kindSum
	Items  int64
	Bytes  int64
	Trash  bool
	DAV    bool
}

// kindSum is how much there is of one kind, wherever it lies.
type kindSum struct {
	Kind         string
	Items, Bytes int64
}

// data answers "Wo liegen meine Daten?".
func (p *Portal) data(w http.ResponseWriter, r *http.Request, v *visitor) {
	places, err := p.c.Places.Places(r.Context(), v.ref())
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	page := dataPage{Places: places, Trash: p.c.Trash != nil, DAV: p.offersDAV()}
	for _, k := range p.kinds() {
		page.Kinds = append(page.Kinds, kindSum{Kind: k})
	}
	for _, x := range places {
		page.add(x)
	}
	p.render(w, r, v, http.StatusOK, "data", page)
}

// add counts a place; a kind that is there counts even if it is not offered.
func (page *dataPage) add(x Place) {
	page.Items += x.Items
	page.Bytes += x.Bytes
	for i := range page.Kinds {
		if k := &page.Kinds[i]; k.Kind == x.Kind {
			k.Items += x.Items
			k.Bytes += x.Bytes
			return
		}
	}
	page.Kinds = append(page.Kinds, kindSum{x.Kind, x.Items, x.Bytes})
}
