package importer

import (
	"context"
	"fmt"

	"fachwerk/files"
	"fachwerk/internal/importing"
)

// Server is a folder of a WebDAV server with all below it.
type Server struct {
	Client *importing.Client
	User   string
}

// Bounds of a tree that is walked.
const (
	maxDepth   = files.MaxDepth
	maxEntries = 5_000_000
)

// Collections is the folder that the address names.
func (s *Server) Collections(ctx context.Context) ([]importing.Collection, error) {
	base := s.Client.Base
	own, err := s.Client.Propfind(ctx, base.String(), 0, importing.ResourceType, importing.DisplayName)
	if err != nil {
		return nil, err
	}
	if len(own) != 1 || !own[0].Collection() {
		return nil, fmt.Errorf("%w: there is no folder at %s", importing.ErrSource, base)
	}
	title := own[0].Text(importing.DisplayName)
	if title == "" {
		title = own[0].Base()
	}
	return []importing.Collection{{Source: own[0].Href, Title: title, Target: files.DriveName,
		ID: []string{base.Scheme, base.Host, s.User, own[0].Key()}}}, nil
}

// List asks folder by folder (Depth: infinity is refused by many servers).
func (s *Server) List(ctx context.Context, c *importing.Collection) (list []importing.Entry, failures []importing.Failure, err error) {
	type folder struct {
		href string
		path []string
	}
	todo := []folder{{href: c.Source}}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		members, err := s.Client.Members(ctx, at.href, importing.ETag, importing.Length, importing.LastModified)
		if err != nil {
			if len(at.path) == 0 || !importing.Final(err) {
				return nil, nil, err
			}
			failures = append(failures, importing.Failure{Collection: c.Source, Name: importing.Key(at.path), Code: importing.AtSource, Reason: err.Error()})
			continue
		}
		for i := range members {
			r := &members[i]
			path := append(append([]string{}, at.path...), r.Base())
			e := importing.Entry{Name: importing.Key(path), Path: path, Href: r.Href, Folder: r.Collection(), Size: r.Size(),
				Version: r.Version(), Modified: r.Modified()}
			if e.Folder {
				if len(path) >= maxDepth {
					failures = append(failures, importing.Failure{Collection: c.Source, Name: e.Name, Code: importing.Name, Reason: "the name lies too deep"})
					continue
				}
				todo = append(todo, folder{r.Href, path})
			}
			if list = append(list, e); len(list) > maxEntries {
				return nil, nil, fmt.Errorf("%s holds more than %d files and folders; import parts of it", c.Source, maxEntries)
			}
		}
	}
	return list, failures, nil
}

// Open begins to read a file.
func (s *Server) Open(ctx context.Context, _ *importing.Collection, e *importing.Entry) (*importing.Content, error) {
	return s.Client.Open(ctx, e)
}
