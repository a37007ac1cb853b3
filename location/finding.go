package location

import (
	"strings"
	"time"
)

// Finding is what an observation means.
type Finding string

// The findings. The first four come with the checks Identity, System and Bucket.
const (
	AsDeclared  Finding = "as_declared"
	AsBefore    Finding = "as_before"    // as it was seen first; nothing is declared
	First       Finding = "first"        // seen for the first time and remembered
	NotDeclared Finding = "not_declared" // differs from what is declared
	Changed     Finding = "changed"      // differs from what was seen before
	Accepted    Finding = "accepted"     // a change that somebody answers for
	Unseen      Finding = "unseen"       // nothing answered

	Inside      Finding = "inside"  // all addresses are in the declared networks
	Outside     Finding = "outside" // an address is in none of them
	LocalSocket Finding = "local_socket"

	AtStandby        Finding = "at_standby"         // a declared standby has taken over
	AtForeignStandby Finding = "at_foreign_standby" // and is another operator's, or in another country

	NotEncrypted Finding = "not_encrypted" // and never was
	Unencrypted  Finding = "unencrypted"   // it was encrypted before, or is declared to be

	LocalFolder  Finding = "local_folder"
	RemoteFolder Finding = "remote_folder" // of another machine; its addresses are checked
	DistantMount Finding = "distant_mount" // of another machine that does not show itself

	NoStandbys        Finding = "no_standbys"
	StandbyDeclared   Finding = "standby_declared"
	StandbyUndeclared Finding = "standby_undeclared"
	StandbyElsewhere  Finding = "standby_elsewhere" // outside its declared networks
	StandbyAbsent     Finding = "standby_absent"
	StandbysHidden    Finding = "standbys_hidden" // not allowed to see who they are
	StandbysTooMany   Finding = "standbys_too_many"
	InRecovery        Finding = "in_recovery" // a standby does not tell of the others

	CommitsWait     Finding = "commits_wait"
	CommitsAlone    Finding = "commits_alone" // there is nobody to wait for, or it is declared so
	CommitsDoNot    Finding = "commits_do_not_wait"
	WaitsForUnknown Finding = "waits_for_unknown"

	NotArchived Finding = "not_archived"
	Archived    Finding = "archived"

	NoReplication         Finding = "no_replication"
	ReplicationDeclared   Finding = "replication_declared"
	ReplicationUndeclared Finding = "replication_undeclared"
	ReplicationAbsent     Finding = "replication_absent"

	VersionsKept Finding = "versions_kept"
	NoVersions   Finding = "no_versions"
)

// harmless are differences for which no data lies elsewhere than declared.
var harmless = map[Finding]bool{
	StandbyAbsent: true, CommitsDoNot: true, WaitsForUnknown: true, ReplicationAbsent: true,
}

// wording is a sentence in English and in German. Names in braces are replaced:
// site, the part with its article, the thing checked, subject, seen, declared.
type wording struct{ en, de string }

var sentences = map[Finding]wording{
	AsDeclared: {"{Thing} {of} is as declared.", "{Thing} {of} ist wie angegeben."},
	AsBefore:   {"{Thing} {of} is as it was before.", "{Thing} {of} ist wie zuvor."},
	First: {"{Thing} {of} was seen for the first time ({seen}) and is remembered; declare it to be certain.",
		"{Thing} {of} wurde zum ersten Mal gesehen ({seen}) und ist vermerkt; geben Sie dies beim Standort an, um sicher zu sein."},
	NotDeclared: {"{Thing} {of} is {seen}, declared is {declared}: another server may be answering; find out why, or correct the declaration.",
		"{Thing} {of} ist {seen}, angegeben ist {declared}: Vielleicht antwortet ein anderer Server; klären Sie warum, oder berichtigen Sie die Angabe."},
	Changed: {"{Thing} {of} was {declared} and is now {seen}: if the change was intended, accept it with “location accept”, else find out who answers.",
		"{Thing} {of} war {declared} und ist jetzt {seen}: War das beabsichtigt, bestätigen Sie es mit „location accept“; sonst klären Sie, wer antwortet."},
	Accepted: {"{Thing} {of} is now {seen}; somebody has accepted the change.",
		"{Thing} {of} ist jetzt {seen}; jemand hat die Änderung bestätigt."},
	Unseen: {"{Thing} {of} could not be observed{about}; the evidence says why.",
		"{Thing} {of} war nicht zu beobachten{about}; der Nachweis sagt, warum."},

	Inside: {"{Part} is at {seen} ({subject}), inside the declared networks.",
		"{Part} steht unter {seen} ({subject}), innerhalb der angegebenen Netze."},
	Outside: {"{Part} is at {seen} ({subject}), outside the declared networks {declared}: correct the address, or declare the network if it is part of the site.",
		"{Part} steht unter {seen} ({subject}), außerhalb der angegebenen Netze {declared}: Berichtigen Sie die Adresse, oder geben Sie das Netz an, wenn es zum Standort gehört."},
	AtStandby: {"{Part} is at {seen} ({subject}), in the networks of a declared standby, which has taken over: what is written now lies at the standby {declared}.",
		"{Part} steht unter {seen} ({subject}), in den Netzen eines angegebenen Standbys, der übernommen hat: Was jetzt geschrieben wird, liegt beim Standby {declared}."},
	AtForeignStandby: {"{Part} is at {seen} ({subject}), in the networks of a declared standby of another operator or in another country, which has taken over: what is written now lies at the standby {declared}; have the site take over again, or agree with the tenants whose writes are refused.",
		"{Part} steht unter {seen} ({subject}), in den Netzen eines angegebenen Standbys eines anderen Betreibers oder in einem anderen Land, der übernommen hat: Was jetzt geschrieben wird, liegt beim Standby {declared}; lassen Sie den Standort wieder übernehmen, oder einigen Sie sich mit den Mandanten, deren Schreiben abgelehnt wird."},
	LocalSocket: {"{Part} is reached by a socket of this machine ({subject}); that the machine stands where declared cannot be seen from within.",
		"{Part} wird über einen Socket dieses Rechners erreicht ({subject}); dass der Rechner steht, wo es angegeben ist, lässt sich von innen nicht sehen."},

	NotEncrypted: {"The connection to {part} is not encrypted, so nothing proves which server answers.",
		"Die Verbindung zu {part} ist nicht verschlüsselt; nichts beweist, welcher Server antwortet."},
	Unencrypted: {"The connection to {part} is not encrypted any more; expected was the key {declared}: restore TLS, or find out who answers.",
		"Die Verbindung zu {part} ist nicht mehr verschlüsselt; erwartet war der Schlüssel {declared}: Stellen Sie TLS wieder her, oder klären Sie, wer antwortet."},

	LocalFolder: {"{Part} lies on a disk of this machine ({seen}); that the machine stands where declared cannot be seen from within.",
		"{Part} liegt auf einem Datenträger dieses Rechners ({seen}); dass der Rechner steht, wo es angegeben ist, lässt sich von innen nicht sehen."},
	RemoteFolder: {"{Part} lies on another machine's filesystem ({seen}), whose addresses are checked.",
		"{Part} liegt auf dem Dateisystem eines anderen Rechners ({seen}), dessen Adressen geprüft werden."},
	DistantMount: {"{Part} lies on a filesystem that may be another machine's ({seen}); where that stands cannot be seen from here.",
		"{Part} liegt auf einem Dateisystem, das vielleicht einem anderen Rechner gehört ({seen}); wo der steht, ist von hier nicht zu sehen."},

	NoStandbys: {"No standby is declared and none streams.",
		"Kein Standby ist angegeben, und keiner bezieht Daten."},
	StandbyDeclared: {"The standby {subject} at {seen} is declared.", "Der Standby {subject} unter {seen} ist angegeben."},
	StandbyUndeclared: {"An undeclared copy of the database streams to {subject} at {seen}: stop it, or declare it as a standby of the site.",
		"Eine nicht angegebene Kopie der Datenbank fließt zu {subject} unter {seen}: Beenden Sie das, oder geben Sie sie als Standby des Standorts an."},
	StandbyElsewhere: {"The standby {subject} is at {seen}, outside its declared networks {declared}: find out where it stands, or correct its declaration.",
		"Der Standby {subject} steht unter {seen}, außerhalb seiner angegebenen Netze {declared}: Klären Sie, wo er steht, oder berichtigen Sie die Angabe."},
	StandbyAbsent: {"The declared standby {subject} does not stream: there is one copy less than declared; start it again, or remove it from the declaration.",
		"Der angegebene Standby {subject} bezieht keine Daten: Es gibt eine Kopie weniger als angegeben; starten Sie ihn wieder, oder streichen Sie ihn aus den Angaben."},
	StandbysHidden: {"{seen} copies stream from the database, {declared} are declared; who and where they are may not be seen: GRANT pg_read_all_stats to the database user.",
		"{seen} Kopien beziehen Daten von der Datenbank, {declared} sind angegeben; welche und wo, darf nicht gesehen werden: Geben Sie dem Datenbanknutzer mit GRANT das Recht pg_read_all_stats."},
	StandbysTooMany: {"{seen} copies stream from the database, but only {declared} are declared: stop or declare them, and GRANT pg_read_all_stats to the database user to see which.",
		"{seen} Kopien beziehen Daten von der Datenbank, aber nur {declared} sind angegeben: Beenden Sie die anderen, oder geben Sie sie an; welche es sind, zeigt sich, wenn der Datenbanknutzer mit GRANT das Recht pg_read_all_stats hat."},
	InRecovery: {"The database that answers is a standby itself and does not tell which others there are.",
		"Die Datenbank, die antwortet, ist selbst ein Standby und sagt nicht, welche anderen es gibt."},

	CommitsWait: {"Commits wait for a standby ({seen}).", "Commits warten auf einen Standby ({seen})."},
	CommitsAlone: {"Commits wait for no standby, as declared.",
		"Commits warten auf keinen Standby, wie angegeben."},
	CommitsDoNot: {"Commits do not wait for a standby ({seen}), so a failover may lose mail that was acknowledged: set synchronous_commit=on and synchronous_standby_names, or declare durability: local.",
		"Commits warten auf keinen Standby ({seen}); beim Umschalten kann bestätigte Post verloren gehen: Setzen Sie synchronous_commit=on und synchronous_standby_names, oder geben Sie durability: local an."},
	WaitsForUnknown: {"Commits wait for standbys that are not declared ({seen}): correct synchronous_standby_names, or declare them.",
		"Commits warten auf Standbys, die nicht angegeben sind ({seen}): Berichtigen Sie synchronous_standby_names, oder geben Sie sie an."},

	NotArchived: {"The database does not archive its write-ahead log.", "Die Datenbank archiviert ihr Write-Ahead-Log nicht."},
	Archived: {"The database archives its write-ahead log; where to cannot be seen from here.",
		"Die Datenbank archiviert ihr Write-Ahead-Log; wohin, ist von hier nicht zu sehen."},

	NoReplication: {"No replication is declared and the bucket has no rule for one.",
		"Keine Replikation ist angegeben, und der Bucket hat keine Regel dafür."},
	ReplicationDeclared: {"The bucket is copied to {subject}, as declared.", "Der Bucket wird nach {subject} kopiert, wie angegeben."},
	ReplicationUndeclared: {"The bucket is copied to {subject}, which is not declared: remove the rule, or declare the copy.",
		"Der Bucket wird nach {subject} kopiert, was nicht angegeben ist: Entfernen Sie die Regel, oder geben Sie die Kopie an."},
	ReplicationAbsent: {"The declared copy of the bucket to {subject} has no rule: there is one copy less than declared; add the rule, or correct the declaration.",
		"Für die angegebene Kopie des Buckets nach {subject} gibt es keine Regel: Es gibt eine Kopie weniger als angegeben; ergänzen Sie die Regel, oder berichtigen Sie die Angabe."},

	VersionsKept: {"The bucket keeps old versions of objects ({seen}); erasing removes all of them.",
		"Der Bucket behält alte Versionen von Objekten ({seen}); das Löschen entfernt sie alle."},
	NoVersions: {"The bucket keeps no old versions of objects.", "Der Bucket behält keine alten Versionen von Objekten."},
}

var parts = map[Part]wording{
	Database: {"the database", "der Datenbank"},
	Objects:  {"the object store", "dem Objektspeicher"},
}

var possessive = map[Part]wording{
	Database: {"of the database", "der Datenbank"},
	Objects:  {"of the object store", "des Objektspeichers"},
}

// nominative is the German form at the beginning of a sentence.
var nominative = map[Part]wording{
	Database: {"The database", "Die Datenbank"},
	Objects:  {"The object store", "Der Objektspeicher"},
}

// subjects are those that are no names.
var subjects = map[string]wording{
	"connection in use": {"connection in use", "bestehende Verbindung"},
	"connection new":    {"new connection", "neue Verbindung"},
	"connection direct": {"direct connection", "direkte Verbindung"},
	reportedBy:          {"reported by the server", "vom Server selbst gemeldet"},
}

var things = map[Check]wording{
	Addresses:   {"The address", "Die Adresse"},
	Identity:    {"The server key", "Der Serverschlüssel"},
	System:      {"The system identifier", "Die Systemkennung"},
	Standbys:    {"The list of standbys", "Die Liste der Standbys"},
	Synchronous: {"The durability", "Die Dauerhaftigkeit"},
	Archive:     {"The archive", "Das Archiv"},
	Bucket:      {"The region", "Die Region"},
	Replication: {"The replication", "Die Replikation"},
	Versions:    {"The versioning", "Die Versionierung"},
	Storage:     {"The filesystem", "Das Dateisystem"},
}

func (w wording) in(language string) string {
	if language == "de" {
		return w.de
	}
	return w.en
}

// Sentence says in one plain sentence what was seen, what was declared and what
// to do. The language is "de", or else English.
func (o Observation) Sentence(language string) string {
	subject, about := o.Subject, ""
	if w, ok := subjects[subject]; ok {
		subject = w.in(language)
	}
	if subject != "" {
		about = " (" + subject + ")"
	}
	site := wording{"Site ", "Standort "}.in(language)
	said := site + o.Site + ": " + strings.NewReplacer(
		"{Thing}", things[o.Check].in(language),
		"{Part}", nominative[o.Part].in(language), "{part}", parts[o.Part].in(language), "{of}", possessive[o.Part].in(language),
		"{subject}", subject, "{about}", about, "{seen}", o.Seen, "{declared}", o.Declared,
	).Replace(sentences[o.Finding].in(language))
	if !o.Tried.IsZero() {
		said += wording{" It was last seen so at ", " Zuletzt so gesehen: "}.in(language) + when(o.At, language) +
			wording{"; since then it could not be looked at, and it stands until it is.", "; seither war es nicht zu beobachten und gilt weiter, bis es wieder zu sehen ist."}.in(language)
	}
	return said
}

// when writes a time for people.
func when(at time.Time, language string) string {
	return at.UTC().Format(wording{"2006-01-02 15:04 MST", "02.01.2006 15:04 MST"}.in(language))
}
