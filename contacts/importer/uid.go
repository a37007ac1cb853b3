package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"regexp"

	"fachwerk/internal/contentline"
)

// made is a UID made of a card's content: a UUID of version 8 (RFC 9562 section 5.8).
func made(data []byte) string {
	sum := sha256.Sum256(data)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	s := hex.EncodeToString(sum[:16])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// withUID answers the card with a UID before its END, where it has none. A text that is
// no card stays as it is, for others to say what is wrong with it.
func withUID(data []byte) []byte {
	lines := contentline.NewBytes(data, contentline.Limits{Lines: 100_000})
	for {
		l, err := lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var syntax *contentline.SyntaxError
		if err != nil && (!errors.As(err, &syntax) || errors.Is(err, contentline.ErrTooLarge)) || l.Name == "UID" {
			return data
		}
	}
	ends := ending.FindAllIndex(data, -1)
	if len(ends) == 0 {
		return data
	}
	at := ends[len(ends)-1][0]
	end := "\r\n"
	if !bytes.Contains(data[:at], []byte("\r\n")) {
		end = "\n"
	}
	out := append(bytes.Clone(data[:at]), "UID:"+made(data)+end...)
	return append(out, data[at:]...)
}

var ending = regexp.MustCompile(`(?im)^END:VCARD`)
