package system

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"fachwerk/test/system/harness"
)

// Of sixteen writers with one ETag exactly one wins, every time, and what is read
// after is what the winner wrote. The same for sixteen who make a file that is not
// to be there, and for COPY with Overwrite: F.
func TestWebDAVOneWinnerOfSixteen(t *testing.T) {
	const writers = 16
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		rounds := 30
		if e == harness.Remote {
			rounds = 10
		}
		d := harness.Start(t, harness.Options{Engines: e})
		s := shareOf(t, d, d.Anna())
		res, _ := s.want(http.StatusCreated, http.MethodPut, "protokoll.txt", "Anfang")
		etag := res.Header.Get("ETag")
		s.want(http.StatusCreated, http.MethodPut, "vorlage.txt", "Vorlage")
		for round := range rounds {
			for _, c := range []struct {
				what, method, path string
				fields             []string
			}{
				{"If-Match", http.MethodPut, "protokoll.txt", []string{"If-Match", etag}},
				{"If-None-Match", http.MethodPut, fmt.Sprintf("neu-%d.txt", round), []string{"If-None-Match", "*"}},
				{"Overwrite", "COPY", "vorlage.txt", []string{"Overwrite", "F", "Destination", s.url.String() + fmt.Sprintf("kopie-%d.txt", round)}},
			} {
				winner, tags := oneWinner(t, s, round, writers, c.method, c.path, c.fields)
				if winner < 0 {
					t.Fatalf("round %d: not exactly one of %d writers with %s won", round, writers, c.what)
				}
				if c.method != http.MethodPut {
					continue
				}
				res, got := s.want(http.StatusOK, http.MethodGet, c.path, "")
				if want := content(round, winner); got != want || res.Header.Get("ETag") != tags {
					t.Fatalf("round %d: %q with %s is there, the winner wrote %q with %s", round, got, res.Header.Get("ETag"), want, tags)
				}
				if c.what == "If-Match" {
					etag = tags
				}
			}
		}
		d.Check(t)
	})
}

func content(round, writer int) string { return fmt.Sprintf("Runde %d, Schreiber %d", round, writer) }

// oneWinner answers who won and the ETag that it was told; -1 for none or several.
func oneWinner(t *testing.T, s *webdavShare, round, writers int, method, path string, fields []string) (winner int, etag string) {
	t.Helper()
	statuses := make([]int, writers)
	tags := make([]string, writers)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			<-start
			body := ""
			if method == http.MethodPut {
				body = content(round, i)
			}
			res, _, err := s.try(method, path, body, fields...)
			if err != nil {
				t.Error(err)
				return
			}
			statuses[i], tags[i] = res.StatusCode, res.Header.Get("ETag")
		})
	}
	close(start)
	all.Wait()
	winner = -1
	won := 0
	for i, status := range statuses {
		switch status {
		case http.StatusCreated, http.StatusNoContent:
			won++
			winner = i
		case http.StatusPreconditionFailed:
		default:
			t.Errorf("writer %d: %d", i, status)
		}
	}
	if won != 1 {
		t.Errorf("statuses: %v", statuses)
		return -1, ""
	}
	return winner, tags[winner]
}
