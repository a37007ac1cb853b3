package contacts

import (
	"strings"
	"testing"
)

// TestConvert says what becomes of the usual properties, both ways.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		name       string
		from, want string
		back       bool // the other way leads back
	}{
		{"names", vcard("3.0", "UID:1", "FN:Max Müller", "N:Müller;Max;;;", "ORG:Stadt\\, Amt;Bürgeramt"),
			vcard("4.0", "UID:1", "FN:Max Müller", "N:Müller;Max;;;", "ORG:Stadt\\, Amt;Bürgeramt"), true},
		{"preferred", vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "EMAIL;TYPE=work,pref:a@b"),
			vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "EMAIL;TYPE=work;PREF=1:a@b"), false},
		{"preferred, Apple", vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "item1.EMAIL;TYPE=INTERNET;TYPE=pref:a@b"),
			vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "item1.EMAIL;TYPE=INTERNET;PREF=1:a@b"), true},
		{"photo", vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "PHOTO;ENCODING=b;TYPE=JPEG:AAEC"),
			vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "PHOTO:data:image/jpeg;base64,AAEC"), true},
		{"photo elsewhere", vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "PHOTO;VALUE=uri:https://musterstadt.example/x.jpg"),
			vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "PHOTO;VALUE=uri:https://musterstadt.example/x.jpg"), true},
		{"Apple's group", vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "X-ADDRESSBOOKSERVER-KIND:group", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:2"),
			vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "KIND:group", "MEMBER:urn:uuid:2"), true},
		{"place", vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "GEO:52.5;13.4", "TZ:+01:00"),
			vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "GEO:geo:52.5,13.4", "TZ;VALUE=utc-offset:+0100"), false},
		{"days", vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "BDAY:1980-04-15", "REV:2001-02-03T04:05:06Z"),
			vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "BDAY:19800415", "REV:20010203T040506Z"), false},
		{"sorted", vcard("3.0", "UID:1", "FN:x", "SORT-STRING:Harten", "N:van der Harten;Rene;;;"),
			vcard("4.0", "UID:1", "FN:x", "N;SORT-AS=Harten:van der Harten;Rene;;;"), true},
		{"label", vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "LABEL;TYPE=home:Weg 1\\nMusterstadt", "ADR;TYPE=home:;;Weg 1;Musterstadt;;;"),
			vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "ADR;TYPE=home;LABEL=Weg 1^nMusterstadt:;;Weg 1;Musterstadt;;;"), true},
		{"own things", vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "X-ANY;X-P=1:a\\,b"), vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "X-ANY;X-P=1:a\\,b"), true},
		{"no FN", vcard("3.0", "UID:1", "N:Müller;Max;;Dr.;"), vcard("4.0", "UID:1", "N:Müller;Max;;Dr.;", "FN:Dr. Max Müller"), false},
		{"down: no N", vcard("4.0", "UID:1", "FN:Amt; Stelle"), vcard("3.0", "UID:1", "FN:Amt; Stelle", "N:Amt\\; Stelle;;;;"), false},
		{"down: translations", vcard("4.0", "UID:1", "FN;ALTID=1;LANGUAGE=de:Köln", "FN;ALTID=1;LANGUAGE=en:Cologne", "N:x;;;;"),
			vcard("3.0", "UID:1", "FN;LANGUAGE=de:Köln", "N:x;;;;"), false},
		{"down: telephone", vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "TEL;VALUE=uri;PREF=1;TYPE=voice:tel:+49-30-1;ext=5"),
			vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "TEL;TYPE=voice;TYPE=pref:+49-30-1 ext. 5"), false},
		{"down: map of sources", vcard("4.0", "UID:1", "FN:x", "N:x;;;;", "CLIENTPIDMAP:1;urn:uuid:3", "EMAIL;PID=1.1:a@b", "ANNIVERSARY:20000101"),
			vcard("3.0", "UID:1", "FN:x", "N:x;;;;", "EMAIL:a@b", "X-ANNIVERSARY:20000101"), false},
	} {
		from := parse(t, c.from)
		to := Version3 + Version4 - from.Version
		if got := string(from.Convert(to).Append(nil)); got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
		if !c.back {
			continue
		}
		if got := string(parse(t, c.want).Convert(from.Version).Append(nil)); got != c.from {
			t.Errorf("%s, back:\n%swant\n%s", c.name, got, c.from)
		}
	}
	card := parse(t, sample)
	if card.Convert(Version3) != card {
		t.Error("a card of the version asked for was made anew")
	}
}

// TestConvertCorpus converts real cards: what comes out is a card of the other version.
func TestConvertCorpus(t *testing.T) {
	for name, body := range corpus(t) {
		c, err := Parse(body)
		if err != nil {
			continue
		}
		to := Version3 + Version4 - c.Version
		again, err := Parse(c.Convert(to).Append(nil))
		if err != nil || again.Version != to || again.UID() != c.UID() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSelect(t *testing.T) {
	card := parse(t, sample)
	got := string(card.Select(Selection{Props: []SelectedProp{{Name: "fn"}, {Name: "item2.email"}, {Name: "NOTE", NoValue: true}}}).Append(nil))
	want := "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Jürgen Groß\r\nitem2.EMAIL;TYPE=HOME:j.gross@example.org\r\nNOTE:\r\nEND:VCARD\r\n"
	if got != want {
		t.Errorf("%s", got)
	}
	if got := string(card.Select(Selection{All: true, Props: []SelectedProp{{Name: "FN"}}}).Append(nil)); !strings.Contains(got, "TEL") {
		t.Errorf("allprop: %s", got)
	}
}
