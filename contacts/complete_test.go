package contacts

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestSplit(t *testing.T) {
	one, two := vcard("3.0", "UID:1", "FN:a"), "BEGIN:VCARD\nVERSION:3.0\nUID:2\nFN:b\nEND:VCARD\n"
	agent := "BEGIN:VCARD\r\nVERSION:2.1\r\nAGENT:\r\nBEGIN:VCARD\r\nN:x\r\nEND:VCARD\r\nN:y\r\nEND:VCARD\r\n"
	huge := "BEGIN:VCARD\r\nNOTE:" + strings.Repeat("x", MaxSize) + "\r\nEND:VCARD\r\n"
	lost := "BEGIN:VCARD\r\nN:a\r\n"
	for name, c := range map[string]struct {
		text string
		want []string // "" for one that is refused
	}{
		"nothing":          {"", nil},
		"one":              {one, []string{one}},
		"two":              {"\xef\xbb\xbf" + one + "\r\n\r\n" + two, []string{one, two}},
		"no last line end": {one + strings.TrimSuffix(two, "\n"), []string{one, strings.TrimSuffix(two, "\n")}},
		"one inside":       {agent + one, []string{agent, one}},
		"one too large":    {one + huge + two, []string{one, "", two}},
		"cut off":          {one + lost, []string{one, ""}},
		"other things":     {"hello\r\n" + one + "world", []string{one}},
	} {
		var got []string
		for card, err := range Split(strings.NewReader(c.text)) {
			var bad *InvalidError
			if err != nil && !errors.As(err, &bad) {
				t.Errorf("%s: %v", name, err)
			}
			got = append(got, string(card))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %.300q", name, got)
		}
	}
	failed := errors.New("gone")
	n := 0
	for _, err := range Split(iotest.ErrReader(failed)) {
		if n++; !errors.Is(err, failed) || n > 1 {
			t.Error(n, err)
		}
	}
}

func TestComplete(t *testing.T) {
	good := vcard("3.0", "UID:1", "FN:a")
	if got, err := Complete([]byte(good)); err != nil || string(got) != good {
		t.Errorf("a good card: %s, %v", got, err)
	}
	without := vcard("4.0", "FN:a", "NOTE:fold\r\n ed")
	got, err := Complete([]byte(without))
	again, _ := Complete([]byte(without))
	if err != nil || !bytes.Equal(got, again) || strings.Replace(string(got), "UID:"+parse(t, string(got)).UID()+"\r\n", "", 1) != without {
		t.Errorf("without UID: %s, %v", got, err)
	}
	bare := "BEGIN:VCARD\nUID:x\nFN:a\\, b\nEND:VCARD"
	if got, err := Complete([]byte(bare)); err != nil || string(got) != strings.Replace(bare, "UID", "VERSION:3.0\r\nUID", 1) {
		t.Errorf("without VERSION: %q, %v", got, err)
	}
	old := "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg\\; der, =\r\nGro=DFe\r\n" +
		"TEL;WORK;VOICE:+49 30 1\r\nPHOTO;JPEG;BASE64:\r\n QUJD\r\n\r\nNOTE;QUOTED-PRINTABLE:a=0D=0Ab, c\r\nURL:http://musterstadt.example/a,b\r\nEND:VCARD\r\n"
	got, err = Complete([]byte(old))
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, string(got))
	for name, want := range map[string]string{"N": `Müller;Jörg\; der\, Große`, "TEL": "+49 30 1", "PHOTO": "QUJD", "NOTE": `a\nb\, c`,
		"URL": "http://musterstadt.example/a,b", "FN": `Jörg\; der\, Große Müller`} {
		if p := c.First(name); p == nil || p.Value != want {
			t.Errorf("%s: %+v, want %s", name, p, want)
		}
	}
	if tel := c.First("TEL"); !tel.Has("TYPE", "work") || !tel.Has("TYPE", "voice") || c.First("PHOTO").Param("ENCODING") != "b" {
		t.Errorf("%s", got)
	}
	for _, bad := range []string{"", "hello", "BEGIN:VCARD\r\nVERSION:9\r\nFN:x\r\nEND:VCARD\r\n", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\x01\r\nEND:VCARD\r\n"} {
		var e *InvalidError
		if got, err := Complete([]byte(bad)); !errors.As(err, &e) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

// TestCompleteCorpus brings in every file of the corpus: what is not refused can be
// stored, and most is not refused.
func TestCompleteCorpus(t *testing.T) {
	files, cards := 0, 0
	var refused []string
	for name, body := range corpus(t) {
		files++
		for card, err := range Split(bytes.NewReader(body)) {
			if err == nil {
				card, err = Complete(card)
			}
			if err == nil {
				_, err = Parse(card)
				if err != nil {
					t.Errorf("%s: completed, yet %v", name, err)
				}
				cards++
				continue
			}
			refused = append(refused, name+": "+err.Error())
		}
	}
	slices.Sort(refused)
	t.Logf("%d cards of %d files, %d refused:\n%s", cards, files, len(refused), strings.Join(refused, "\n"))
	if len(refused)*5 > cards {
		t.Errorf("%d cards are refused of %d", len(refused), cards+len(refused))
	}
}

func FuzzComplete(f *testing.F) {
	for _, body := range corpus(f) {
		if len(body) < 4096 {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for card, err := range Split(bytes.NewReader(text)) {
			if err != nil {
				continue
			}
			if done, err := Complete(card); err == nil {
				if _, err := Parse(done); err != nil {
					t.Fatalf("completed, yet %v", err)
				}
			}
		}
	})
}
