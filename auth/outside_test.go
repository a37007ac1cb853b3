package auth

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestMayDial(t *testing.T) {
	allowed := []netip.Prefix{netip.MustParsePrefix("10.30.5.0/24"), netip.MustParsePrefix("fd00:30::/32")}
	for address, may := range map[string]bool{
		"93.184.215.14:443": true, "[2a01:4f8::1]:443": true, "[64:ff9b::5db8:d70e]:443": true, "[::ffff:93.184.215.14]:443": true,
		"10.30.5.7:443": true, "[::ffff:10.30.5.7]:443": true, "[fd00:30::1]:8443": true,
		"127.0.0.1:443": false, "127.8.9.1:80": false, "0.0.0.0:443": false, "[::]:443": false, "[::1]:443": false, "[::ffff:127.0.0.1]:443": false,
		"10.30.6.7:443": false, "172.16.0.1:443": false, "192.168.1.1:443": false, "100.64.0.1:443": false, "100.100.100.200:80": false,
		"169.254.169.254:80": false, "[fe80::1%eth0]:443": false, "[fd00:ec2::254]:80": false, "168.63.129.16:80": false, "192.0.0.192:80": false,
		"224.0.0.1:443": false, "255.255.255.255:443": false, "240.0.0.1:443": false, "[ff02::1]:443": false, "[fec0::1]:443": false,
		"[64:ff9b::a00:1]:443": false, "[64:ff9b::7f00:1]:443": false, "[64:ff9b:1::a00:1]:443": false, "[2002:a00:1::1]:443": false,
		"[2001::1]:443": false, "[::7f00:1]:443": false, "[::a00:1]:443": false, "198.18.0.1:443": false, "no address": false,
	} {
		if err := mayDial(address, allowed); (err == nil) != may {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// The address of the connection is judged, not the name.
func TestOutsideClient(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	for _, url := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		if res, err := OutsideClient(nil, nil).Get(url); err == nil {
			res.Body.Close()
			t.Errorf("%s was asked", url)
		} else if !strings.Contains(err.Error(), "oidc.internal_networks") {
			t.Errorf("%s: the error does not say what to do: %v", url, err)
		}
	}
	if asked != 0 {
		t.Fatalf("the server was asked %d times", asked)
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	res, err := OutsideClient(loopback, nil).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusFound || asked != 1 {
		t.Errorf("status %d after %d requests: a redirect was followed", res.StatusCode, asked)
	}
	// A proxy of the environment would connect in our place.
	t.Setenv("HTTP_PROXY", server.URL)
	if res, err := OutsideClient(loopback, nil).Get("http://192.168.7.7:1/"); err == nil {
		res.Body.Close()
		t.Error("asked through a proxy")
	}
}
