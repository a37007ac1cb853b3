package files

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"fachwerk/internal/resource"
)

// Bounds of names and paths, in bytes of UTF-8. 255 is what file systems of
// clients hold; a path of 4,096 is what their programs can open.
const (
	MaxName  = 255
	MaxPath  = 4096
	MaxDepth = 128 // names in a path
)

// NameError says why a name cannot be used. It wraps resource.ErrName and does not
// contain the name, so that it may be logged.
type NameError struct{ Reason string }

func (e *NameError) Error() string { return "the name " + e.Reason }

// Unwrap makes it resource.ErrName.
func (e *NameError) Unwrap() error { return resource.ErrName }

// Name answers the form in which a name is kept and looked up: NFC. Refused, with a
// *NameError, are the empty name, "." and "..", what is not UTF-8, a slash, control
// characters (C0, DEL and C1), and more than MaxName bytes.
func Name(sent string) (string, error) {
	// Composing may lengthen a text three times at most; nothing longer is worth it.
	if len(sent) > 3*MaxName {
		return "", &NameError{"is longer than 255 bytes"}
	}
	if !utf8.ValidString(sent) {
		return "", &NameError{"is not UTF-8"}
	}
	name := norm.NFC.String(sent)
	switch {
	case name == "":
		return "", &NameError{"is empty"}
	case name == "." || name == "..":
		return "", &NameError{"means a folder's own place"}
	case len(name) > MaxName:
		return "", &NameError{"is longer than 255 bytes"}
	case strings.Contains(name, "/"):
		return "", &NameError{"has a slash"}
	case strings.IndexFunc(name, control) >= 0:
		return "", &NameError{"has a control character"}
	}
	return name, nil
}

func control(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }

// Path is Name for every name of a path from a drive's root down, and refuses paths
// of more than MaxPath bytes or MaxDepth names.
func Path(sent []string) ([]string, error) {
	if len(sent) > MaxDepth {
		return nil, &NameError{"lies too deep"}
	}
	total := 0
	names := make([]string, len(sent))
	for i, s := range sent {
		name, err := Name(s)
		if err != nil {
			return nil, err
		}
		names[i] = name
		total += len(name) + 1
	}
	if total > MaxPath {
		return nil, &NameError{"has a path longer than 4096 bytes"}
	}
	return names, nil
}

// Fleeting reports whether a file of this name is a by-product of a program: a Mac's
// "._" companions and .DS_Store, lock files and unfinished saves of LibreOffice and
// Microsoft Office, Windows' desktop.ini and Thumbs.db. Nobody looks for these in the
// trash, so they are removed for good.
func Fleeting(name string) bool {
	lower := strings.ToLower(name)
	switch lower {
	case ".ds_store", "desktop.ini", "thumbs.db":
		return true
	}
	return strings.HasPrefix(name, "._") ||
		strings.HasPrefix(name, "~$") ||
		strings.HasPrefix(name, ".~lock.") ||
		strings.HasPrefix(lower, "~wr") && strings.HasSuffix(lower, ".tmp")
}
