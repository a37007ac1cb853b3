package thunderbird

// preferences are a profile's beginning: the portal as web proxy, and none of the
// pages, questions and reports that greet a new user. Nothing is preset about the
// account.
const preferences = `
user_pref("marionette.port", 0);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "%[1]s");
user_pref("network.proxy.http_port", %[2]s);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
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

// prelude is in front of every script.
const prelude = `
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const main = Services.wm.getMostRecentWindow("mail:3pane");
// until waits for what has no event of its own.
const until = async (f, what) => {
  for (const end = Date.now() + 30000; Date.now() < end;) {
    try { const v = await f(); if (v) return v; } catch (e) { until.last = e; }
    await new Promise(r => main.setTimeout(r, 30));
  }
  throw new Error("not in 30 s: " + what + (until.last ? ", " + until.last : ""));
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

// setUp(name, address, password) does the steps of the account assistant with its
// own modules: discover, fill in, verify by a log-in, create.
const setUp = `
const module = n => ChromeUtils.importESModule("resource:///modules/accountcreation/" + n + ".sys.mjs")[n];
const [name, address, password] = args;
const abort = new AbortController();
const found = (await module("FindConfig").parallelAutoDiscovery(address.split("@")[1], address, abort.signal, password).next()).value;
if (!found) throw new Error("no configuration was found");
const Config = module("AccountConfig");
Config.replaceVariables(found, name, address, password);
found.rememberPassword = true;
const verifier = new (module("ConfigVerifier"))(main.msgWindow, abort.signal);
const verified = await verifier.verifyConfig(found, false);
verifier.cleanup();
const created = await module("CreateInBackend").createAccountInBackend(verified);
created.incomingServer.getNewMessages(created.incomingServer.rootFolder, main.msgWindow, null);
return {
  source: found.subSource, name: found.displayName,
  imap: created.incomingServer.hostname + ":" + created.incomingServer.port,
  user: created.incomingServer.username,
  smtp: found.outgoing.hostname + ":" + found.outgoing.port,
  alternatives: found.incomingAlternatives.length + found.outgoingAlternatives.length,
};`

// listInbox(subject) opens the inbox, waits for a message and returns all subjects.
const listInbox = `
await until(inbox, "the inbox");
await show(inbox());
await until(() => withSubject(inbox(), args[0]), "a message " + args[0]);
return headers(inbox()).map(h => h.mime2DecodedSubject);`

// read(folder URI or "", subject, words) selects a message and returns what the
// message pane shows as soon as it shows the words: the pane keeps the message
// before until the next one is there.
const read = `
const folder = args[0] ? folders().find(f => f.prettyName == args[0] || f.URI.endsWith(args[0])) : inbox();
const pane = await show(folder);
const header = await until(() => withSubject(folder, args[1]), "a message " + args[1]);
await until(() => { pane.selectMessage(header); return pane.gDBView.numSelected == 1; }, "the selection");
const message = await until(() => pane.messagePane && main.document.getElementById("tabmail").currentAboutMessage, "the message pane");
const shown = () => message.getMessagePaneBrowser().contentDocument?.body?.textContent.trim() || "";
const text = await until(() => message.gMessage?.messageId == header.messageId && shown().includes(args[2]) && shown(),
  "the words " + args[2]);
const read = await until(() => header.isRead, "the message marked read");
return { text, shown: message.document.getElementById("expandedsubjectBox")?.textContent.trim() };`

// move(subject, destination) moves the message that is selected by the command of
// the menu.
const move = `
const pane = await show(inbox());
const header = await until(() => withSubject(inbox(), args[0]), "a message " + args[0]);
await until(() => { pane.selectMessage(header); return pane.gDBView.numSelected == 1; }, "the selection");
const destination = await until(() => folders().find(f => f.getFlag(Ci.nsMsgFolderFlags[args[1]])), "folder " + args[1]);
const moved = Promise.withResolvers();
const listener = { msgsMoveCopyCompleted(move, from, to) { if (move && to.URI == destination.URI) moved.resolve(); } };
MailServices.mfn.addListener(listener, MailServices.mfn.msgsMoveCopyCompleted);
pane.commandController.doCommand("cmd_moveMessage", destination);
await moved.promise;
MailServices.mfn.removeListener(listener);
await until(() => !withSubject(inbox(), args[0]), "the message gone from the inbox");
await show(destination);
await until(() => withSubject(destination, args[0]), "the message in " + destination.URI);
return destination.name;`

// send(to, subject, text) writes in the compose window and presses its button.
const send = `
const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
fields.to = args[0]; fields.subject = args[1]; fields.body = args[2];
const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
params.type = Ci.nsIMsgCompType.New;
params.format = Ci.nsIMsgCompFormat.PlainText;
params.identity = account().defaultIdentity;
params.composeFields = fields;
MailServices.compose.OpenComposeWindowWithParams(null, params);
const w = await until(() => Services.wm.getMostRecentWindow("msgcompose"), "the compose window");
await until(() => w.gMsgCompose?.editor && !w.gWindowLocked && w.document.getElementById("msgSubject").value == args[1], "the compose window's fields");
const closed = new Promise(r => w.addEventListener("unload", r, { once: true }));
await until(() => { w.updateSendCommands(true); return w.defaultController.isCommandEnabled("cmd_sendNow"); }, "the send button");
w.goDoCommand("cmd_sendNow");
await closed;`

// watch(start) begins to wait for a message whose subject starts so; awaitWatched
// returns the subject.
const watch = `
await show(inbox());
const seen = Promise.withResolvers();
main.fachwerkSeen = seen.promise;
const listener = { msgAdded(h) {
  if (!h.mime2DecodedSubject.startsWith(args[0])) return;
  MailServices.mfn.removeListener(listener);
  seen.resolve(h.mime2DecodedSubject);
} };
MailServices.mfn.addListener(listener, MailServices.mfn.msgAdded);`

const awaitWatched = `return await main.fachwerkSeen;`

// office(name) waits for the function mailbox's folders and returns their path.
const office = `
const folder = await until(() => folders().find(f => f.URI.includes(args[0]) && f.canFileMessages), "the function mailbox");
return decodeURIComponent(folder.URI.replace(/^imap:\/\/[^/]*\//, ""));`
