package portal

import (
	"errors"
	"io"
	"net/http"
	"net/mail"
	"strings"
)

const (
	settingMax = 500      // bytes of one setting
	logoMax    = 64 << 10 // bytes of an image
)

type settingsPage struct {
	managed
	Errors formErrors
	Name   string // the tenant's, where it has no other to show
	Look
}

// settings shows how the tenant shows itself.
func (p *Portal) settings(w http.ResponseWriter, r *http.Request, v *visitor) {
	t, err := p.c.Tenants.Tenant(r.Context(), v.Tenant)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.render(w, r, v, http.StatusOK, "settings", settingsPage{managed: p.after(r, v, "settings"), Name: t.Name, Look: t.Look})
}

// checkLook finds what is wrong with settings.
func checkLook(l Look) (list formErrors) {
	for _, x := range []struct{ field, text string }{{"display", l.DisplayName}, {"contact", l.Contact}} {
		if len(x.text) > settingMax || strings.ContainsFunc(x.text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			list = append(list, formError{x.field, "wrong.long"})
		}
	}
	if a := l.ContactAddress; a != "" && !strings.HasPrefix(a, "https://") {
		if parsed, err := mail.ParseAddress(a); err != nil || parsed.Address != a {
			list = append(list, formError{"address", "wrong.contact"})
		}
	}
	if len(l.ContactAddress) > settingMax {
		list = append(list, formError{"address", "wrong.contact"})
	}
	return list
}

func (p *Portal) changeSettings(w http.ResponseWriter, r *http.Request, v *visitor) {
	field := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	page := settingsPage{managed: p.managed(v, "settings"), Look: Look{
		DisplayName: field("display"), Language: field("language"), Contact: field("contact"), ContactAddress: field("address"),
	}}
	if _, ok := known(page.Language); !ok {
		page.Language = ""
	}
	if page.Errors = checkLook(page.Look); len(page.Errors) == 0 {
		err := p.c.Tenants.SetLook(r.Context(), v.Tenant, page.Look)
		said, mine := blame(err)
		if err != nil && !mine {
			p.fail(w, r, v, err)
			return
		}
		page.Errors = said
	}
	if len(page.Errors) > 0 {
		p.render(w, r, v, http.StatusUnprocessableEntity, "settings", page)
		return
	}
	p.looks.forget(v.Tenant)
	p.did(w, r, v, 0, "settings", "/manage/settings")
}

type logoPage struct {
	managed
	Errors formErrors
}

func (p *Portal) showLogo(w http.ResponseWriter, r *http.Request, v *visitor) {
	p.render(w, r, v, http.StatusOK, "logo", logoPage{managed: p.after(r, v, "settings")})
}

// changeLogo keeps the image of the form, or takes it away.
func (p *Portal) changeLogo(w http.ResponseWriter, r *http.Request, v *visitor) {
	image, err := readImage(r)
	what := "logo"
	if r.PostForm.Get("remove") != "" {
		image, err, what = nil, nil, "unlogo"
	}
	if err == nil {
		err = p.c.Tenants.SetLogo(r.Context(), v.Tenant, image)
	}
	said, mine := blame(err)
	switch {
	case mine:
		p.render(w, r, v, http.StatusUnprocessableEntity, "logo", logoPage{p.managed(v, "settings"), said})
		return
	case err != nil:
		p.fail(w, r, v, err)
		return
	}
	p.looks.forget(v.Tenant)
	p.did(w, r, v, 0, what, "/manage/logo")
}

// readImage reads the file of a form; ErrImage if there is none, or one too large.
func readImage(r *http.Request) ([]byte, error) {
	f, _, err := r.FormFile("image")
	if err != nil {
		return nil, errors.Join(ErrImage, err)
	}
	defer f.Close()
	image, err := io.ReadAll(io.LimitReader(f, logoMax+1))
	if err != nil || len(image) == 0 || len(image) > logoMax {
		return nil, errors.Join(ErrImage, err)
	}
	return image, nil
}
