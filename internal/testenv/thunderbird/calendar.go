package thunderbird

// ServeDomain gives a mail domain the DNS records that lead to the host of its calendars
// and address books (RFC 6764 3), and lets Thunderbird keep the password for it.
func (p *Program) ServeDomain(domain, host string) {
	p.t.Helper()
	p.do("serve the domain", serveDomain, nil, domain, host)
}

// Calendar is one that Thunderbird was offered.
type Calendar struct {
	Name, At, Colour string
	ReadOnly         bool
}

// FindCalendars asks as the account assistant does when it has made a mail account, or
// a person who enters the place, a URL. It takes all that it is offered, if told so.
func (p *Program) FindCalendars(address, password, place string, take bool) (list []Calendar) {
	p.t.Helper()
	p.do("find the calendars at "+place, findCalendars, &list, address, password, place, take)
	return list
}

// Event is one as a calendar shows it, its beginning as Europe/Berlin has it.
type Event struct{ Begin, Place, Text string }

// MakeEvent puts an iCalendar object into a calendar, by its name.
func (p *Program) MakeEvent(calendar, object string) {
	p.t.Helper()
	p.do("make an event", makeEvent, nil, calendar, object)
}

// SeeEvent looks at the server anew until an event is shown.
func (p *Program) SeeEvent(calendar, title string) (e Event) {
	p.t.Helper()
	p.do("see the event "+title, seeEvent, &e, calendar, title)
	return e
}

// MissEvent looks at the server anew until an event is gone.
func (p *Program) MissEvent(calendar, title string) {
	p.t.Helper()
	p.do("see the event gone: "+title, missEvent, nil, calendar, title)
}

// ChangeEvent gives an event another title and a text.
func (p *Program) ChangeEvent(calendar, title, newTitle, text string) {
	p.t.Helper()
	p.do("change the event "+title, changeEvent, nil, calendar, title, newTitle, text)
}

// ChangeOccurrence gives the second time of a recurring event another title, and returns
// when that is, as RECURRENCE-ID has it.
func (p *Program) ChangeOccurrence(calendar, title, newTitle string) (id string) {
	p.t.Helper()
	p.do("change one occurrence of "+title, changeOccurrence, &id, calendar, title, newTitle)
	return id
}

// RemoveEvent removes an event.
func (p *Program) RemoveEvent(calendar, title string) {
	p.t.Helper()
	p.do("remove the event "+title, removeEvent, nil, calendar, title)
}

// serveDomain(domain, host) shows Thunderbird the domain's DNS records (RFC 6764 3), and
// lets it keep passwords, which the remote control turns off.
const serveDomain = `
const { DNS } = ChromeUtils.importESModule("resource:///modules/DNS.sys.mjs");
const services = ["_caldavs._tcp." + args[0], "_carddavs._tcp." + args[0]];
DNS.lookup = async (name, type) =>
  type == DNS.SRV && services.includes(name) ? [{ prio: 0, weight: 1, port: 443, host: args[1] }] : [];
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
