package control

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"fachwerk/internal/testenv/need"
)

// Of many who send the same ETag to two servers of one installation at the same time,
// one changes it, and the others are told.
func TestTwoServersLetOneChangeIt(t *testing.T) {
	text := configuration + "replicas: 2\n"
	for _, site := range []string{"nord", "sued"} {
		text = strings.Replace(text, "sqlite:"+site+".db", need.Postgres(t), 1)
		text = strings.Replace(text, "dir:"+site, need.S3(t), 1)
	}
	h := startOn(t, text)
	servers := []*house{h, h.second(t)}
	by := &api{h: h, ids: map[string]string{}}
	for town, site := range map[string]string{"Nordstadt": "nord", "Suedstadt": "sued"} {
		domain := strings.ToLower(town) + ".example"
		by.town(t, town, site, domain)
		by.shared(t, "amt@"+domain)
		for _, path := range []string{by.ids[town], by.ids["amt@"+domain]} {
			for round := range 3 {
				tag := tagOf(t, h, path)
				statuses := make([]int, 8)
				var all sync.WaitGroup
				begin := make(chan struct{})
				for n := range statuses {
					body := fmt.Sprintf(`{"name": "%s %d.%d"}`, town, round, n)
					req, err := http.NewRequestWithContext(t.Context(), "PATCH", "http://"+servers[n%2].admin+path, strings.NewReader(body))
					must(t, err)
					req.Header = http.Header{
						"Authorization": {"Bearer " + h.operatorToken(t)}, "Content-Type": {"application/json"}, "If-Match": {tag},
					}
					all.Go(func() {
						<-begin
						resp, err := http.DefaultClient.Do(req)
						if err != nil {
							t.Error(err)
							return
						}
						resp.Body.Close()
						statuses[n] = resp.StatusCode
					})
				}
				close(begin)
				all.Wait()
				count := map[int]int{}
				for _, status := range statuses {
					count[status]++
				}
				if count[http.StatusOK] != 1 || count[http.StatusPreconditionFailed] != 7 {
					t.Errorf("%s %s: answered %v", town, path, statuses)
				}
				if a, b := tagOf(t, servers[0], path), tagOf(t, servers[1], path); a != b || a == tag {
					t.Errorf("%s %s: ETag %s was, now %s and %s", town, path, tag, a, b)
				}
			}
		}
	}
}

func tagOf(t *testing.T, h *house, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+h.admin+path, nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+h.operatorToken(t))
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d", path, resp.StatusCode)
	}
	return resp.Header.Get("ETag")
}
