package dir

import "testing"

func TestFacts(t *testing.T) {
	path := t.TempDir()
	s := open(t, path)
	if f := s.Facts(t.Context()); f.Path != path || f.Store != "directory" || len(f.Endpoints)+len(f.Rules) > 0 {
		t.Errorf("%+v", f)
	}
}
