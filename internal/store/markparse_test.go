package store

import (
	"encoding/json"
	"testing"
)

// FuzzMark: what lies in the blob store is judged, whoever wrote it.
func FuzzMark(f *testing.F) {
	f.Add([]byte(`{"installation":1,"generation":2,"accounts":[[1,2,3]]}`))
	f.Add([]byte(`{"installation":-1,"accounts":[[1,2,3,4]]}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseMark(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := parseMark(again); err != nil || n.Installation != m.Installation || len(n.Accounts) != len(m.Accounts) {
			t.Fatal(n, err)
		}
	})
}
