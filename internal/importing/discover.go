package importing

import (
	"context"
	"errors"
	"net/url"
	"strings"
)

// Discovery are the steps from a server's address to its collections (RFC 6764
// section 6), as go-webdav's clients take them. Paths are not encoded.
type Discovery struct {
	Principal func(ctx context.Context) (path string, err error)
	Home      func(ctx context.Context, principal string) (path string, err error)
	Members   func(ctx context.Context, home string) (paths []string, err error)
}

// Find answers the hrefs of the collections. An address without a principal is taken
// for the home.
func (d Discovery) Find(ctx context.Context, address string) ([]string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	home := u.Path
	if principal, err := d.Principal(ctx); err == nil && principal != "" {
		if home, err = d.Home(ctx, principal); err != nil {
			return nil, SourceError(err)
		}
	} else if errors.Is(err, ErrSource) {
		return nil, err
	}
	if home == "" {
		return nil, nil
	}
	paths, err := d.Members(ctx, home)
	if err != nil {
		return nil, SourceError(err)
	}
	var hrefs []string
	for _, path := range paths {
		hrefs = append(hrefs, (&url.URL{Path: strings.TrimSuffix(path, "/") + "/"}).EscapedPath())
	}
	return hrefs, nil
}
