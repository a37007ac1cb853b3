package listen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// Errors of ReadHeader, by what the sender got wrong.
var (
	// ErrNoHeader says that the bytes are no header of version 2.
	ErrNoHeader = errors.New("no PROXY protocol header of version 2")
	// ErrAddress says that the header names no client that could have connected by TCP.
	ErrAddress = errors.New("the PROXY protocol header names no TCP client")
)

// signature begins every header of version 2, the only one that is read: version 1
// is text without a length, and older load balancers let clients write it.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// Sizes in bytes. What follows the addresses, type-length-value fields such as the
// TLS version that the load balancer saw, is skipped.
const (
	fixedSize = 16
	tcp4Size  = 12
	tcp6Size  = 36
	maxRest   = 4 << 10 // far above the addresses and the fields that senders add
)

// A Header is what a load balancer says about a connection (PROXY protocol,
// version 2: section 2.2 of HAProxy's specification).
type Header struct {
	// Local says that the load balancer itself connects, as health checks do: the
	// addresses are those of the connection.
	Local bool
	// Source is the client, Destination the address that it connected to.
	Source, Destination netip.AddrPort
}

// ReadHeader reads one header and not a byte more.
func ReadHeader(r io.Reader) (Header, error) {
	var fixed [fixedSize]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrNoHeader, err)
	}
	if string(fixed[:len(signature)]) != signature || fixed[12]>>4 != 2 {
		return Header{}, ErrNoHeader
	}
	command, family := fixed[12]&0x0f, fixed[13]
	length := int(binary.BigEndian.Uint16(fixed[14:]))
	if length > maxRest {
		return Header{}, fmt.Errorf("%w: it is %d bytes long", ErrNoHeader, length)
	}
	rest := make([]byte, length)
	if _, err := io.ReadFull(r, rest); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrNoHeader, err)
	}
	switch command {
	case 0: // LOCAL: whatever follows does not count
		return Header{Local: true}, nil
	case 1: // PROXY
		return addresses(family, rest)
	}
	return Header{}, fmt.Errorf("%w: command %d", ErrNoHeader, command)
}

// addresses reads those of TCP over IPv4 (0x11) and IPv6 (0x21). Other families,
// UNSPEC among them, name nobody whom throttles and logs could hold on to.
func addresses(family byte, b []byte) (Header, error) {
	var source, destination netip.Addr
	var ports []byte
	switch {
	case family == 0x11 && len(b) >= tcp4Size:
		source, destination = netip.AddrFrom4([4]byte(b[0:4])), netip.AddrFrom4([4]byte(b[4:8]))
		ports = b[8:12]
	case family == 0x21 && len(b) >= tcp6Size:
		source, destination = netip.AddrFrom16([16]byte(b[0:16])).Unmap(), netip.AddrFrom16([16]byte(b[16:32])).Unmap()
		ports = b[32:36]
	default:
		return Header{}, fmt.Errorf("%w: family %#02x with %d bytes", ErrAddress, family, len(b))
	}
	if source.IsUnspecified() || source.IsMulticast() {
		return Header{}, fmt.Errorf("%w: %s", ErrAddress, source)
	}
	return Header{
		Source:      netip.AddrPortFrom(source, binary.BigEndian.Uint16(ports)),
		Destination: netip.AddrPortFrom(destination, binary.BigEndian.Uint16(ports[2:])),
	}, nil
}
