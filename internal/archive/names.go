package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// maxFileName is the longest name of a file, in bytes, that the file systems in use
// hold.
const maxFileName = 255

// reserved are characters that some file system or shell does not take in names.
const reserved = `\:*?"<>|`

// safeName is a name for a file that every file system holds: control and reserved
// characters, a leading dot, a trailing dot or space and the percent sign are written
// as %XX. Different names stay different.
func safeName(name string) string { return escapeName(name, reserved+"%", true) }

// escapeName writes control characters and those of set as %XX; with ends also a dot
// at the beginning and a dot or space at the end.
func escapeName(name, set string, ends bool) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		edge := ends && (i == 0 && c == '.' || i == len(name)-1 && (c == '.' || c == ' '))
		if c < ' ' || c == 0x7f || c == '/' || edge || strings.IndexByte(set, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// shorten cuts a name to at most limit bytes, its ending kept, with a digest of the
// whole name so that different names stay different.
func shorten(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	ending := path.Ext(name)
	if len(ending) > 16 || !utf8.ValidString(ending) {
		ending = ""
	}
	mark := "~" + hex.EncodeToString(sum[:6]) + ending
	stem := name[:max(limit-len(mark), 0)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return stem + mark
}

// taken keeps the names of one folder apart.
type taken struct {
	caseless bool
	names    map[string]bool
}

// free answers the name, or one like it that nothing else in the folder has.
func (t *taken) free(name string, limit int) string {
	if t.names == nil {
		t.names = map[string]bool{}
	}
	ending := path.Ext(name)
	for n, try := 2, name; ; n++ {
		key := try
		if t.caseless {
			key = strings.ToLower(key)
		}
		if !t.names[key] {
			t.names[key] = true
			return try
		}
		try = shorten(strings.TrimSuffix(name, ending)+fmt.Sprintf("~%d", n)+ending, limit)
	}
}

// abilities are what the target's file system does with names.
type abilities struct {
	caseless bool   // A and a are one
	refused  string // of the reserved characters
	ends     bool   // a dot or space at the end is lost
	longest  int    // bytes
}

// fileName is a drive's name on the target: as it is wherever that can be.
func (a abilities) fileName(name string) string {
	if a.refused == "" && !a.ends {
		return shorten(name, a.longest)
	}
	if strings.ContainsAny(name, a.refused) || a.ends && (strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ")) {
		name = escapeName(name, a.refused+"%", false)
		if a.ends && (strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ")) {
			name = name[:len(name)-1] + fmt.Sprintf("%%%02X", name[len(name)-1])
		}
	}
	return shorten(name, a.longest)
}
