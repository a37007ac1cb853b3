package portal

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"fachwerk/auth"
)

// managed is part of every page to manage a tenant: which pages there are.
type managed struct {
	Section string // of the menu: "overview", "people", "shared", "settings", "data"; empty: none
	Admin   bool   // all of them; else data alone
	Done    string // text key of what was just done, "" for nothing
}

// done is what the page's title says first: readers of a screen begin with it.
func (m managed) done() string { return m.Done }

// inside says that the page is one of those.
func (m managed) inside() bool { return m.Section != "" }

func (p *Portal) managed(v *visitor, section string) managed {
	return managed{Section: section, Admin: v.Has(auth.TenantAdmin)}
}

// hasTenants says whether there is anything to manage tenants with.
func (p *Portal) hasTenants() bool {
	return p.c.Tenants != nil && p.c.Accounts != nil && p.c.Grants != nil
}

// manages says whether to lead a visitor to those pages: who had a role a while ago
// has it confirmed on the way.
func (p *Portal) manages(v *visitor) bool {
	return v != nil && p.hasTenants() && (v.Roles&(auth.TenantAdmin|auth.Privacy) != 0 || v.Renew)
}

// role lets those through who have one of these roles in their own tenant, by their
// session. For all others there is no such page. Roles that are to be confirmed are,
// at the provider, which as a rule asks for nothing; what a form says is never lost to
// that within five minutes.
func (p *Portal) role(need auth.Roles, next pageFunc) http.HandlerFunc {
	return p.signedIn(func(w http.ResponseWriter, r *http.Request, v *visitor) {
		has := v.Roles&need != 0
		// A confirmation that is at once to be confirmed again, as by clocks that
		// differ, would go round for ever.
		again := p.cookie(r, "confirmed") != ""
		switch {
		case v.Renew && r.Method == http.MethodGet && !again:
			p.setCookie(w, "confirmed", "1", confirmedFor)
			http.Redirect(w, r, loginPath(r.URL.RequestURI(), false), http.StatusSeeOther)
		case has:
			next(w, r, v)
		case v.Renew && again:
			p.fail(w, r, v, auth.ErrStale)
		case v.Renew:
			p.onward(w, r, loginPath(r.URL.Path, false))
		default:
			p.message(w, r, v, http.StatusNotFound, "error.page")
		}
	})
}

// confirmedFor is how soon roles are confirmed again at the earliest, seconds.
const confirmedFor = 30

// admin is role for pages of tenant admins, adminForm for their forms.
func (p *Portal) admin(next pageFunc) http.HandlerFunc { return p.role(auth.TenantAdmin, next) }

func (p *Portal) adminForm(next pageFunc) http.HandlerFunc {
	return p.role(auth.TenantAdmin, p.form(next))
}

// manageRoutes are the pages for tenant admins and for data protection.
func (p *Portal) manageRoutes(mux *http.ServeMux) {
	either := auth.TenantAdmin | auth.Privacy
	mux.HandleFunc("GET /manage", p.role(either, p.overview))
	mux.HandleFunc("GET /manage/data", p.role(either, p.tenantData))
	mux.HandleFunc("POST /manage/data/reports", p.role(either, p.form(p.newReport(tenantChain))))
	mux.HandleFunc("GET /manage/data/reports/{number}/{format}", p.role(either, p.report(tenantChain)))
	mux.HandleFunc("GET /manage/settings", p.admin(p.settings))
	mux.HandleFunc("POST /manage/settings", p.adminForm(p.changeSettings))
	mux.HandleFunc("GET /manage/logo", p.admin(p.showLogo))
	mux.HandleFunc("POST /manage/logo", p.adminForm(p.changeLogo))
	for _, k := range []accountPages{peoplePages, sharedPages} {
		at := "/manage/" + k.section
		mux.HandleFunc("GET "+at, p.admin(p.listAccounts(k)))
		mux.HandleFunc("GET "+at+"/new", p.admin(p.newAccount(k)))
		mux.HandleFunc("POST "+at+"/new", p.adminForm(p.addAccount(k)))
		mux.HandleFunc("GET "+at+"/{id}", p.admin(p.account(k, p.showAccount)))
		mux.HandleFunc("GET "+at+"/{id}/edit", p.admin(p.account(k, p.editAccount)))
		mux.HandleFunc("POST "+at+"/{id}/edit", p.adminForm(p.account(k, p.changeAccount)))
		mux.HandleFunc("GET "+at+"/{id}/aliases", p.admin(p.account(k, p.aliases)))
		mux.HandleFunc("POST "+at+"/{id}/aliases", p.adminForm(p.account(k, p.addAlias)))
		mux.HandleFunc("POST "+at+"/{id}/aliases/remove", p.adminForm(p.account(k, p.removeAlias)))
		mux.HandleFunc("POST "+at+"/{id}/disable", p.adminForm(p.account(k, p.disable(true))))
		mux.HandleFunc("POST "+at+"/{id}/enable", p.adminForm(p.account(k, p.disable(false))))
		mux.HandleFunc("GET "+at+"/{id}/remove", p.admin(p.account(k, p.askRemoveAccount)))
		mux.HandleFunc("POST "+at+"/{id}/remove", p.adminForm(p.account(k, p.removeAccount)))
	}
	people, shared := "/manage/people/{id}", "/manage/shared/{id}"
	mux.HandleFunc("POST "+people+"/login", p.adminForm(p.account(peoplePages, p.firstLogin)))
	mux.HandleFunc("GET "+shared+"/grants", p.admin(p.account(sharedPages, p.grants)))
	mux.HandleFunc("POST "+shared+"/grants", p.adminForm(p.account(sharedPages, p.addGrant)))
	mux.HandleFunc("POST "+shared+"/grants/end", p.adminForm(p.account(sharedPages, p.endGrant)))
}

// accountPages are those of people or of shared accounts.
type accountPages struct {
	section string // of the menu, and in paths
	kinds   []string
}

var (
	peoplePages = accountPages{"people", []string{personKind}}
	sharedPages = accountPages{"shared", sharedKinds}
)

// meant is the account that a page is about.
type meant struct {
	Account
	ref   auth.AccountRef
	pages accountPages
	Path  string // of its page
	Own   bool   // it is the visitor's
}

type accountFunc func(w http.ResponseWriter, r *http.Request, v *visitor, a meant)

// account finds the account of a path in the visitor's tenant. One of another tenant,
// and one of another kind than the page is for, are not there.
func (p *Portal) account(k accountPages, next accountFunc) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, v *visitor) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil || id <= 0 {
			p.fail(w, r, v, auth.ErrNotFound)
			return
		}
		ref := auth.AccountRef{Tenant: v.Tenant, Account: id}
		a, err := p.c.Accounts.Account(r.Context(), ref)
		if err == nil && !slices.Contains(k.kinds, a.Kind) {
			err = auth.ErrNotFound
		}
		if err != nil {
			p.fail(w, r, v, err)
			return
		}
		next(w, r, v, meant{a, ref, k, "/manage/" + k.section + "/" + r.PathValue("id"), ref == v.ref()})
	}
}

// formErrors are what is wrong with a form, in the order of its fields.
type formErrors []formError

// formError is one mistake: text key of what to do, and the field's id.
type formError struct{ Field, Key string }

// Of is the text key of what is wrong with a field, "" for nothing.
func (e formErrors) Of(field string) string {
	for _, x := range e {
		if x.Field == field {
			return x.Key
		}
	}
	return ""
}

// wrong are the errors of managing that belong to a field of the form.
var wrong = []struct {
	err   error
	field string
	key   string
}{
	{ErrTaken, "local", "wrong.taken"},
	{ErrAddress, "local", "wrong.address"},
	{ErrFull, "", "wrong.full"},
	{ErrImage, "image", "wrong.image"},
	{ErrSetting, "", "wrong.setting"},
}

// blame says what is wrong with the form that led to an error; false if the form is not
// to blame.
func blame(err error) (formErrors, bool) {
	for _, x := range wrong {
		if errors.Is(err, x.err) {
			return formErrors{{x.field, x.key}}, true
		}
	}
	return nil, false
}

// did notes in the log what an admin has done, by numbers alone, and shows a page that
// says so.
func (p *Portal) did(w http.ResponseWriter, r *http.Request, v *visitor, account int64, what, to string) {
	p.log.Info("portal: an admin of the tenant has made a change", "tenant", v.Tenant, "admin", v.Account, "account", account, "change", what)
	http.Redirect(w, r, to+"?done="+what, http.StatusSeeOther)
}

// manageDone are what pages may be told, in their query, to say.
var manageDone = map[string]string{
	"added": "manage.added", "shared": "manage.added.shared", "changed": "manage.changed", "disabled": "manage.disabled", "enabled": "manage.enabled", "removed": "manage.removed",
	"alias": "manage.alias", "unalias": "manage.unalias", "granted": "manage.granted", "ended": "manage.ended",
	"settings": "manage.settings", "logo": "manage.logo", "unlogo": "manage.unlogo",
}

// after is managed for a page that may say what was just done.
func (p *Portal) after(r *http.Request, v *visitor, section string) managed {
	m := p.managed(v, section)
	m.Done = manageDone[r.URL.Query().Get("done")]
	return m
}

type overviewPage struct {
	managed
	Tenant  Tenant
	Domains []string
	People  int64
	Shared  int64
}

// overview shows what the tenant has and uses.
func (p *Portal) overview(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !v.Has(auth.TenantAdmin) {
		http.Redirect(w, r, tenantChain.base, http.StatusSeeOther)
		return
	}
	t, err := p.c.Tenants.Tenant(r.Context(), v.Tenant)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	page := overviewPage{managed: p.after(r, v, "overview"), Tenant: t}
	if page.Domains, err = p.c.Tenants.Domains(r.Context(), v.Tenant); err != nil {
		p.fail(w, r, v, err)
		return
	}
	list, err := p.c.Accounts.Accounts(r.Context(), v.Tenant)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	page.Tenant.Used = Amounts{Accounts: int64(len(list))} // what its row says is some minutes old
	for _, a := range list {
		page.Tenant.Used.Bytes += a.UsedBytes
		page.Tenant.Used.Items += a.Items
		if a.Shared() {
			page.Shared++
		} else {
			page.People++
		}
	}
	p.render(w, r, v, http.StatusOK, "overview", page)
}
