package webdav

import (
	"encoding/base64"
	"net/http"

	"fachwerk/dav"
	"fachwerk/files"
)

// Describe adds what sync clients want to know after a PUT and on a GET: the file's
// number, its ETag under their name, its digests, and that its time was taken.
func (d *drive) Describe(r *dav.Request, t *dav.Target, h http.Header) {
	if t.Level != dav.AtMember || t.Item.ID == 0 {
		return
	}
	h.Set("OC-FileId", fileID(t))
	h.Set("OC-ETag", `"`+t.Item.ETag+`"`)
	if r.Method == http.MethodPut {
		if r.Wrote() && r.Header.Get("X-OC-Mtime") != "" {
			h.Set("X-OC-Mtime", "accepted")
		}
		return
	}
	known, err := files.DecodeFacts(t.FactsEncoder, t.Facts)
	if err != nil {
		return
	}
	// One value; SHA1 is what Nextcloud's clients compare.
	var best files.Digest
	for _, d := range known {
		if d.Algorithm == files.SHA256 {
			// RFC 9530 section 3: of the whole file, also where a range is answered.
			h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(d.Sum)+":")
		}
		if best.Sum == nil || d.Algorithm == files.SHA1 {
			best = d
		}
	}
	if best.Sum != nil {
		h.Set("OC-Checksum", best.String())
	}
}
