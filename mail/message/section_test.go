package message

import "testing"

const numbered = `Subject: x

`

func TestCorpusStructure(t *testing.T) {
	for _, s := range samples(t) {
		m := Scan(s.data, Limits{})
		t.Run(s.name, func(t *testing.T) { checkMessage(t, m, s.data) })
	}
}
