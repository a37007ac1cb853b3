package portal

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/collate"
	textlang "golang.org/x/text/language"

	"fachwerk/auth"
)

const (
	accountsShown = 50  // on one page of a list
	personNameMax = 200 // bytes of an account's name
	searchMax     = 200 // bytes
)

type accountsPage struct {
	managed
	Accounts   []Account
	Query      string
	Count      int64 // of all that were found
	Page, Last int
}

// Previous and Next are numbers of pages; 0: there is none.
func (x accountsPage) Previous() int { return x.Page - 1 }

// Next is Previous' counterpart.
func (x accountsPage) Next() int {
	if x.Page < x.Last {
		return x.Page + 1
	}
	return 0
}

// marks are what a list says of an account beside its name and address.
func (l lang) marks(a Account) (text string) {
	if a.Shared() {
		text = l.text("kind." + a.Kind)
	}
	if a.Disabled {
		text += " " + l.text("account.disabled")
	}
	return text
}

// listAccounts lists people or shared accounts, those whose line has the words that are
// searched for.
func (p *Portal) listAccounts(k accountPages) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, v *visitor) {
		list, err := p.c.Accounts.Accounts(r.Context(), v.Tenant)
		if err != nil {
			p.fail(w, r, v, err)
			return
		}
		query := strings.TrimSpace(r.URL.Query().Get("q"))
		if len(query) > searchMax {
			query = ""
		}
		l := p.language(r, p.look(r.Context(), v).language)
		words := strings.Fields(strings.ToLower(query))
		list = slices.DeleteFunc(slices.Clone(list), func(a Account) bool {
			text := strings.ToLower(a.Name + " " + a.Address + " " + l.marks(a))
			return !slices.Contains(k.kinds, a.Kind) || slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
		})
		byName(list)
		page := accountsPage{managed: p.after(r, v, k.section), Query: query, Count: int64(len(list)), Last: max(1, (len(list)+accountsShown-1)/accountsShown)}
		number, _ := strconv.Atoi(r.URL.Query().Get("page"))
		page.Page = min(max(number, 1), page.Last)
		first := (page.Page - 1) * accountsShown
		page.Accounts = list[first:min(first+accountsShown, len(list))]
		p.render(w, r, v, http.StatusOK, "accounts", page)
	}
}

// byName sorts accounts as a directory has them: by name, numbers by their value.
func byName(list []Account) {
	order := collate.New(textlang.German, collate.IgnoreCase, collate.Numeric)
	name := func(a Account) string { return cmp.Or(a.Name, a.Address) }
	slices.SortStableFunc(list, func(a, b Account) int { return order.CompareString(name(a), name(b)) })
}

// accountForm is what a form about an account holds.
type accountForm struct {
	managed
	Account meant // whose; of a new one only what is below counts
	Errors  formErrors

	Name, Local, Domain, Kind, Quota string
	Domains, Kinds                   []string
}

// check finds what is wrong with the fields that all forms have, and reads the quota;
// before is what the quota was.
func (f *accountForm) check(l lang, before int64) (quota int64) {
	switch {
	case f.Name == "":
		f.Errors = append(f.Errors, formError{"name", "wrong.name"})
	case len(f.Name) > personNameMax || !utf8.ValidString(f.Name) || strings.ContainsFunc(f.Name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		f.Errors = append(f.Errors, formError{"name", "wrong.long"})
	}
	if f.Quota == l.gigabytes(before) {
		return before // to the byte
	}
	quota, ok := parseGigabytes(f.Quota)
	if !ok {
		f.Errors = append(f.Errors, formError{"quota", "wrong.quota"})
	}
	return quota
}

// usual is what an account gets unless the admin says otherwise.
func (p *Portal) usual(k accountPages) int64 {
	if k.section == peoplePages.section {
		return p.c.PersonQuota
	}
	return p.c.SharedQuota
}

func (p *Portal) newAccount(k accountPages) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, v *visitor) {
		l := p.language(r, p.look(r.Context(), v).language)
		f := accountForm{managed: p.managed(v, k.section), Quota: l.gigabytes(p.usual(k)), Kinds: k.kinds, Kind: k.kinds[0]}
		p.showNew(w, r, v, http.StatusOK, f)
	}
}

func (p *Portal) showNew(w http.ResponseWriter, r *http.Request, v *visitor, status int, f accountForm) {
	domains, err := p.c.Tenants.Domains(r.Context(), v.Tenant)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	f.Domains = domains
	p.render(w, r, v, status, "newaccount", f)
}

// addAccount makes one, and shows its page.
func (p *Portal) addAccount(k accountPages) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, v *visitor) {
		l := p.language(r, p.look(r.Context(), v).language)
		f := accountForm{
			managed: p.managed(v, k.section), Kinds: k.kinds, Kind: r.PostForm.Get("kind"),
			Name: strings.TrimSpace(r.PostForm.Get("name")), Local: strings.TrimSpace(r.PostForm.Get("local")),
			Domain: r.PostForm.Get("domain"), Quota: strings.TrimSpace(r.PostForm.Get("quota")),
		}
		if !slices.Contains(k.kinds, f.Kind) {
			f.Kind = k.kinds[0]
		}
		quota := f.check(l, p.usual(k))
		if f.Local == "" || strings.ContainsAny(f.Local, "@ ") {
			f.Errors = append(f.Errors, formError{"local", "wrong.address"})
		}
		var a Account
		if len(f.Errors) == 0 {
			var err error
			a, err = p.c.Accounts.Add(r.Context(), v.Tenant, NewAccount{Kind: f.Kind, Address: f.Local + "@" + f.Domain, Name: f.Name, QuotaBytes: quota})
			said, mine := blame(err)
			if err != nil && !mine {
				p.fail(w, r, v, err)
				return
			}
			f.Errors = said
		}
		if len(f.Errors) > 0 {
			p.showNew(w, r, v, http.StatusUnprocessableEntity, f)
			return
		}
		what := "added"
		if a.Shared() {
			what = "shared"
		}
		p.did(w, r, v, a.ID, what, "/manage/"+k.section+"/"+strconv.FormatInt(a.ID, 10))
	}
}

type accountPage struct {
	managed
	Account meant
	Aliases []string
	Grants  []Grant // on a shared account, or of a person
}

// showAccount shows one and what can be done with it.
func (p *Portal) showAccount(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	page := accountPage{managed: p.after(r, v, a.pages.section), Account: a}
	var err error
	if page.Aliases, err = p.c.Accounts.Aliases(r.Context(), a.ref); err == nil {
		if a.Shared() {
			page.Grants, err = p.c.Grants.On(r.Context(), a.ref)
		} else {
			page.Grants, err = p.c.Grants.Of(r.Context(), a.ref)
		}
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.render(w, r, v, http.StatusOK, "account", page)
}

func (p *Portal) editAccount(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	l := p.language(r, p.look(r.Context(), v).language)
	p.render(w, r, v, http.StatusOK, "editaccount", accountForm{
		managed: p.managed(v, a.pages.section), Account: a, Name: a.Name, Quota: l.gigabytes(a.QuotaBytes),
	})
}

// changeAccount changes name and quota.
func (p *Portal) changeAccount(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	l := p.language(r, p.look(r.Context(), v).language)
	f := accountForm{
		managed: p.managed(v, a.pages.section), Account: a,
		Name: strings.TrimSpace(r.PostForm.Get("name")), Quota: strings.TrimSpace(r.PostForm.Get("quota")),
	}
	quota := f.check(l, a.QuotaBytes)
	if len(f.Errors) == 0 {
		err := p.c.Accounts.Change(r.Context(), a.ref, AccountChange{Name: &f.Name, QuotaBytes: &quota})
		said, mine := blame(err)
		if err != nil && !mine {
			p.fail(w, r, v, err)
			return
		}
		f.Errors = said
	}
	if len(f.Errors) > 0 {
		p.render(w, r, v, http.StatusUnprocessableEntity, "editaccount", f)
		return
	}
	p.did(w, r, v, a.ID, "changed", a.Path)
}

// disable forbids somebody to sign in, or allows it again. Nobody shuts out themselves.
func (p *Portal) disable(disabled bool) accountFunc {
	return func(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
		if a.Own {
			p.message(w, r, v, http.StatusConflict, "error.own")
			return
		}
		if err := p.c.Accounts.Change(r.Context(), a.ref, AccountChange{Disabled: &disabled}); err != nil {
			p.fail(w, r, v, err)
			return
		}
		what := "enabled"
		if disabled {
			what = "disabled"
		}
		p.did(w, r, v, a.ID, what, a.Path)
	}
}

type removePage struct {
	accountPage
	Kinds []kindSum // what goes
}

// askRemoveAccount names what goes before it does.
func (p *Portal) askRemoveAccount(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	if a.Own {
		p.message(w, r, v, http.StatusConflict, "error.own")
		return
	}
	page := removePage{accountPage: accountPage{managed: p.managed(v, a.pages.section), Account: a}}
	report, _, err := p.whereabouts(r.Context(), ofAccount(a.ref), 0)
	if err == nil {
		page.Aliases, err = p.c.Accounts.Aliases(r.Context(), a.ref)
	}
	if err == nil && a.Shared() {
		page.Grants, err = p.c.Grants.On(r.Context(), a.ref)
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	var sums dataPage
	for _, row := range report.Rows {
		if row.Account == a.Address { // not what is shared with them
			sums.add(row)
		}
	}
	page.Kinds = sums.Kinds
	p.render(w, r, v, http.StatusOK, "removeaccount", page)
}

func (p *Portal) removeAccount(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	if a.Own {
		p.message(w, r, v, http.StatusConflict, "error.own")
		return
	}
	if err := p.c.Accounts.Remove(r.Context(), a.ref); err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.did(w, r, v, a.ID, "removed", "/manage/"+a.pages.section)
}

type firstLoginPage struct {
	managed
	Account meant
	FirstLogin
}

// firstLogin makes a password or a link and shows it once. It opens somebody else's
// account, so that the admin proves first to be still the one who signed in.
func (p *Portal) firstLogin(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	if !p.fresh(v) {
		p.onward(w, r, loginPath(a.Path, true))
		return
	}
	made, err := p.c.Accounts.FirstLogin(r.Context(), a.ref)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.log.Info("portal: an admin of the tenant has made a change", "tenant", v.Tenant, "admin", v.Account, "account", a.ID, "change", "login")
	p.render(w, r, v, http.StatusOK, "firstlogin", firstLoginPage{p.managed(v, a.pages.section), a, made})
}

type aliasPage struct {
	managed
	Account       meant
	Errors        formErrors
	Aliases       []string
	Local, Domain string
	Domains       []string
}

func (p *Portal) aliases(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	p.showAliases(w, r, v, http.StatusOK, aliasPage{managed: p.after(r, v, a.pages.section), Account: a})
}

func (p *Portal) showAliases(w http.ResponseWriter, r *http.Request, v *visitor, status int, page aliasPage) {
	var err error
	if page.Aliases, err = p.c.Accounts.Aliases(r.Context(), page.Account.ref); err == nil {
		page.Domains, err = p.c.Tenants.Domains(r.Context(), v.Tenant)
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.render(w, r, v, status, "aliases", page)
}

func (p *Portal) addAlias(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	page := aliasPage{managed: p.managed(v, a.pages.section), Account: a, Local: strings.TrimSpace(r.PostForm.Get("local")), Domain: r.PostForm.Get("domain")}
	if page.Local == "" || strings.ContainsAny(page.Local, "@ ") {
		page.Errors = formErrors{{"local", "wrong.address"}}
	} else {
		err := p.c.Accounts.AddAlias(r.Context(), a.ref, page.Local+"@"+page.Domain)
		said, mine := blame(err)
		if err != nil && !mine {
			p.fail(w, r, v, err)
			return
		}
		page.Errors = said
	}
	if len(page.Errors) > 0 {
		p.showAliases(w, r, v, http.StatusUnprocessableEntity, page)
		return
	}
	p.did(w, r, v, a.ID, "alias", a.Path+"/aliases")
}

// removeAlias takes an address from this account, and from no other.
func (p *Portal) removeAlias(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	address := r.PostForm.Get("address")
	list, err := p.c.Accounts.Aliases(r.Context(), a.ref)
	if err == nil && !slices.Contains(list, address) {
		err = auth.ErrNotFound
	}
	if err == nil {
		err = p.c.Accounts.RemoveAlias(r.Context(), a.ref, address)
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.did(w, r, v, a.ID, "unalias", a.Path+"/aliases")
}
