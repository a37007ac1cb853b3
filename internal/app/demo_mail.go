package app

import (
	"context"
	"time"

	"fachwerk/mail"
)

// mailer is what the demo needs of the mail service.
type mailer = *mail.Service

// demoPeople are invented, as is all that they write.
var demoPeople = []struct{ local, name string }{
	{"anna.schmidt", "Anna Schmidt"},
	{"jan.petersen", "Jan Petersen"},
}

// letters delivers a few messages, so that a mail program has something to show.
func (f *demoFiller) letters(ctx context.Context) error {
	anna, jan := "anna.schmidt@"+demoDomain, "jan.petersen@"+demoDomain
	office := "buergeramt@" + demoDomain
	now := time.Now()
	for _, l := range []letter{
		{
			fromName: "Fachwerk", from: "noreply@" + demoDomain, to: anna, toName: "Anna Schmidt", subject: "Willkommen bei Fachwerk",
			text: welcome, date: now.Add(-3 * time.Hour),
		},
		{
			fromName: "Fachwerk", from: "noreply@" + demoDomain, to: jan, toName: "Jan Petersen", subject: "Willkommen bei Fachwerk",
			text: welcome, date: now.Add(-3 * time.Hour),
		},
		{
			fromName: "Jan Petersen", from: jan, to: anna, toName: "Anna Schmidt", subject: "Öffnungszeiten über die Feiertage",
			text: "Hallo Anna,\n\nkannst Du bitte die Öffnungszeiten für die Woche vor Weihnachten prüfen? Der Aushang\nmuss am Freitag fertig sein.\n\nViele Grüße\nJan\n",
			date: now.Add(-2 * time.Hour),
		},
		{
			fromName: "Anna Schmidt", from: anna, to: jan, toName: "Jan Petersen", subject: "Re: Öffnungszeiten über die Feiertage",
			text: "Hallo Jan,\n\nerledigt: Montag und Dienstag von 8 bis 12 Uhr, am Mittwoch geschlossen.\n\nGruß\nAnna\n",
			date: now.Add(-90 * time.Minute),
		},
		{
			fromName: "Grete Müller", from: "grete.mueller@beispiel.example", to: office, toName: "Bürgeramt", subject: "Neuer Personalausweis",
			text: "Guten Tag,\n\nmein Personalausweis läuft im Januar ab. Welche Unterlagen brauche ich, und gibt es noch\neinen Termin vor den Feiertagen?\n\nMit freundlichen Grüßen\nGrete Müller\n",
			date: now.Add(-time.Hour),
		},
		{
			fromName: "Bauhof Musterstadt", from: "bauhof@" + demoDomain, to: office, toName: "Bürgeramt", subject: "Sperrung Lange Straße ab Montag",
			text: "Liebe Kolleginnen und Kollegen,\n\ndie Lange Straße ist ab Montag wegen Kanalarbeiten gesperrt. Bitte weist Besucherinnen und\nBesucher auf den Zugang über den Marktplatz hin.\n\nEuer Bauhof\n",
			date: now.Add(-30 * time.Minute),
		},
	} {
		l.host = demoDomain
		if err := deliver(ctx, f.mail, l); err != nil {
			return err
		}
	}
	return nil
}

const welcome = `Guten Tag,

dies ist eine Demo-Installation von Fachwerk. Alles, was Sie hier sehen, liegt in
einem Ordner auf diesem Rechner.

- Im Portal richten Sie Geräte ein und sehen, wo Ihre Daten liegen.
- Unter "Other Users" finden Sie das Funktionspostfach buergeramt@musterstadt.example.
- Schreiben Sie sich gegenseitig: Was Sie senden, kommt sofort an.

Viel Freude beim Ausprobieren!
`
