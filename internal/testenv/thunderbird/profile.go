package thunderbird

import (
	"fmt"
	"net"
	"testing"
)

// preferences are a profile's beginning: the proxies, and none of the pages, questions
// and reports that greet a new user. Nothing is preset about the account.
const preferences = `
user_pref("marionette.port", 0);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "%[1]s");
user_pref("network.proxy.http_port", %[2]s);
user_pref("network.proxy.ssl", "%[3]s");
user_pref("network.proxy.ssl_port", %[4]s);
user_pref("network.dns.forceResolve", "%[5]s");
user_pref("network.proxy.failover_direct", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mail.spotlight.firstRunDone", true);
user_pref("mail.shell.checkDefaultClient", false);
user_pref("mail.winsearch.firstRunDone", true);
user_pref("mail.rights.version", 1);
user_pref("mailnews.start_page.enabled", false);
user_pref("mailnews.start_page_override.mstone", "ignore");
user_pref("mail.inappnotifications.enabled", false);
user_pref("app.donation.eoy.version.viewed", 999);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("datareporting.healthreport.uploadEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("extensions.update.enabled", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("extensions.blocklist.enabled", false);
user_pref("services.settings.server", "http://localhost:9/");
user_pref("mail.biff.show_alert", false);
user_pref("mail.biff.play_sound", false);
user_pref("mail.server.default.check_time", 60);
user_pref("mailnews.mark_message_read.auto", true);
`

// nowhere takes no connections.
const nowhere = "127.0.0.1:9"

func (o Options) preferences(t testing.TB) string {
	t.Helper()
	if o.Web == "" {
		o.Web = nowhere
	}
	if o.Secure == "" {
		o.Secure = nowhere
	}
	host, port, err := net.SplitHostPort(o.Web)
	must(t, err)
	secure, securePort, err := net.SplitHostPort(o.Secure)
	must(t, err)
	return fmt.Sprintf(preferences, host, port, secure, securePort, o.Address)
}

// prelude is in front of every script.
const prelude = `
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const main = Services.wm.getMostRecentWindow("mail:3pane");
// until waits for what has no event of its own.
const until = async (f, what) => {
  for (const end = Date.now() + 100000; Date.now() < end;) {
    try { const v = await f(); if (v) return v; } catch (e) { until.last = e; }
    await new Promise(r => main.setTimeout(r, 30));
  }
  throw new Error("not in 100 s: " + what + (until.last ? ", " + until.last : ""));
};
const account = () => MailServices.accounts.accounts.find(a => a.incomingServer.type == "imap");
const folders = () => account().incomingServer.rootFolder.descendants;
const inbox = () => account().incomingServer.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
const about3Pane = () => main.document.getElementById("tabmail").currentAbout3Pane;
const headers = f => [...f.messages];
const withSubject = (f, s) => headers(f).find(h => h.mime2DecodedSubject == s);
// show opens a folder as a click in the folder pane does, and waits for its list.
const show = async folder => {
  const pane = about3Pane();
  await until(() => pane.folderPane?.getRowForFolder(folder.URI), "row of " + folder.URI);
  pane.displayFolder(folder.URI);
  await until(() => pane.gFolder?.URI == folder.URI && pane.gDBView, "view of " + folder.URI);
  return pane;
};
`

// waitForWindow ends when the main window is there and works.
const waitForWindow = `
for (;;) {
  const w = Services.wm.getMostRecentWindow("mail:3pane");
  if (w?.document.readyState == "complete" && w.document.getElementById("tabmail")?.currentAbout3Pane?.document.readyState == "complete") return true;
  await new Promise(r => window.setTimeout(r, 30));
}`

// trust(certificate) puts an authority into the certificate store.
const trust = `
Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(args[0], "CTu,CTu,CTu");`
