package observe

import (
	"os"
	"slices"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/location"
)

const sample = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
25 22 0:22 / /srv rw shared:2 - nfs4 10.1.2.3:/export/fachwerk rw,vers=4.2
26 25 0:23 / /srv/with\040space rw - cifs //files.musterstadt.example/share rw
27 22 0:24 / /mnt/ceph rw - ceph 10.1.2.4:6789,[fd00::5]:6789:/data rw
28 22 0:25 / /mnt/drive rw - fuse.sshfs somebody@elsewhere:/ rw
29 22 0:26 / /srv/again rw - ext4 /dev/sdb1 rw
30 22 0:27 / /srv/again rw - nfs 10.9.9.9:/over rw
malformed
`

func TestMounts(t *testing.T) {
	for path, want := range map[string]struct {
		filesystem string
		distant    bool
		hosts      []string
	}{
		"/var/lib/fachwerk/blobs": {"ext4", false, nil},
		"/srv/blobs":              {"nfs4", true, []string{"10.1.2.3"}},
		"/srvother":               {"ext4", false, nil},
		"/srv/with space/a":       {"cifs", true, []string{"files.musterstadt.example"}},
		"/mnt/ceph":               {"ceph", true, []string{"10.1.2.4", "fd00::5"}},
		"/mnt/drive/x":            {"fuse.sshfs", true, nil},
		"/srv/again/x":            {"nfs", true, []string{"10.9.9.9"}},
	} {
		m, err := findMount(strings.NewReader(sample), path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		hosts, distant := servers(m)
		if m.filesystem != want.filesystem || distant != want.distant || !slices.Equal(hosts, want.hosts) {
			t.Errorf("%s: %+v, distant %v, hosts %q; want %+v", path, m, distant, hosts, want)
		}
	}
	if _, err := findMount(strings.NewReader("malformed\n"), "/srv"); err == nil {
		t.Error("a filesystem was found in a list without any")
	}
}

func TestFolderOfThisMachine(t *testing.T) {
	if _, err := os.Stat(mounts); err != nil {
		need.NotRun(t, "Linux's "+mounts+" is not there")
	}
	var f location.Facts
	placeFolder(t.Context(), t.TempDir(), &f)
	if f.Folder == nil || f.Folder.Filesystem == "" || f.Folder.Source == "" || len(f.Questions) == 0 || f.Questions[0].Failed != "" {
		t.Errorf("%+v", f)
	}
	f = location.Facts{}
	placeFolder(t.Context(), "/nowhere/at/all", &f)
	if len(f.Questions) != 1 || f.Questions[0].Failed == "" {
		t.Errorf("a missing folder has a filesystem: %+v", f)
	}
}

func FuzzMounts(f *testing.F) {
	f.Add(sample, "/srv/blobs")
	f.Add("1 1 0:1 / / rw - nfs [::1]:/ rw", "/")
	f.Add(`1 1 0:1 / /\777\04 rw - ceph ,,:/ rw`, "/")
	f.Fuzz(func(t *testing.T, list, path string) {
		m, err := findMount(strings.NewReader(list), path)
		if err != nil {
			return
		}
		if !below(path, m.point) {
			t.Errorf("%q is not below %q", path, m.point)
		}
		if hosts, distant := servers(m); len(hosts) > maxHosts || len(hosts) > 0 && !distant {
			t.Errorf("%q, %v", hosts, distant)
		}
	})
}
