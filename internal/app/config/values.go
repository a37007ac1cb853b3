package config

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes; in the file a number, or one with KiB, MiB, GiB or TiB, of
// which the B may be left out as Kubernetes does.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}, {"B", 1},
}

// String gives the largest unit that divides the size.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if int64(s) >= u.bytes && int64(s)%u.bytes == 0 && u.bytes > 1 {
			return fmt.Sprintf("%d %s", int64(s)/u.bytes, u.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// ParseSize reads "150 MiB", "64KiB" or a plain number of bytes.
func ParseSize(text string) (Size, error) {
	number, unit := strings.TrimSpace(text), int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size: write a number of bytes, or one with KiB, MiB, GiB or TiB", text)
	}
	return Size(n * unit), nil
}

// ParseDuration reads Go's form and days: "90s", "4h", "5d".
func ParseDuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a duration: write a number with s, m, h or d, such as 30s, 4h or 5d", text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/int64(24*time.Hour) {
			return 0, bad
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, bad
	}
	return d, nil
}

func formatDuration(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// parsePrefix reads a network, or one address as a network of its own.
func parsePrefix(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		if p != p.Masked() {
			return p, fmt.Errorf("%q has bits set behind its length: the network is %s", text, p.Masked())
		}
		return p, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is not a network: write it like 192.0.2.0/24 or 2001:db8::/32", text)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// Secret is a value that the configuration file never holds: it names a file
// (key X_file) or comes from the environment (FACHWERK_…_X).
type Secret struct {
	File  string
	value string // from the environment
}

// Set reports whether there is one.
func (s Secret) Set() bool { return s.File != "" || s.value != "" }

// String hides the secret from logs and error messages.
func (s Secret) String() string {
	if !s.Set() {
		return "none"
	}
	return "set"
}

// maxSecret is far above any password and keeps a wrong path from filling memory.
const maxSecret = 64 << 10

// Read returns the secret, without the line end that editors leave; "" if there
// is none.
func (s Secret) Read() (string, error) {
	if s.value != "" || s.File == "" {
		return s.value, nil
	}
	info, err := os.Stat(s.File)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecret {
		return "", fmt.Errorf("read secret: %s is not a regular file of at most %d bytes", s.File, maxSecret)
	}
	data, err := os.ReadFile(s.File)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
