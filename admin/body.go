package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// Limits of requests, bytes.
const (
	maxBody = 128 << 10
	// MaxLogo is the greatest logo of a tenant.
	MaxLogo = 64 << 10
)

// read reads a body of at most so many bytes.
func read(r *http.Request, most int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	switch {
	case err != nil:
		return nil, &Error{Kind: Malformed, Sentence: "The body did not arrive whole.", Err: err}
	case len(body) > most:
		return nil, refusal(TooLarge, "The body is larger than this address takes: a logo has at most 64 KiB, anything else 128 KiB.")
	}
	return body, nil
}

// decode reads a body as JSON into v. Members that the API does not know are refused:
// what was misspelt would otherwise silently not be done.
func decode(r *http.Request, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refusal(MediaType, "Send the body as JSON, with the header Content-Type: application/json.")
	}
	body, err := read(r, maxBody)
	if err != nil {
		return err
	}
	return parse(body, v)
}

func parse(body []byte, v any) error {
	if first := bytes.TrimLeft(body, " \t\r\n"); len(first) == 0 || first[0] != '{' {
		return refusal(Malformed, "The body has to be one JSON object.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		sentence := "The body cannot be read: " + strings.TrimPrefix(err.Error(), "json: ") + "."
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			sentence = "The member " + wrong.Field + " has the wrong type; /v1/openapi.yaml says which it has."
		}
		return &Error{Kind: Malformed, Sentence: sentence, Err: err}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refusal(Malformed, "The body has to be one JSON object and nothing else.")
	}
	return nil
}

// image reads a logo.
func image(r *http.Request) (mediaType string, body []byte, err error) {
	mediaType, _, err = mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "image/png" && mediaType != "image/jpeg" && mediaType != "image/webp" {
		return "", nil, refusal(MediaType, "A logo is a PNG, JPEG or WebP image, with the header Content-Type: image/png, image/jpeg or image/webp.")
	}
	if body, err = read(r, MaxLogo); err == nil && len(body) == 0 {
		err = refusal(Malformed, "The image is empty; DELETE takes a logo away.")
	}
	return mediaType, body, err
}
