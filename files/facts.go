package files

import (
	"bytes"
	"errors"
	"fmt"
)

// FactsEncoder is the version of the form in which a file's digests are kept:
// for each an algorithm byte and the sum, whose length follows from it.
const FactsEncoder int16 = 1

// errFacts is not seen by clients: facts that cannot be read are as good as none.
var errFacts = errors.New("the file's facts cannot be read")

// EncodeFacts makes the facts of a file from its digests.
func EncodeFacts(digests []Digest) []byte {
	var b []byte
	for _, d := range digests {
		b = append(b, byte(d.Algorithm))
		b = append(b, d.Sum...)
	}
	return b
}

// DecodeFacts reads them; the sums are copies.
func DecodeFacts(encoder int16, facts []byte) ([]Digest, error) {
	if encoder != FactsEncoder {
		return nil, fmt.Errorf("%w: encoder %d", errFacts, encoder)
	}
	var out []Digest
	for len(facts) > 0 {
		a := Algorithm(facts[0])
		size := a.Size()
		if size == 0 || len(facts) < 1+size || len(out) == len(algorithms) {
			return nil, errFacts
		}
		out = append(out, Digest{a, bytes.Clone(facts[1 : 1+size])})
		facts = facts[1+size:]
	}
	return out, nil
}
