package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed static/portal.css static/logo.svg
var staticFiles embed.FS

// staticPath is a file's address. It changes with the file, so that browsers may
// keep it and never show a new page in an old dress.
func staticPath(name string) (string, error) {
	b, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return "/static/" + name + "?" + hex.EncodeToString(sum[:6]), nil
}

// static serves the style sheet and the logo.
func (p *Portal) static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	b, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		p.unknown(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=604800")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}
