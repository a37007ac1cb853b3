package observe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fachwerk/location"
)

const (
	// mounts is where Linux lists what is mounted, proc(5).
	mounts = "/proc/self/mountinfo"
	// maxMounts bounds what is read of it, bytes.
	maxMounts = 4 << 20
	// maxHosts bounds how many servers one filesystem may name.
	maxHosts = 16
	// lookTime bounds looking up each of them.
	lookTime = 5 * time.Second
)

// placeFolder says on which filesystem a folder or file lies, and whose that is: the
// servers of a network filesystem become endpoints, whose addresses are then held
// against the declared networks.
func placeFolder(ctx context.Context, path string, f *location.Facts) {
	f.Folder = &location.Folder{Path: path}
	f.Folder.Host, _ = os.Hostname() // or it stays empty: it is a name for people
	asked := "filesystem of " + path
	m, err := mountOf(path)
	if err != nil {
		f.Questions = append(f.Questions, location.Question{About: location.Storage, Asked: asked, Failed: err.Error()})
		return
	}
	f.Folder.Filesystem, f.Folder.Source = m.filesystem, m.source
	hosts, distant := servers(m)
	f.Folder.Network = distant
	f.Questions = append(f.Questions, location.Question{About: location.Storage, Asked: asked,
		Answered: fmt.Sprintf("%s, from %s, on %s", m.filesystem, m.source, f.Folder.Host)})
	for _, host := range hosts {
		e := location.Endpoint{Name: host}
		q := location.Question{About: location.Addresses, Asked: "resolve " + host}
		if e.Addresses, err = lookup(ctx, host); err != nil {
			e.Problem, q.Failed = err.Error(), err.Error()
		} else {
			q.Answered = fmt.Sprint(e.Addresses)
		}
		f.Endpoints, f.Questions = append(f.Endpoints, e), append(f.Questions, q)
	}
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range found {
		found[i] = found[i].Unmap()
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return slices.Compact(found), err
}

// mount is a line of the list.
type mount struct{ point, filesystem, source string }

// mountOf finds the filesystem of a path.
func mountOf(path string) (mount, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return mount{}, err
	}
	list, err := os.Open(mounts)
	if err != nil {
		return mount{}, err
	}
	defer list.Close()
	return findMount(io.LimitReader(list, maxMounts), real)
}

// findMount returns the mount whose point is the longest that path lies below; of
// two at one point the later hides the former.
func findMount(list io.Reader, path string) (found mount, err error) {
	lines := bufio.NewScanner(list)
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		m, ok := parseMount(lines.Text())
		if ok && below(path, m.point) && len(m.point) >= len(found.point) {
			found = m
		}
	}
	if err := lines.Err(); err != nil {
		return mount{}, err
	}
	if found.point == "" {
		return mount{}, errors.New("no filesystem is mounted there")
	}
	return found, nil
}

func below(path, point string) bool {
	return path == point || strings.HasPrefix(path, strings.TrimSuffix(point, "/")+"/")
}

// parseMount reads a line as proc(5) describes it: the mount point is the fifth
// field; after a lone hyphen come the type and the source.
func parseMount(line string) (mount, bool) {
	before, after, ok := strings.Cut(line, " - ")
	if !ok {
		return mount{}, false
	}
	place, what := strings.Fields(before), strings.Fields(after)
	if len(place) < 5 || len(what) < 2 {
		return mount{}, false
	}
	m := mount{point: unescape(place[4]), filesystem: unescape(what[0]), source: unescape(what[1])}
	return m, strings.HasPrefix(m.point, "/")
}

// unescape undoes the octal escapes of spaces, tabs, line ends and backslashes.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// servers names the machines that a filesystem comes from, as far as its source
// does, and whether it may come from another machine at all.
func servers(m mount) (hosts []string, distant bool) {
	switch m.filesystem {
	case "nfs", "nfs4": // host:/path
		if at := strings.Index(m.source, ":/"); at > 0 {
			return []string{strings.Trim(m.source[:at], "[]")}, true
		}
		return nil, true
	case "cifs", "smb3": // //host/share
		host, _, _ := strings.Cut(strings.TrimPrefix(m.source, "//"), "/")
		if host != "" && strings.HasPrefix(m.source, "//") {
			return []string{strings.Trim(host, "[]")}, true
		}
		return nil, true
	case "ceph": // host:port,host:port:/path
		monitors, _, _ := strings.Cut(m.source, ":/")
		for one := range strings.SplitSeq(monitors, ",") {
			host, _, err := net.SplitHostPort(one)
			if err != nil {
				host = strings.Trim(one, "[]")
			}
			if host != "" && !strings.Contains(host, "@") && len(hosts) < maxHosts && !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
		return hosts, true
	}
	name, _, _ := strings.Cut(m.filesystem, ".")
	return nil, slices.Contains([]string{"fuse", "9p", "virtiofs", "afs", "lustre", "beegfs", "gpfs", "glusterfs", "gfs2",
		"ocfs2", "orangefs", "coda", "ncpfs", "smbfs"}, name)
}
