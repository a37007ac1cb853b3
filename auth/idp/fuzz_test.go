package idp

import "testing"

// FuzzStored feeds what is read from rows and tokens: hashes within bounds,
// subjects that come back as they were.
func FuzzStored(f *testing.F) {
	f.Add(annaPHC())
	f.Add(nobody)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("1-2")
	f.Fuzz(func(t *testing.T, s string) {
		if p, salt, sum, err := parsePHC(s); err == nil {
			if p.memory > 256<<10 || p.time > 10 || p.threads > 16 || len(salt) > 64 || len(sum) > 64 || len(sum) < 16 {
				t.Errorf("%+v, %d, %d", p, len(salt), len(sum))
			}
		}
		if ref, ok := refOf(s); ok && Subject(ref) != s {
			t.Errorf("%q became %q", s, Subject(ref))
		}
		_ = formTarget(s)
		_ = checkURI(s, true)
	})
}
