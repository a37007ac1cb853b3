package location

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

//go:embed report.html
var pageText string

// HTML is the report as a page that needs nothing else, in German ("de") or English,
// with the signature at its end.
func HTML(r Report, jws, language string) ([]byte, error) {
	if language != "de" {
		language = "en"
	}
	words := func(w wording) string { return w.in(language) }
	page, err := template.New("report").Funcs(template.FuncMap{
		"t":      func(name string) string { return words(pageWords[name]) },
		"number": func(n int64) string { return grouped(n, language) },
		"kind": func(k string) string {
			if w, ok := kinds[k]; ok {
				return words(w)
			}
			return k
		},
		"state":    func(s State) string { return words(states[s]) },
		"note":     func(n Note) string { return words(notes[n]) },
		"sentence": func(o Observation) string { return o.Sentence(language) },
		"time": func(at time.Time) string {
			if at.IsZero() {
				return words(pageWords["never"])
			}
			return when(at, language)
		},
	}).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("location report: %w", err)
	}
	var b bytes.Buffer
	err = page.Execute(&b, struct {
		Report
		JWS, Language string
	}{r, jws, language})
	if err != nil {
		return nil, fmt.Errorf("location report: %w", err)
	}
	return b.Bytes(), nil
}

// grouped writes a number with its thousands apart.
func grouped(n int64, language string) string {
	mark := wording{",", "."}.in(language)
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteString(mark)
		}
		b.WriteRune(d)
	}
	return b.String()
}

var states = map[State]wording{
	Matches:     {"observed as declared", "beobachtet wie angegeben"},
	Differs:     {"DIFFERS from the declaration", "WEICHT von der Angabe AB"},
	NotObserved: {"declared, not observed", "angegeben, nicht beobachtet"},
}

var kinds = map[string]wording{
	"mail":      {"Mail", "E-Mail"},
	"calendar":  {"Calendars", "Kalender"},
	"contacts":  {"Contacts", "Kontakte"},
	"files":     {"Files", "Dateien"},
	"queue":     {"Mail on its way out", "Ausgehende Post"},
	"login":     {"Sign-in and app passwords", "Anmeldung und App-Passwörter"},
	KindDeleted: {"Deleted, awaiting erasure", "Gelöscht, wartet auf die endgültige Löschung"},
	KindTenant:  {"In the directory: name, contact, settings and login providers of the tenant", "Im Verzeichnis: Name, Kontakt, Einstellungen und Anmeldedienste des Mandanten"},
	KindDomains: {"In the directory: domains", "Im Verzeichnis: Domains"},
	"metadata":  {"Indexes and settings", "Verzeichnisse und Einstellungen"},
}

var notes = map[Note]wording{
	NoteClients: {"Copies that programs and devices have made cannot be observed. Some apps copy mailboxes to their vendor's servers.",
		"Kopien, die Programme und Geräte angefertigt haben, lassen sich nicht beobachten. Manche Apps kopieren Postfächer auf Server ihres Herstellers."},
	NotePlain: {"Content is stored sealed. Not sealed are identifiers, flags, dates, sizes, names of collections and the times of events.",
		"Inhalte sind versiegelt gespeichert. Nicht versiegelt sind Kennungen, Markierungen, Daten, Größen, Namen von Ordnern und die Zeiten von Terminen."},
	NoteUnkept: {"This report could not be kept: at present nothing of the tenant may be written where its data lies. It is signed and true, but has no number, and the next report will not name it. Keep the file.",
		"Dieser Bericht konnte nicht aufbewahrt werden: Derzeit darf nichts für den Mandanten geschrieben werden, wo seine Daten liegen. Er ist signiert und gültig, hat aber keine Nummer, und der nächste Bericht wird ihn nicht nennen. Bewahren Sie die Datei auf."},
	NoteDirectory: {"The directory of tenants could not be asked what it has of this tenant; it is not counted.",
		"Das Verzeichnis der Mandanten war nicht zu fragen, was es von diesem Mandanten hat; es ist nicht mitgezählt."},
	NoteBackups: {"Backups that operators make of databases and buckets by their own means are not counted.",
		"Sicherungen, die Betreiber von Datenbanken und Buckets mit eigenen Mitteln anfertigen, sind nicht mitgezählt."},
}

var pageWords = map[string]wording{
	"title":     {"Where the data lies", "Wo die Daten liegen"},
	"tenant":    {"Tenant", "Mandant"},
	"person":    {"Person", "Person"},
	"report":    {"Report", "Bericht"},
	"unkept":    {"Report that was not kept", "Bericht, der nicht aufbewahrt wurde"},
	"issued":    {"issued", "ausgestellt"},
	"by":        {"by", "von"},
	"before":    {"SHA-256 of the report before", "SHA-256 des vorigen Berichts"},
	"account":   {"Account", "Konto"},
	"kind":      {"Data", "Daten"},
	"until":     {"erased by", "gelöscht bis"},
	"subject":   {"subject of the chain", "Kennung der Kette"},
	"standby":   {"standby that has taken over", "Standby, der übernommen hat"},
	"items":     {"Items", "Anzahl"},
	"bytes":     {"Bytes", "Bytes"},
	"place":     {"Place", "Ort"},
	"store":     {"Store", "Speicher"},
	"copies":    {"Copies", "Kopien"},
	"state":     {"State", "Zustand"},
	"none":      {"none", "keine"},
	"unseen":    {"none declared; not observed whether there are any", "keine angegeben; nicht beobachtet, ob es welche gibt"},
	"elsewhere": {"place not declared", "Ort nicht angegeben"},
	"never":     {"never", "nie"},
	"evidence":  {"Evidence", "Nachweise"},
	"seen":      {"What was observed", "Was beobachtet wurde"},
	"limits":    {"What a report cannot tell", "Was ein Bericht nicht sagen kann"},
	"signature": {"Signature", "Signatur"},
	"how": {"This is the signed report (JWS, Ed25519). Verify it with “fachwerk location verify-report”; what is signed counts, not this page.",
		"Dies ist der signierte Bericht (JWS, Ed25519). Prüfen Sie ihn mit „fachwerk location verify-report“; es zählt, was signiert ist, nicht diese Seite."},
}
