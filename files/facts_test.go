package files

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"fachwerk/internal/resource"
)

func digest(a Algorithm, content string) Digest {
	h := algorithms[a].make()
	h.Write([]byte(content))
	return Digest{a, h.Sum(nil)}
}

func TestFactsComeBack(t *testing.T) {
	var all []Digest
	for a := range algorithms {
		all = append(all, digest(a, "Bebauungsplan"))
	}
	got, err := DecodeFacts(FactsEncoder, EncodeFacts(all))
	if err != nil || len(got) != len(all) {
		t.Fatalf("%v, %v", got, err)
	}
	for i := range all {
		if !got[i].Equal(all[i]) {
			t.Errorf("%v came back as %v", all[i], got[i])
		}
	}
	if _, err := DecodeFacts(FactsEncoder+1, nil); err == nil {
		t.Error("facts of an encoder from the future were read")
	}
	if _, err := DecodeFacts(FactsEncoder, []byte{byte(SHA1), 1, 2}); err == nil {
		t.Error("cut facts were read")
	}
}

func TestExpectations(t *testing.T) {
	const content = "Haushaltsplan 2027"
	for a := range algorithms {
		for _, c := range []struct {
			sent string
			ok   bool
		}{{content, true}, {content + " ", false}} {
			e, err := expect([]Digest{digest(a, c.sent)})
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range e.hashes {
				h.Write([]byte(content))
			}
			kept, err := e.check(sha256.Sum256([]byte(content)))
			switch {
			case !c.ok && !errors.Is(err, resource.ErrDigest):
				t.Errorf("%v: a wrong digest gave %v", a, err)
			case c.ok && (err != nil || kept[0].Algorithm != SHA256 || a != SHA256 && (len(kept) != 2 || kept[1].Algorithm != a)):
				t.Errorf("%v: kept %v, %v", a, kept, err)
			}
		}
	}
	if _, err := expect([]Digest{{SHA1, []byte("short")}}); !errors.Is(err, resource.ErrDigest) {
		t.Errorf("a digest of five bytes gave %v", err)
	}
}

func TestAlgorithmNames(t *testing.T) {
	for name, want := range map[string]Algorithm{"SHA1": SHA1, "sha": SHA1, "sha-256": SHA256, "Sha256": SHA256,
		"md5": MD5, "sha-512": SHA512, "ADLER32": Adler32} {
		if got, ok := AlgorithmNamed(name); !ok || got != want {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	if a, ok := AlgorithmNamed("crc32c"); ok {
		t.Errorf("crc32c is %v", a)
	}
}

func FuzzFacts(f *testing.F) {
	f.Add(FactsEncoder, EncodeFacts([]Digest{digest(SHA1, "a"), digest(MD5, "a")}))
	f.Fuzz(func(t *testing.T, encoder int16, facts []byte) {
		list, err := DecodeFacts(encoder, facts)
		if err == nil && !bytes.Equal(EncodeFacts(list), facts) {
			t.Errorf("%x came back otherwise", facts)
		}
	})
}
