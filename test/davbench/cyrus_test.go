//go:build bench

package davbench

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cyrusPackages are Debian's; they conflict with Dovecot's, so they are not
// installed but unpacked into a folder, with the libraries that they name.
var cyrusPackages = []string{"cyrus-common", "cyrus-imapd", "cyrus-caldav"}

const imapdConf = `configdirectory: {{.Folder}}/conf
proc_path: {{.Folder}}/proc
mboxname_lockpath: {{.Folder}}/lock
defaultpartition: default
partition-default: {{.Folder}}/mail
cyrus_user: {{.User}}
cyrus_group: {{.Group}}
admins: cyrus
altnamespace: no
unixhierarchysep: no
allowplaintext: yes
httpmodules: caldav carddav
delete_mode: immediate
expunge_mode: delayed
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {{.Folder}}/conf/sasldb2
sasl_mech_list: PLAIN
`

const cyrusConf = `START {
	recover cmd="{{.Programs}}/usr/lib/cyrus/bin/ctl_cyrusdb -C {{.Folder}}/imapd.conf -r"
}
SERVICES {
	imap cmd="{{.Programs}}/usr/lib/cyrus/bin/imapd -C {{.Folder}}/imapd.conf" listen="127.0.0.1:{{.IMAP}}" prefork=0
	http cmd="{{.Programs}}/usr/lib/cyrus/bin/httpd -C {{.Folder}}/imapd.conf" listen="127.0.0.1:{{.Port}}" prefork=1
}
EVENTS {
}
`

// cyrus unpacks and starts Cyrus with one person's mailbox, which brings their
// calendar and address book homes.
func cyrus(t *testing.T) *peer {
	t.Helper()
	if leftOut("cyrus") {
		return missing(t, "Cyrus", "left out by DAVBENCH_WITHOUT")
	}
	if os.Geteuid() != 0 {
		return missing(t, "Cyrus", "it needs root to change to its user")
	}
	p := newPlace(t)
	p.Programs, p.IMAP = filepath.Join(p.Folder, "debian"), freePort(t)
	if err := unpackCyrus(p.Programs); err != nil {
		return missing(t, "Cyrus", err.Error())
	}
	p.make(t, "conf/socket", "conf/log", "mail", "proc", "lock")
	env := []string{
		"LD_LIBRARY_PATH=" + libraryPath(p.Programs),
		"SASL_PATH=" + p.Programs + "/usr/lib/x86_64-linux-gnu/sasl2:/usr/lib/x86_64-linux-gnu/sasl2",
	}
	for _, who := range []string{user, "cyrus"} {
		cmd := exec.Command(p.Programs+"/usr/sbin/saslpasswd2", "-p", "-c", "-f", p.Folder+"/conf/sasldb2", who)
		cmd.Env, cmd.Stdin = append(os.Environ(), env...), strings.NewReader(password)
		if out, err := cmd.CombinedOutput(); err != nil {
			return missing(t, "Cyrus", fmt.Sprintf("saslpasswd2: %v %s", err, out))
		}
	}
	p.make(t)
	imapd, conf := p.write(t, "imapd.conf", imapdConf), p.write(t, "cyrus.conf", cyrusConf)
	group := p.start(t, env, p.Programs+"/usr/lib/cyrus/bin/master", "-D", "-C", imapd, "-M", conf, "-p", p.Folder+"/conf/pid")
	if err := makeMailbox("127.0.0.1:" + p.IMAP); err != nil {
		return missing(t, "Cyrus", err.Error())
	}
	return &peer{
		name: "cyrus", group: group, url: "http://127.0.0.1:" + p.Port, user: user, password: password,
		calendar: "/dav/calendars/user/anna/", book: "/dav/addressbooks/user/anna/",
	}
}

func libraryPath(root string) string {
	return root + "/usr/lib/x86_64-linux-gnu:" + root + "/lib/x86_64-linux-gnu"
}

// unpackCyrus downloads the packages, with the libraries that are not installed,
// and unpacks them.
func unpackCyrus(to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	wanted := append(slices.Clone(cyrusPackages), "sasl2-bin")
	out, err := exec.Command("apt-cache", append([]string{"depends"}, cyrusPackages...)...).Output()
	if err != nil {
		return fmt.Errorf("apt-cache: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		name, found := strings.CutPrefix(strings.TrimSpace(line), "Depends: lib")
		if name = "lib" + name; found && !slices.Contains(wanted, name) && !installed(name) {
			wanted = append(wanted, name)
		}
	}
	get := exec.Command("apt-get", append([]string{"-q", "download"}, wanted...)...)
	get.Dir = to
	if out, err := get.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get download: %w: %.300s", err, out)
	}
	packages, err := filepath.Glob(filepath.Join(to, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range packages {
		if out, err := exec.Command("dpkg", "-x", file, to).CombinedOutput(); err != nil {
			return fmt.Errorf("dpkg: %w: %.300s", err, out)
		}
	}
	ldd := exec.Command("ldd", filepath.Join(to, "usr/lib/cyrus/bin/httpd"))
	ldd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraryPath(to))
	out, err = ldd.Output()
	if err != nil {
		return fmt.Errorf("ldd: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "not found") {
			return fmt.Errorf("a library: %s", strings.TrimSpace(line))
		}
	}
	return nil
}

func installed(name string) bool {
	out, err := exec.Command("dpkg-query", "-W", "-f=${db:Status-Status}", name).Output()
	return err == nil && string(out) == "installed"
}

func makeMailbox(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(conn, "a LOGIN cyrus %s\r\nb CREATE user.%s\r\nc LOGOUT\r\n", password, user)
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "b ") && !strings.HasPrefix(lines.Text(), "b OK") {
			return fmt.Errorf("IMAP: %s", lines.Text())
		}
	}
	return nil
}
