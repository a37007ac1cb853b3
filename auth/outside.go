package auth

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// internal are networks that a name on the Internet has no business to lead to, beside
// those that netip knows by a method: by RFC 6890 and its registries for special
// purposes. 168.63.129.16 is a cloud's own service on an address that looks public.
var internal = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

var (
	globalIPv6 = netip.MustParsePrefix("2000::/3")     // all that is handed out of (RFC 4291 2.4)
	nat64      = netip.MustParsePrefix("64:ff9b::/96") // an IPv4 address in its last bytes (RFC 6052 2.1)
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// OutsideClient asks providers that tenants have for their own. What such a provider
// names as its endpoints is its word alone, and may lead anywhere: so no connection is
// made to this machine, to private and link-local networks (where clouds tell a machine
// its secrets) or to others that are not the Internet, unless they are among those
// allowed. That is judged by the address of each connection, after the name was
// resolved: a name that resolves otherwise the second time gains nothing. Proxies of the
// environment are not used, for they would resolve the name themselves. A request takes
// ten seconds at most. tls may be nil.
func OutsideClient(allowed []netip.Prefix, tls *tls.Config) *http.Client {
	dialer := &net.Dialer{Timeout: fetchTimeout, KeepAlive: 30 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return mayDial(address, allowed)
	}}
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: tls, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: fetchTimeout, ResponseHeaderTimeout: fetchTimeout, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns: 100, MaxIdleConnsPerHost: 2, MaxConnsPerHost: 16, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// mayDial judges the address that a connection is about to be made to.
func mayDial(address string, allowed []netip.Prefix) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().WithZone("").Unmap()
	for _, p := range allowed {
		if p.Contains(ip) {
			return nil
		}
	}
	if nat64.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	if ip.Is6() && !globalIPv6.Contains(ip) || !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return refused(ip)
	}
	for _, p := range internal {
		if p.Contains(ip) {
			return refused(ip)
		}
	}
	return nil
}

func refused(ip netip.Addr) error {
	return fmt.Errorf("a tenant's provider leads to %s, which is in none of oidc.internal_networks and not on the Internet", ip)
}
