package thunderbird

// Book is an address book that Thunderbird was offered; Cards are its names, and
// ReadOnly is known, of those that it has taken.
type Book struct {
	Name, At string
	ReadOnly bool
	Cards    []string
}

// FindBooks is FindCalendars for address books; it waits until each that is taken has
// all its cards.
func (p *Program) FindBooks(address, password, place string, take bool) (list []Book) {
	p.t.Helper()
	p.do("find the address books at "+place, findBooks, &list, address, password, place, take)
	return list
}

// MakeCard puts a vCard into an address book, by its name.
func (p *Program) MakeCard(book, card string) {
	p.t.Helper()
	p.do("make a contact", makeCard, nil, book, card)
}

// SeeCard looks at the server anew until somebody's card is shown, and returns their
// mail address.
func (p *Program) SeeCard(book, name string) (address string) {
	p.t.Helper()
	p.do("see the contact "+name, seeCard, &address, book, name)
	return address
}

// MissCard looks at the server anew until somebody's card is gone.
func (p *Program) MissCard(book, name string) {
	p.t.Helper()
	p.do("see the contact gone: "+name, missCard, nil, book, name)
}

// ChangeCard replaces a text in somebody's vCard.
func (p *Program) ChangeCard(book, name, what, by string) {
	p.t.Helper()
	p.do("change the contact "+name, changeCard, nil, book, name, what, by)
}

// RemoveCard removes somebody's card.
func (p *Program) RemoveCard(book, name string) {
	p.t.Helper()
	p.do("remove the contact "+name, removeCard, nil, book, name)
}

// Complete is what the compose window offers for some letters.
func (p *Program) Complete(letters string) (offers []string) {
	p.t.Helper()
	p.do("complete "+letters, complete, &offers, letters)
	return offers
}

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
