package portaltest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a page of a real Chromium, with cookies of its own.
type tab struct {
	t    *testing.T
	ctx  context.Context
	said chan string // what the console said
}

// newTab starts a browser that asks for a language.
func newTab(t *testing.T, language string) *tab {
	t.Helper()
	program := need.Program(t, "chromium")
	ctx, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Headless,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.*"), chromedp.UserDataDir(t.TempDir()),
	)...)
	t.Cleanup(stop) // waits for the process that it started
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	must(t, chromedp.Do(ctx)) // starts it; no timeout may hang on this call
	b := &tab{t: t, ctx: ctx, said: make(chan string, 1000)}
	b.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		if _, err := cdp.Call(ctx, s, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, s, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
			Headers: network.Headers{"Accept-Language": jsonv2.Value(`"` + language + `"`)},
		})
		return err
	}))
	b.size(1100, 900)
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.said <- m.String()
		}
	}()
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	must(b.t, chromedp.Do(ctx, steps...))
}

// eval runs a script in the page.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.80s: %v", script, err)
	}
	return v
}

func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// javaScript switches the page's own scripts on and off; what the test
// evaluates runs all the same.
func (b *tab) javaScript(on bool) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	}))
}

// wait waits until an expression is true of the page, whichever it is then.
func (b *tab) wait(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && !!("+expression+")"))
		if err == nil && ok {
			return
		}
		if time.Now().After(end) {
			at, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
			b.t.Fatalf("%s: not seen (%v); the page is %s", what, err, at)
		}
	}
}

// click chooses what a selector finds, and waits for the page after it.
func (b *tab) click(selector, what, expression string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
	b.wait(what, expression)
}

func (b *tab) write(selector, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// choose picks an option by its value, with the keyboard.
func (b *tab) choose(selector, value string) {
	b.t.Helper()
	b.do(chromedp.Focus(chromedp.CSS(selector)))
	for range 10 {
		if eval[string](b, fmt.Sprintf("document.querySelector(%q).value", selector)) == value {
			return
		}
		b.key(kb.ArrowDown)
	}
	b.t.Fatalf("%s has no option %s", selector, value)
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	quoted, _ := json.Marshal(selector)
	return eval[string](b, fmt.Sprintf("document.querySelector(%s).innerText", quoted))
}

func (b *tab) key(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// at is an expression: the page's path.
func at(path string) string { return fmt.Sprintf("location.pathname === %q", path) }

// signIn types address and password at the provider.
func (b *tab) signIn(address, what, expression string) {
	b.t.Helper()
	b.wait("the provider's form", "document.querySelector('input[type=password]')")
	if eval[bool](b, "document.getElementById('address').value === ''") {
		b.write("#address", address)
	}
	b.write("#password", password)
	b.key(kb.Enter)
	b.wait(what, expression)
}

// forget drops what the console has said so far.
func (b *tab) forget() {
	for len(b.said) > 0 {
		<-b.said
	}
}

// silent fails if the console said anything: an error, a warning or a breach of
// the content security policy.
func (b *tab) silent(page string, but ...string) {
	b.t.Helper()
	for {
		select {
		case m := <-b.said:
			expected := false
			for _, x := range but {
				expected = expected || strings.Contains(m, x)
			}
			if !expected {
				b.t.Errorf("%s: the console says %s", page, m)
			}
		default:
			return
		}
	}
}

// axe checks the page against WCAG 2.1 A and AA, and the size of what is to be hit
// (WCAG 2.2, 2.5.8).
func (b *tab) axe(page string) {
	b.t.Helper()
	if !eval[bool](b, "typeof axe === 'object'") {
		eval[any](b, axeSource(b.t)+";null")
	}
	found := eval[string](b, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], rules: {'target-size': {enabled: true}}}).then(r => JSON.stringify({
		checked: r.passes.length, unsure: r.incomplete.map(v => v.id),
		violations: r.violations.map(v => v.id + ': ' + v.help + '\n' + v.nodes.map(n => '   ' + n.html + '\n   ' + n.failureSummary).join('\n'))}))`)
	var result struct {
		Checked            int
		Violations, Unsure []string
	}
	must(b.t, json.Unmarshal([]byte(found), &result))
	if result.Checked < 8 {
		b.t.Errorf("%s: axe checked %d rules only", page, result.Checked)
	}
	for _, v := range result.Violations {
		b.t.Errorf("%s: axe finds %s", page, v)
	}
	b.contrastInTheDark(page)
}

// contrastInTheDark checks the colours that the page has for who prefers dark ones.
func (b *tab) contrastInTheDark(page string) {
	b.t.Helper()
	b.prefers("dark")
	defer b.prefers("light")
	found := eval[[]string](b, `axe.run(document, {runOnly: {type: 'rule', values: ['color-contrast']}}).then(r =>
		r.violations.concat(r.passes.length ? [] : [{id: 'nothing was checked', nodes: []}]).map(v => v.id + ': ' + v.nodes.map(n => n.html + '\n   ' + n.failureSummary).join('\n')))`)
	for _, v := range found {
		b.t.Errorf("%s, dark: axe finds %s", page, v)
	}
}

// prefers sets the colour scheme that the browser says its person prefers.
func (b *tab) prefers(scheme string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
}

func axeSource(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../test/web/node_modules/axe-core/axe.min.js")
	if err != nil {
		need.Missing(t, "axe-core is not there: run npm ci in test/web")
	}
	return string(b)
}

// fits fails if the page is wider than the window.
func (b *tab) fits(page string) {
	b.t.Helper()
	if wide := eval[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
		b.t.Errorf("%s: the page is %d pixels wider than the window", page, wide)
	}
}

// shoot writes a picture of the whole page where FACHWERK_SHOTS says.
func (b *tab) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("FACHWERK_SHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, func(ctx context.Context, s *chromedp.Target) ([]byte, error) {
		yes := true
		r, err := cdp.Call(ctx, s, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &yes, FromSurface: &yes})
		if err != nil {
			return nil, err
		}
		return r.Data, nil
	})
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644))
}
