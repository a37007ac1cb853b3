package dir

import (
	"context"
	"path/filepath"

	"fachwerk/internal/store/blob"
)

var _ blob.Witness = (*Store)(nil)

// Facts tells the folder; a directory has no copies that it knows of.
func (s *Store) Facts(context.Context) blob.Facts {
	path := s.root.Name()
	f := blob.Facts{Store: "directory", Path: path}
	whole, err := filepath.Abs(path)
	if err != nil {
		f.Questions = []blob.Question{{About: blob.AboutFolder, Asked: "absolute path of " + path, Failed: err.Error()}}
		return f
	}
	f.Path = whole
	return f
}
