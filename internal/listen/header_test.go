package listen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
)

// header writes one as a load balancer does; extra goes behind the addresses.
func header(command byte, source, destination string, extra string) []byte {
	b := append([]byte(signature), 0x20|command)
	if source == "" {
		b = append(b, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(len(extra)))
		return append(b, extra...)
	}
	from, to := netip.MustParseAddrPort(source), netip.MustParseAddrPort(destination)
	family := byte(0x11)
	if from.Addr().Is6() {
		family = 0x21
	}
	rest := append(from.Addr().AsSlice(), to.Addr().AsSlice()...)
	rest = binary.BigEndian.AppendUint16(rest, from.Port())
	rest = binary.BigEndian.AppendUint16(rest, to.Port())
	rest = append(rest, extra...)
	b = append(b, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(rest)))
	return append(b, rest...)
}

func TestReadHeader(t *testing.T) {
	tlv := "\x04\x00\x02ab" // PP2_TYPE_NOOP
	for _, test := range []struct {
		name, source string
		local        bool
		bytes        []byte
	}{
		{"IPv4", "192.0.2.7:4711", false, header(1, "192.0.2.7:4711", "198.51.100.1:143", "")},
		{"IPv6", "[2001:db8::7]:4711", false, header(1, "[2001:db8::7]:4711", "[2001:db8::1]:143", "")},
		{"IPv4 in IPv6", "192.0.2.7:4711", false, header(1, "[::ffff:192.0.2.7]:4711", "[2001:db8::1]:143", "")},
		{"with fields behind", "192.0.2.7:4711", false, header(1, "192.0.2.7:4711", "198.51.100.1:143", tlv)},
		{"LOCAL", "", true, header(0, "", "", "")},
		{"LOCAL with addresses", "", true, header(0, "192.0.2.7:4711", "198.51.100.1:143", tlv)},
	} {
		r := bytes.NewReader(append(test.bytes, "NOOP"...))
		h, err := ReadHeader(r)
		if err != nil || h.Local != test.local {
			t.Errorf("%s: %+v, %v", test.name, h, err)
			continue
		}
		if !h.Local && h.Source.String() != test.source {
			t.Errorf("%s: source %s, want %s", test.name, h.Source, test.source)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "NOOP" {
			t.Errorf("%s: left %q", test.name, rest)
		}
	}
}

func TestReadHeaderRefuses(t *testing.T) {
	good := header(1, "192.0.2.7:4711", "198.51.100.1:143", "")
	change := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	for _, test := range []struct {
		name  string
		bytes []byte
		want  error
	}{
		{"nothing", nil, ErrNoHeader},
		{"version 1", []byte("PROXY TCP4 192.0.2.7 198.51.100.1 4711 143\r\n"), ErrNoHeader},
		{"a command", []byte("A001 LOGIN anna geheim\r\n"), ErrNoHeader},
		{"a TLS hello", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on"), ErrNoHeader},
		{"version 3", change(12, 0x31), ErrNoHeader},
		{"an unknown command", change(12, 0x22), ErrNoHeader},
		{"cut off", good[:len(good)-1], ErrNoHeader},
		{"too long", header(1, "192.0.2.7:4711", "198.51.100.1:143", strings.Repeat("x", maxRest)), ErrNoHeader},
		{"UNSPEC", header(1, "", "", ""), ErrAddress},
		{"UDP", change(13, 0x12), ErrAddress},
		{"a UNIX socket", change(13, 0x31), ErrAddress},
		{"IPv6 with the bytes of IPv4", change(13, 0x21), ErrAddress},
		{"no client", header(1, "0.0.0.0:4711", "198.51.100.1:143", ""), ErrAddress},
		{"multicast", header(1, "224.0.0.1:4711", "198.51.100.1:143", ""), ErrAddress},
	} {
		if h, err := ReadHeader(bytes.NewReader(test.bytes)); !errors.Is(err, test.want) {
			t.Errorf("%s: %+v, %v, want %v", test.name, h, err, test.want)
		}
	}
}

func FuzzReadHeader(f *testing.F) {
	f.Add(header(1, "192.0.2.7:4711", "198.51.100.1:143", "\x04\x00\x00"))
	f.Add(header(1, "[2001:db8::7]:4711", "[2001:db8::1]:143", ""))
	f.Add(header(0, "", "", ""))
	f.Add([]byte("PROXY TCP4 192.0.2.7 198.51.100.1 4711 143\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := bytes.NewReader(text)
		h, err := ReadHeader(r)
		read := len(text) - r.Len()
		if read > fixedSize+maxRest {
			t.Fatalf("%d bytes were read", read)
		}
		if err != nil || h.Local {
			return
		}
		if !h.Source.IsValid() || h.Source.Addr().Is4In6() || h.Source.Addr().IsUnspecified() {
			t.Fatalf("source %v", h.Source)
		}
		if want := fixedSize + int(binary.BigEndian.Uint16(text[14:])); read != want {
			t.Fatalf("%d bytes were read of a header of %d", read, want)
		}
	})
}
