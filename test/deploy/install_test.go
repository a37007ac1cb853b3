package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// section is what stands below a heading of a page, up to the next one.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("there is no section %q", heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

// commands are the indented lines of a section.
func commands(text string) (out []string) {
	for line := range strings.Lines(text) {
		if trimmed := strings.TrimLeft(line, " "); len(line)-len(trimmed) >= 4 && strings.TrimSpace(line) != "" {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// inside is what stands around the commands of the page: a machine that is a copy of
// this one and forgotten afterwards, with a network of its own where every port is
// free. Its arguments: a folder, the project, the program, the commands.
const inside = `set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start   # the unit has a capability instead
mkdir -p "$1/root$2/bin" "$1/root/steps"
cp "$3" "$1/root$2/bin/fachwerk"
cp "$4"/* "$1/root/steps/"
exec chroot "$1/root" sh -eux -c "cd '$2' && . /steps/all.sh"
`

// The page for one machine is followed line by line, from an empty machine to a message
// that the first person reads.
func TestInstallPageIsFollowed(t *testing.T) {
	for _, program := range []string{"unshare", "chroot", "ip", "useradd", "runuser", "openssl", "curl", "swaks"} {
		need.Program(t, program)
	}
	if err := exec.Command("unshare", "--mount", "--net", "--pid", "--fork", "true").Run(); err != nil || os.Geteuid() != 0 {
		need.NotRun(t, fmt.Sprintf("only root may make a machine of its own: %v", err))
	}
	page := read(t, "docs/admin/install.md")
	steps := t.TempDir()
	var all strings.Builder
	for _, c := range commands(section(t, page, "One binary")) {
		switch {
		case c == "systemctl daemon-reload":
		case c == "systemctl enable --now fachwerk": // there is no systemd inside: its command, by its user
			start := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(read(t, "deploy/fachwerk.service"))
			fmt.Fprintf(&all, "runuser -u fachwerk -- %s >/steps/server.log 2>&1 &\n", start[1])
		case strings.HasPrefix(c, "runuser -u fachwerk -- fachwerk check"):
			all.WriteString(". /steps/configure.sh\n" + c + "\n")
		default:
			all.WriteString(c + "\n")
		}
	}
	all.WriteString("runuser -u fachwerk -- sh -eux /steps/tenant.sh\n")
	tenant := "cd /var/lib/fachwerk\n"
	for _, c := range commands(section(t, page, "The first tenant")) {
		tenant += strings.ReplaceAll(c, "--config F", "--config /etc/fachwerk/fachwerk.yaml") + "\n"
	}
	tenant += `
[ -s anna-password ]
password=$(fachwerk app-password add anna.schmidt@musterstadt.example --config /etc/fachwerk/fachwerk.yaml)
swaks --timeout 60 --server 127.0.0.1 --port 24 --protocol LMTP --from grete@elsewhere.example --to buergeramt@musterstadt.example
swaks --timeout 60 --server 127.0.0.1 --port 24 --protocol LMTP --from grete@elsewhere.example --to anna.schmidt@musterstadt.example
fachwerk check --config /etc/fachwerk/fachwerk.yaml
curl --fail --silent --cacert /etc/fachwerk/tls/cert.pem --resolve mail.musterstadt.example:993:127.0.0.1 --user "anna.schmidt@musterstadt.example:$password" --request 'STATUS INBOX (MESSAGES)' imaps://mail.musterstadt.example/ | grep 'MESSAGES 1'
curl --fail --silent --cacert /etc/fachwerk/tls/cert.pem --resolve portal.musterstadt.example:443:127.0.0.1 --output /dev/null https://portal.musterstadt.example/
echo FOLLOWED
`
	// "To begin" of the sample, and a certificate.
	configure := `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.musterstadt.example -addext subjectAltName=DNS:mail.musterstadt.example,DNS:portal.musterstadt.example,DNS:dav.musterstadt.example,DNS:login.musterstadt.example -keyout /etc/fachwerk/tls/key.pem -out /etc/fachwerk/tls/cert.pem
chgrp fachwerk /etc/fachwerk/tls/*.pem
chmod 640 /etc/fachwerk/tls/*.pem
sed -i -e 's|^  name: "".*|  name: mail.musterstadt.example|' -e 's|^  portal: "" .*|  portal: https://portal.musterstadt.example|' -e 's|^  http: "" .*|  http: https://dav.musterstadt.example:8443|' -e 's|^  cert: "".*|  cert: /etc/fachwerk/tls/cert.pem|' -e 's|^  key: "".*|  key: /etc/fachwerk/tls/key.pem|' -e 's|^  issuer: "".*|  issuer: https://login.musterstadt.example:8444|' -e 's|^sites: .*|sites: [{name: rathaus, operator: Stadt Musterstadt, country: DE, place: Rathaus, networks: [127.0.0.0/8]}]|' /etc/fachwerk/fachwerk.yaml
`
	for name, text := range map[string]string{"all.sh": all.String(), "tenant.sh": tenant, "configure.sh": configure} {
		if err := os.WriteFile(filepath.Join(steps, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	project, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	machine := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", inside,
		"inside", machine, project, harness.Binary(t), steps)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\nFOLLOWED\n") {
		t.Errorf("the page leads nowhere: %v\n%s", err, out)
	}
}
