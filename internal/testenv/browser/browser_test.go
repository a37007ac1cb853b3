package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestBrowser(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("who")
		if err != nil {
			http.Redirect(w, r, "/login?from=here", http.StatusSeeOther)
			return
		}
		fmt.Fprintf(w, `<p>%s</p><form method="post" action="/logout"></form>`, c.Value)
	})
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<form method="get" action="/search"><input name="q"></form>
<form method="post" action="login?a=1&amp;b=2"><input type="hidden" name="token" value="&lt;t&gt;"><input name="name"><input type="submit">
<input type="radio" name="for" value="one"><input type="radio" name="for" value="two" checked><input type="checkbox" name="box" value="1"></form>`)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("token") != "<t>" || r.FormValue("b") != "2" || r.FormValue("for") != "two" || r.PostForm.Has("box") {
			http.Error(w, "a form of nobody's", http.StatusForbidden)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "who", Value: r.FormValue("name")})
		w.Header().Set("Refresh", "0;url=http://"+r.Host+"/")
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	b := New(t)
	if to := b.Step(server.URL + "/"); to != server.URL+"/login?from=here" {
		t.Errorf("the first page leads to %s", to)
	}
	p := b.Get(server.URL + "/")
	if p.URL.Path != "/login" || p.Field("token") != "<t>" || p.Field("nothing") != "" || len(p.Forms()) != 2 || b.SignedIn(server.URL) {
		t.Errorf("signed out it shows %+v", p)
	}
	for _, end := range []Page{
		b.Fill(p, "name", map[string]string{"name": "anna"}), b.Submit(p, "login", map[string]string{"name": "anna"}),
	} {
		if end.URL.Path != "/" || end.Status != http.StatusOK || end.Text != `<p>anna</p><form method="post" action="/logout"></form>` {
			t.Errorf("signed in it shows %+v", end)
		}
	}
	if !b.SignedIn(server.URL) || New(t).SignedIn(server.URL) {
		t.Error("who is signed in is told wrongly")
	}
}
