package location_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Clocks that are ten minutes apart: a database's and an object store's. Nothing is
// lost or refused, and it is told with what to do, until they agree.
func TestClocksApart(t *testing.T) {
	for _, ahead := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		t.Run(ahead.String(), func(t *testing.T) {
			h := newTowns(t)
			h.sites["sued"].bucket = before(t, h.sites["sued"].bucket, func(*http.Request) int { return 0 }, func(r *http.Response) {
				r.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			})
			u, err := url.Parse(h.sites["nord"].dsn)
			must(t, err)
			skew(t, h.sites["nord"].dsn, strings.Trim(u.Path, "/"), ahead)
			h.serve(t)
			for _, who := range []string{nina, sven} {
				for _, size := range []int{1000, 300_000} {
					if got := h.deliver(t, who, "pünktlich", size); !strings.HasPrefix(got, "250") {
						t.Errorf("mail: %s", got)
					}
				}
				if err := h.append(t, who); err != nil {
					t.Error(err)
				}
			}
			h.signedIn(t, nina)
			_, ready := h.ops("/ready")
			for _, clock := range []string{"database of nord", "object store of sued"} {
				// HTTP tells whole seconds, so one may be missing.
				if !regexp.MustCompile("the clock of the "+clock+" is ahead of this machine's by "+strings.TrimSuffix(sign(ahead), "10m")+"(10m0|9m5[5-9]s|10m[0-5]s)").MatchString(ready) || !strings.Contains(ready, "NTP") {
					t.Errorf("readiness does not name the %s:\n%s", clock, ready)
				}
				if value := h.metric(`fachwerk_clock_ahead_seconds{against="` + clock + `"}`); !strings.HasPrefix(value, strings.TrimSuffix(sign(ahead), "10m")+"6") && !strings.HasPrefix(value, strings.TrimSuffix(sign(ahead), "10m")+"59") {
					t.Errorf("the metric of the %s says %q", clock, value)
				}
				if !strings.Contains(h.said.String(), "set the clock by NTP") {
					t.Error("the log does not say what to do")
				}
			}
			if strings.Contains(ready, "database of sued") {
				t.Errorf("a clock that is right: %s", ready)
			}
			if found := h.subjects(t, nina); found["pünktlich"] != 2 || found["angehaengt"] != 1 {
				t.Errorf("nina has %v", found)
			}
			h.command(t, "check")
			h.stop(t)
		})
	}
}

func sign(d time.Duration) string {
	if d < 0 {
		return "-10m"
	}
	return "10m"
}

// skew gives a database another time: its own function is found before PostgreSQL's.
func skew(t *testing.T, dsn, name string, ahead time.Duration) {
	t.Helper()
	execute(t, dsn, "CREATE SCHEMA skewed")
	execute(t, dsn, fmt.Sprintf(`CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
		AS 'SELECT pg_catalog.clock_timestamp() + interval ''%d seconds'''`, int(ahead.Seconds())))
	execute(t, dsn, `ALTER DATABASE "`+name+`" SET search_path = public, skewed, pg_catalog`)
}
