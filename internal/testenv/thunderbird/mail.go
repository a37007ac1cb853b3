package thunderbird

// Account is a mail account as Thunderbird has set it up.
type Account struct {
	Source       string // where it found the configuration
	IMAP, SMTP   string // host:port
	User         string
	Alternatives int // other servers that it was offered
}

// SetUp has the account assistant find everything by a mail address, which signs in with
// the password, and makes the account.
func (p *Program) SetUp(name, address, password string) (a Account) {
	p.t.Helper()
	p.do("set up the account", setUp, &a, name, address, password)
	return a
}

// Inbox lists the subjects in the inbox once one of them is there.
func (p *Program) Inbox(subject string) (subjects []string) {
	p.t.Helper()
	p.do("list the inbox", listInbox, &subjects, subject)
	return subjects
}

// Message is one as the message pane shows it.
type Message struct{ Text, Subject string }

// Read selects a message in a folder, by its path at the server, or in the inbox ("")
// and returns what is shown as soon as it has these words.
func (p *Program) Read(folder, subject, words string) (m Message) {
	p.t.Helper()
	p.do("read "+subject, read, &m, folder, subject, words)
	return m
}

// Move moves a message from the inbox to the folder of a kind, such as Archive, and
// returns its name.
func (p *Program) Move(subject, kind string) (folder string) {
	p.t.Helper()
	p.do("move "+subject, move, &folder, subject, kind)
	return folder
}

// Send writes a message in the compose window and presses its button.
func (p *Program) Send(to, subject, text string) {
	p.t.Helper()
	p.do("send "+subject, send, nil, to, subject, text)
}

// Watch begins to wait for new mail in the inbox whose subject starts so. Nothing
// asks the server meanwhile: Thunderbird hears of it by IDLE (RFC 2177).
func (p *Program) Watch(subject string) {
	p.t.Helper()
	p.do("watch for "+subject, watch, nil, subject)
}

// Seen waits for what is watched for, and returns its subject.
func (p *Program) Seen() (subject string, err error) {
	err = p.run(awaitWatched, &subject)
	return subject, err
}

// SharedFolder waits for a folder of another account whose name holds a text, and
// returns its path.
func (p *Program) SharedFolder(name string) (path string) {
	p.t.Helper()
	p.do("find the folder of "+name, shared, &path, name)
	return path
}

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
return { text, subject: message.document.getElementById("expandedsubjectBox")?.textContent.trim() };`

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

// shared(name) is SharedFolder.
const shared = `
const folder = await until(() => {
  const found = folders().find(f => f.URI.includes(args[0]) && f.canFileMessages);
  if (!found) throw new Error("there are " + folders().map(f => f.URI));
  return found;
}, "the folder of " + args[0]);
return decodeURIComponent(folder.URI.replace(/^imap:\/\/[^/]*\//, ""));`
