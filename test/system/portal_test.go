package system

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// page is the portal in a real Chromium.
type page struct {
	t   *testing.T
	ctx context.Context
}

func openPage(t *testing.T) *page {
	t.Helper()
	ctx, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(need.Program(t, "chromium")), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Headless,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.*"), chromedp.UserDataDir(t.TempDir()))...)
	t.Cleanup(stop) // waits for the process that it started
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	must(t, chromedp.Do(ctx))
	return &page{t: t, ctx: ctx}
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 2*time.Minute)
	defer cancel()
	must(p.t, chromedp.Do(ctx, steps...))
}

func (p *page) click(selector string) { p.t.Helper(); p.do(chromedp.Click(chromedp.CSS(selector))) }

func (p *page) write(selector, text string) {
	p.t.Helper()
	p.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// wait waits until an expression is true of the page, whichever it is then.
func (p *page) wait(expression string) {
	p.t.Helper()
	harness.Eventually(p.t, 20*time.Second, expression, func() bool {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && !!("+expression+")"))
		return err == nil && ok
	})
}

func (p *page) text(selector string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.querySelector('"+selector+"').innerText"))
	must(p.t, err)
	return text
}

// A person signs in at the portal, makes an app password, a mail program uses it,
// the person ends it, and the program is out within seconds: the built program,
// its embedded provider, a real browser and an IMAP client.
func TestAnAppPasswordFromPortalToMailProgram(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	anna := d.Anna()
	p := openPage(t)
	p.do(chromedp.Navigate(d.Portal + "/devices"))
	p.wait("document.querySelector('input[type=password]')")
	p.write("#address", anna.Address)
	p.write("#password", anna.Password)
	p.click("form button")
	p.wait("document.getElementById('name')")
	p.write("#name", "Büro-PC")
	p.click("form.fields button")
	p.wait("document.getElementById('secret')")
	made := harness.Account{Address: anna.Address, AppPassword: p.text("#secret")}

	c := d.IMAP(t, made)
	_, err := c.Select("INBOX", nil).Wait()
	must(t, err)
	harness.Eventually(t, time.Minute, "the owner hears of the new app password", func() bool {
		return subjects(t, d, anna)["Neues App-Passwort / New app password"] > 0
	})
	_, err = c.Idle()
	must(t, err)

	p.do(chromedp.Navigate(d.Portal + "/devices"))
	p.wait("document.body.innerText.includes('Büro-PC') && document.querySelector(\"button[aria-label*='Büro-PC']\")")
	p.click("button[aria-label*='Büro-PC']")
	p.wait("!document.body.innerText.includes('Büro-PC')")
	ends(t, c, "app password ended in the portal")
	if _, err := d.TryIMAP(t, made); err == nil {
		t.Error("the ended app password still signs in")
	}
	p.do(chromedp.Navigate(d.Portal + "/data"))
	p.wait("document.querySelector('h1').innerText")
}
