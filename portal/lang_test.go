package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestLanguage(t *testing.T) {
	for header, want := range map[string]lang{
		"": german, "de": german, "de-AT,de;q=0.9,en;q=0.5": german, "en": english, "en-GB,en;q=0.9": english,
		"fr": german, "fr,en;q=0.8": english, "tr, en": english, "en;q=0.1, de;q=0.9": german, "de;q=0.1, en;q=0.9": english,
		"*": german, "x;;;": german, "\x00": german, strings.Repeat("en-", 5000): german,
	} {
		r := &http.Request{Header: http.Header{"Accept-Language": {header}}}
		if got := (&Portal{}).language(r, ""); got != want {
			t.Errorf("%.40q: %s, want %s", header, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64][2]string{
		0: {"0 B", "0 B"}, 999: {"999 B", "999 B"}, 1000: {"1,0 kB", "1.0 kB"}, 1234567: {"1,2 MB", "1.2 MB"},
		999949: {"1,0 MB", "1.0 MB"}, 5e9: {"5,0 GB", "5.0 GB"}, 7e12: {"7,0 TB", "7.0 TB"}, 7e15: {"7000,0 TB", "7000.0 TB"},
	} {
		for i, l := range []lang{german, english} {
			if got := strings.ReplaceAll(l.bytes(n), "\u00a0", " "); got != want[i] {
				t.Errorf("%s, %d bytes: %q, want %q", l, n, got, want[i])
			}
		}
	}
}

func TestGigabytes(t *testing.T) {
	for n, want := range map[int64][2]string{0: {"", ""}, 5e9: {"5", "5"}, 2.5e9: {"2,5", "2.5"}, 5 << 30: {"5,37", "5.37"}, 1e12: {"1000", "1000"}} {
		for i, l := range []lang{german, english} {
			if got := l.gigabytes(n); got != want[i] {
				t.Errorf("%s, %d: %q, want %q", l, n, got, want[i])
			}
		}
	}
	for s, want := range map[string]int64{"": 0, " ": 0, "5": 5e9, "2,5": 2.5e9, "2.5 ": 2.5e9, "0,001": 1e6} {
		if got, ok := parseGigabytes(s); !ok || got != want {
			t.Errorf("%q: %d, %t", s, got, ok)
		}
	}
	for _, s := range []string{"0", "0,0", "-1", "1e3", "1.000,5", "NaN", "Inf", "viel", "1000001", ",", "5 GB"} {
		if got, ok := parseGigabytes(s); ok {
			t.Errorf("%q: %d", s, got)
		}
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int64][2]string{
		0: {"0", "0"}, 12: {"12", "12"}, 999: {"999", "999"}, 1000: {"1.000", "1,000"}, 1234567: {"1.234.567", "1,234,567"}, -123: {"-123", "-123"}, -1234: {"-1.234", "-1,234"},
	} {
		for i, l := range []lang{german, english} {
			if got := l.number(n); got != want[i] {
				t.Errorf("%s, %d: %q, want %q", l, n, got, want[i])
			}
		}
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 5, 0, 0, time.FixedZone("CET", 3600))
	for _, c := range []struct {
		at     time.Time
		de, en string
	}{
		{time.Time{}, "nie", "never"},
		{now, "22.11., 09:05 Uhr", "22 Nov, 09:05"},
		{now.AddDate(-1, -10, -20), "2.1.2025, 09:05 Uhr", "2 Jan 2025, 09:05"},
		{now.AddDate(1, 0, 0), "22.11.2027, 09:05 Uhr", "22 Nov 2027, 09:05"},
		{now.UTC(), "22.11., 08:05 Uhr (UTC)", "22 Nov, 08:05 (UTC)"}, // nobody takes it for their own
	} {
		if de, en := german.when(c.at, now), english.when(c.at, now); de != c.de || en != c.en {
			t.Errorf("%v: %q and %q, want %q and %q", c.at, de, en, c.de, c.en)
		}
	}
}

func TestCountry(t *testing.T) {
	for code, want := range map[string][2]string{"DE": {"Deutschland", "Germany"}, "AT": {"Österreich", "Austria"}, "": {"", ""}, "Nirgendwo": {"Nirgendwo", "Nirgendwo"}} {
		if de, en := german.country(code), english.country(code); de != want[0] || en != want[1] {
			t.Errorf("%q: %q and %q", code, de, en)
		}
	}
}

func TestBrowser(t *testing.T) {
	for agent, want := range map[string]string{
		"": "", "curl/8": "",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                                  "Firefox, Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":                           "Edge, Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1":                 "Safari, iPhone",
		"Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                                   "Chrome, Android",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":                                   "Safari, macOS",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 OPR/122.0.0.0 <script>alert(1)</script>": "Opera, Windows",
	} {
		if got := browser(agent); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}
