package thunderbird

// arrange(domain, host, proxy port, authority) shows Thunderbird the domain's DNS
// records (RFC 6764 3) and the way to the host that they name, and lets it keep
// passwords, which the remote control turns off.
const arrange = `
const { DNS } = ChromeUtils.importESModule("resource:///modules/DNS.sys.mjs");
const services = ["_caldavs._tcp." + args[0], "_carddavs._tcp." + args[0]];
DNS.lookup = async (name, type) =>
  type == DNS.SRV && services.includes(name) ? [{ prio: 0, weight: 1, port: 443, host: args[1] }] : [];
Services.prefs.setIntPref("network.proxy.ssl_port", Number(args[2]));
Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(args[3], "CTu,CTu,CTu");
Services.prefs.setBoolPref("signon.rememberSignons", true);`

// calendars is in front of the scripts about calendars.
const calendars = `
const { cal } = ChromeUtils.importESModule("resource:///modules/calendar/calUtils.sys.mjs");
const { CalEvent } = ChromeUtils.importESModule("resource:///modules/CalEvent.sys.mjs");
const calendar = cal.manager.getCalendars().find(c => c.name == args[0]);
const all = () => calendar.getItemsAsArray(Ci.calICalendar.ITEM_FILTER_ALL_ITEMS, 0, null, null);
const titled = async title => (await all()).find(i => i.title == title);
// loaded begins and waits until the calendar says that it has looked at the server.
const loaded = (c, begin) => new Promise(done => {
  const nothing = () => {};
  const observer = {
    QueryInterface: ChromeUtils.generateQI(["calIObserver"]),
    onLoad() { c.removeObserver(observer); done(); },
    onStartBatch: nothing, onEndBatch: nothing, onAddItem: nothing, onModifyItem: nothing, onDeleteItem: nothing,
    onError: nothing, onPropertyChanged: nothing, onPropertyDeleting: nothing,
  };
  c.addObserver(observer);
  begin();
});
`

// findCalendars(address, password, place, take) asks as the account assistant does
// when it has made a mail account, or a person who enters the place, and takes all
// that it is offered.
const findCalendars = calendars + `
const found = [...(await cal.provider.detection.detect(args[0], args[1], args[2], true, [], {})).values()].flat();
// A calendar that is asked for its password twice at once (by its first look at the
// server and by what is done in it meanwhile) forgets the password.
if (args[3]) await Promise.all(found.map(c => loaded(c, () => cal.manager.registerCalendar(c))));
return found.map(c => ({ name: c.name, at: decodeURIComponent(c.uri.spec), colour: c.getProperty("color"), readOnly: c.readOnly }));`

// makeEvent(calendar, iCalendar text)
const makeEvent = calendars + `
await calendar.addItem(new CalEvent(args[1]));
await until(() => titled(new CalEvent(args[1]).title), "the event here");`

// seeEvent(calendar, title) looks there anew until the event is shown, and returns
// what is shown.
const seeEvent = calendars + `
await loaded(calendar, () => calendar.refresh());
const event = await until(() => titled(args[1]), "the event " + args[1]);
return {
  begin: event.startDate.getInTimezone(cal.timezoneService.getTimezone("Europe/Berlin")).toString(),
  place: event.getProperty("LOCATION") || "", text: event.descriptionText || "",
};`

// missEvent(calendar, title) looks there anew until the event is gone.
const missEvent = calendars + `
await loaded(calendar, () => calendar.refresh());
await until(async () => !(await titled(args[1])), "the event " + args[1] + " gone");`

// changeEvent(calendar, title, new title, text)
const changeEvent = calendars + `
const before = await until(() => titled(args[1]), "the event " + args[1]);
const after = before.clone();
after.title = args[2];
after.setProperty("DESCRIPTION", args[3]);
await calendar.modifyItem(after, before);
await until(() => titled(args[2]), "the change here");`

// changeOccurrence(calendar, title, new title) changes the second time of a
// recurring event alone, and returns when that is.
const changeOccurrence = calendars + `
await loaded(calendar, () => calendar.refresh());
const before = await until(() => titled(args[1]), "the event " + args[1]);
const end = before.startDate.clone();
end.day += 30;
const second = before.recurrenceInfo.getOccurrences(before.startDate, end, 2)[1];
const occurrence = second.clone();
occurrence.title = args[2];
const after = before.clone();
after.recurrenceInfo.modifyException(occurrence, true);
await calendar.modifyItem(after, before);
return second.recurrenceId.icalString;`

// removeEvent(calendar, title)
const removeEvent = calendars + `
await calendar.deleteItem(await until(() => titled(args[1]), "the event " + args[1]));`

// books is in front of the scripts about address books.
const books = `
const { CardDAVDirectory } = ChromeUtils.importESModule("resource:///modules/CardDAVDirectory.sys.mjs");
const { VCardUtils } = ChromeUtils.importESModule("resource:///modules/VCardUtils.sys.mjs");
const directory = MailServices.ab.directories.find(d => d.dirName == args[0]);
const book = directory && CardDAVDirectory.forFile(directory.fileName);
const card = name => directory.childCards.find(c => c.displayName == name);
`

// findBooks(address, password, place, take) is findCalendars for address books; it
// waits until each has all its cards.
const findBooks = books + `
const { CardDAVUtils } = ChromeUtils.importESModule("resource:///modules/CardDAVUtils.sys.mjs");
// A search within 10 ms of another takes over its log-in and cannot create the books.
await new Promise(r => main.setTimeout(r, 30));
const found = await CardDAVUtils.detectAddressBooks(args[0], args[1], args[2], false, true);
const list = [];
for (const b of found) {
  const made = args[3] && await b.create();
  if (made) await until(() => made.getStringValue("carddav.token", ""), "the cards of " + b.name);
  list.push({ name: b.name, at: decodeURIComponent(b.url.href), readOnly: made?.readOnly, cards: made?.childCards?.map(c => c.displayName) });
}
return list;`

// makeCard(book, vCard) waits until Thunderbird has read back what it sent.
const makeCard = books + `
const { displayName } = directory.addCard(VCardUtils.vCardToAbCard(args[1]));
await until(() => card(displayName).getProperty("_etag", ""), "the card there");`

// seeCard(book, name) looks there anew until the card is shown, and returns its
// address.
const seeCard = books + `
return await until(async () => {
  await book.syncWithServer();
  return card(args[1])?.primaryEmail;
}, "the card of " + args[1]);`

// missCard(book, name) looks there anew until the card is gone.
const missCard = books + `
await until(async () => {
  await book.syncWithServer();
  return !card(args[1]);
}, "the card of " + args[1] + " gone");`

// changeCard(book, name, what, by what) waits like makeCard.
const changeCard = books + `
const c = await until(() => card(args[1]), "the card of " + args[1]);
c.setProperty("_vCard", c.getProperty("_vCard", "").replace(args[2], args[3]));
const etag = c.getProperty("_etag", "");
directory.modifyCard(c);
await until(() => card(args[1]).getProperty("_etag", "") != etag, "the change there");`

// removeCard(book, name)
const removeCard = books + `
directory.deleteCards([await until(() => card(args[1]), "the card of " + args[1])]);`

// complete(letters) returns what the compose window offers for them.
const complete = `
const search = Cc["@mozilla.org/autocomplete/search;1?name=addrbook"].createInstance(Ci.nsIAutoCompleteSearch);
return await new Promise(done => search.startSearch(args[0], JSON.stringify({ type: "addr_to" }), null, {
  onSearchResult(s, result) {
    if (result.searchResult == Ci.nsIAutoCompleteResult.RESULT_SUCCESS_ONGOING) return;
    done(Array.from({ length: result.matchCount }, (_, i) => result.getValueAt(i)));
  },
}));`
