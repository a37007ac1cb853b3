package portaltest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A node of Chromium's accessibility tree is what a screen reader is told of an element.
type node struct {
	id, parent        accessibility.NodeID
	role, name, about string // about is the description
	level             int    // of a heading
}

func said(v *accessibility.Value) (text string) {
	if v != nil {
		_ = json.Unmarshal([]byte(v.Value), &text) // a value that is no text says nothing
	}
	return text
}

func level(n *accessibility.Node) (level int) {
	for _, p := range n.Properties {
		if p.Name == "level" && p.Value != nil {
			_ = json.Unmarshal([]byte(p.Value.Value), &level) // what is no number is no level
		}
	}
	return level
}

func nodes(list []*accessibility.Node) (out []node) {
	for _, n := range list {
		if !n.Ignored {
			out = append(out, node{n.NodeID, n.ParentID, said(n.Role), said(n.Name), said(n.Description), level(n)})
		}
	}
	return out
}

// ask asks Chromium, and again while one page makes way for the next.
func ask[T any](b *tab, question func(context.Context, *chromedp.Target) (T, error)) T {
	b.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		got, err := chromedp.Run(b.ctx, question)
		if err == nil || time.Now().After(end) {
			must(b.t, err)
			return got
		}
	}
}

// tree is that of the page that is open.
func (b *tab) tree() []node {
	b.t.Helper()
	return ask(b, func(ctx context.Context, s *chromedp.Target) ([]node, error) {
		got, err := cdp.Call(ctx, s, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			return nil, err
		}
		return nodes(got.Nodes), nil
	})
}

// focused is where the keyboard is.
func (b *tab) focused() node {
	b.t.Helper()
	return ask(b, func(ctx context.Context, s *chromedp.Target) (node, error) {
		element, err := cdp.Call(ctx, s, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.activeElement"})
		if err != nil {
			return node{}, err
		}
		no := false
		got, err := cdp.Call(ctx, s, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: element.Result.ObjectID, FetchRelatives: &no})
		if err != nil || len(got.Nodes) == 0 || got.Nodes[0].Ignored {
			return node{}, err
		}
		return nodes(got.Nodes)[0], nil
	})
}

// reach goes on with the Tab key until something of a name has the focus.
func (b *tab) reach(role, name string) node {
	b.t.Helper()
	var passed []string
	for range 200 {
		if at := b.focused(); at.role == role && at.name == name {
			return at
		}
		b.key(kb.Tab)
		at := b.focused()
		passed = append(passed, at.role+" "+at.name)
	}
	b.t.Fatalf("the Tab key reaches no %s %q, but %q", role, name, slices.Compact(passed))
	return node{}
}

// enter presses the Enter key as a keyboard does, once: what a link leads to must not
// take the key for its own.
func (b *tab) enter() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		for _, k := range []input.DispatchKeyEventParams{{Type: input.DispatchKeyEventTypeKeyDown, Text: "\r"}, {Type: input.DispatchKeyEventTypeKeyUp}} {
			k.Key, k.Code, k.WindowsVirtualKeyCode = "Enter", "Enter", 13
			if _, err := cdp.Call(ctx, s, input.DispatchKeyEvent, k); err != nil {
				return err
			}
		}
		return nil
	}))
}

// press reaches a link or a button, uses it, and waits for the page after it.
func (b *tab) press(role, name, what, expression string) {
	b.t.Helper()
	b.reach(role, name)
	b.enter()
	b.wait(what, expression)
	b.understood(what)
}

// fill reaches a field and types into it.
func (b *tab) fill(role, name, text string) {
	b.t.Helper()
	b.reach(role, name)
	b.key(text)
}

// understood fails unless a reader of the screen can find their way: every control has a
// name, no two buttons the same one, there is one main part and one title of it.
func (b *tab) understood(page string) {
	b.t.Helper()
	controls := []string{"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "listbox", "DisclosureTriangle"}
	count := map[string]int{}
	titles := 0
	for _, n := range b.tree() {
		if slices.Contains(controls, n.role) && strings.TrimSpace(n.name) == "" {
			b.t.Errorf("%s: a %s has no name", page, n.role)
		}
		count[n.role]++
		if n.role == "heading" && n.level == 1 {
			titles++
		}
		if n.role == "button" {
			count["button "+n.name]++
		}
	}
	for what, n := range count {
		if strings.HasPrefix(what, "button ") && n > 1 {
			b.t.Errorf("%s: %d times %s", page, n, what)
		}
	}
	if count["main"] != 1 || titles != 1 {
		b.t.Errorf("%s: %d main parts, %d titles", page, count["main"], titles)
	}
}

// announced fails unless the page says what has happened: in a live part of the page that
// has the focus, and at the beginning of the title.
func (b *tab) announced(role, text, title string) {
	b.t.Helper()
	list := b.tree()
	ok := false
	for _, n := range list {
		if n.role != "StaticText" || !strings.Contains(n.name, text) {
			continue
		}
		for at := n; at.parent != ""; {
			i := slices.IndexFunc(list, func(x node) bool { return x.id == at.parent })
			if i < 0 {
				break
			}
			at = list[i]
			ok = ok || at.role == role
		}
	}
	if !ok {
		b.t.Errorf("%s is in no %s", text, role)
	}
	if at := b.focused(); at.role != role {
		b.t.Errorf("after %q the focus is at a %s %q", text, at.role, at.name)
	}
	if got := eval[string](b, "document.title"); !strings.HasPrefix(got, title) {
		b.t.Errorf("the title is %q and does not begin with %q", got, title)
	}
}

// By keyboard and by what a screen reader is told, without a look at the page and
// without JavaScript: a sign-in, an app password made and ended, a function mailbox made,
// a deputy for it named and let go, and a report of where the data lies.
func TestByEarAndKeyboard(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	h.mail(t, h.anna, 2)
	h.observed(t, h.clock.now(), seen()[:4]...)
	b := newTab(t, "de")
	b.javaScript(false)
	b.open(h.portal + "/")
	b.understood("the first page")
	b.press("link", "Im Portal anmelden", "the provider's form", "document.querySelector('input[type=password]')")
	if at := b.focused(); at.role != "textbox" || at.name != "E-Mail-Adresse" {
		t.Errorf("the form begins at a %s %q", at.role, at.name)
	}
	b.fill("textbox", "E-Mail-Adresse", anna)
	b.fill("textbox", "Passwort", "falsch")
	b.press("button", "Anmelden", "the refusal", "document.querySelector('[role=alert]')")
	if got := b.focused(); got.name != "Passwort" || !strings.Contains(got.about, "ist falsch") {
		t.Errorf("after a wrong password the focus is at %q, which says %q", got.name, got.about)
	}
	b.fill("textbox", "Passwort", password)
	b.press("button", "Anmelden", "the start page", at("/")+" && document.querySelector('.who')")
	b.earsAppPassword(h)
	b.earsFunctionMailbox(h)

	b.press("link", "Meine Daten", "the data", at("/data"))
	b.press("button", "Neuen Bericht erstellen", "the report", "document.querySelector('.reports')")
	b.announced("status", "Der Bericht ist fertig", "Der Bericht ist fertig")
	b.reach("link", "Bericht 1 zum Lesen (HTML) herunterladen")
}

// On paper the data page shows what on the screen has to be opened first, and nothing to
// press.
func TestDataOnPaper(t *testing.T) {
	h := newHouse(t)
	h.mail(t, h.anna, 2)
	h.observed(t, h.clock.now(), seen()[:4]...)
	b := newTab(t, "de")
	b.open(h.portal + "/login?return=/data")
	b.signIn(anna, "the data", at("/data"))
	const evidence, button = "document.querySelector('.seen pre').checkVisibility()", "document.querySelector('main button').checkVisibility()"
	if eval[bool](b, evidence) || !eval[bool](b, button) {
		t.Error("the screen shows the evidence at once, or no button")
	}
	b.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	}))
	if !eval[bool](b, evidence) || eval[bool](b, button) {
		t.Error("the paper lacks the evidence, or has a button")
	}
}

func (b *tab) earsAppPassword(h *house) {
	t := b.t
	b.press("link", "Geräte", "the devices", at("/devices"))
	b.press("button", "App-Passwort anlegen", "what is wrong", "document.querySelector('[role=alert]')")
	b.announced("alert", "Geben Sie einen Namen für das Gerät ein", "Fehler: ")
	b.reach("link", "Geben Sie einen Namen für das Gerät ein, mit höchstens 80 Zeichen.")
	b.enter()
	b.wait("the field", "document.activeElement.id === 'name'")
	if at := b.focused(); at.name != "Name des Geräts" || !strings.Contains(at.about, "mit höchstens 80 Zeichen") || !strings.Contains(at.about, "Diensthandy") {
		t.Errorf("the summary leads to %q, which says %q", at.name, at.about)
	}
	b.key("Mein Handy")
	b.press("button", "App-Passwort anlegen", "the app password", "document.getElementById('secret')")
	secret := b.text("#secret")
	if !slices.ContainsFunc(b.tree(), func(n node) bool { return n.role == "StaticText" && n.name == secret }) {
		t.Error("the app password is not told")
	}
	must(t, h.accepts(t, anna, secret, auth.MailRead))
	b.press("link", "Fertig", "the devices", at("/devices"))
	b.press("button", "App-Passwort „Mein Handy“ beenden", "its end", "document.querySelector('[role=status]')")
	b.announced("status", "Das App-Passwort ist beendet.", "Das App-Passwort ist beendet.")
	if list := h.passwords(t, h.anna); len(list) != 0 {
		t.Errorf("%d app passwords are left", len(list))
	}
}

func (b *tab) earsFunctionMailbox(h *house) {
	b.press("link", "Verwalten", "the overview", at("/manage"))
	b.press("link", "Gemeinsame Konten", "the list", at("/manage/shared"))
	b.press("link", "Gemeinsames Konto anlegen", "the form", at("/manage/shared/new"))
	b.fill("textbox", "Name", "Bauamt")
	b.press("button", "Anlegen", "what is wrong", "document.querySelector('[role=alert]')")
	b.announced("alert", "Geben Sie den Teil vor dem @ ein", "Fehler: ")
	b.fill("textbox", "Teil vor dem @", "bauamt")
	b.press("button", "Anlegen", "the account", "document.querySelector('[role=status]')")
	b.announced("status", "Das Konto ist angelegt.", "Das Konto ist angelegt.")
	b.press("link", "Zugriff geben oder beenden", "the grants", "location.pathname.endsWith('/grants')")
	b.fill("combobox", "Adresse der Person oder Name der Gruppe", bert)
	b.press("button", "Zugriff geben", "the grant", "document.querySelector('[role=status]')")
	b.announced("status", "Der Zugriff ist gegeben.", "Der Zugriff ist gegeben.")
	b.press("button", "Zugriff beenden: "+bert, "its end", "location.search === '?done=ended'")
	b.announced("status", "Der Zugriff ist beendet.", "Der Zugriff ist beendet.")
}
