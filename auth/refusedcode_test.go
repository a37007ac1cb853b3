package auth_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"fachwerk/auth"
)

// overridden answers the token endpoint in the provider's place.
type overridden struct {
	status int
	body   string
}

func (o overridden) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		return http.DefaultTransport.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: o.status, Status: fmt.Sprint(o.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(o.body)),
	}, nil
}

// A provider that refuses the client, as after its secret was changed there alone, is
// the installation's fault, which the log can name; one that refuses the code is not.
func TestWhoseFaultARefusedCodeIs(t *testing.T) {
	for _, one := range []struct {
		status int
		body   string
		want   error
		says   string
	}{
		{401, `{"error":"invalid_client"}`, auth.ErrUnavailable, "oidc.client_secret_file"},
		{400, `{"error":"invalid_client"}`, auth.ErrUnavailable, "oidc.client_secret_file"},
		{401, `{}`, auth.ErrUnavailable, "oidc.client_secret_file"},
		{400, `{"error":"unauthorized_client"}`, auth.ErrUnavailable, "oidc.client_secret_file"},
		{400, `{"error":"invalid_grant"}`, auth.ErrDenied, "refuses the code"},
		{503, `{}`, auth.ErrUnavailable, "token endpoint"},
	} {
		s := newSigner(t)
		var err error
		s.rp, err = auth.NewRelyingParty(auth.RPConfig{
			Issuer: s.URL, ClientID: "portal", ClientSecret: "das von gestern", RedirectURI: "https://portal.musterstadt.example/callback",
			People: s.Memory, Sessions: s.Memory, Tickets: s.Memory, HTTP: &http.Client{Transport: overridden{one.status, one.body}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.login(t, auth.StartOptions{}, nil)
		if !errors.Is(err, one.want) || !strings.Contains(err.Error(), one.says) || strings.Contains(err.Error(), "gestern") {
			t.Errorf("%d %s: %v, want %v", one.status, one.body, err, one.want)
		}
		if one.status < 500 && !strings.Contains(err.Error(), s.URL) {
			t.Errorf("%d %s: the issuer is not named: %v", one.status, one.body, err)
		}
	}
}

// Who is known to nobody here is named, so that an operator can bind them.
func TestAnUnknownSubjectIsNamed(t *testing.T) {
	s := newSigner(t)
	_, _, err := s.login(t, auth.StartOptions{}, s.with("JWT", map[string]any{"sub": "sub-2"}))
	if !errors.Is(err, auth.ErrUnknownSubject) || !strings.Contains(err.Error(), `"sub-2" of `+s.URL) {
		t.Error(err)
	}
}
