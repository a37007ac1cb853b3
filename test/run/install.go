package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fachwerk/test/helm"
)

// debian lists the packages with who needs them.
var debian = []string{
	"ca-certificates", "curl", "openssl", "procps",
	"postgresql", "pgbouncer", // the other metadata engine, also behind a pooler
	"swaks", "libio-socket-ssl-perl", "libnet-ssleay-perl", // submission
	"isync",               // mbsync
	"neomutt", "bsdutils", // reading, filing; script gives it a terminal
	"postfix",                                        // smarthost and LMTP sender
	"dovecot-core", "dovecot-imapd", "dovecot-lmtpd", // the peer we compare with
	"chromium",                                 // the portal
	"thunderbird", "xvfb", "fonts-dejavu-core", // a mail program as people use it
	"litmus", "cadaver", "rclone", "davfs2", // files
	"vdirsyncer", "khard", // contacts, and calendars
	"khal", "gir1.2-ecal-2.0", // calendars, the latter as Evolution sees them
	"evolution-data-server", "python3-gi", "gir1.2-ebook-1.2", // contacts as GNOME sees them
	"radicale", "apache2-bin", "apache2-utils", // servers to import from
	"gvfs-backends", "libglib2.0-bin", "dbus", // files as GNOME sees them
	"python3-cryptography",          // the verifier of location reports
	"rspamd", "systemd", "iproute2", // what reads the snippets, the unit and the page for one machine
	"podman", "crun", "netavark", "aardvark-dns", "iptables", "busybox-static", // the image, and compose
}

// goTools are built from their own modules; versions are pinned. One that cannot be
// installed by its version alone has a module in tools/ that says how.
var goTools = []goTool{
	{binary: "golangci-lint", pkg: "github.com/golangci/golangci-lint/v2/cmd/golangci-lint", version: "v2.15.0"},
	{binary: "versitygw", pkg: "github.com/versity/versitygw/cmd/versitygw", version: "v1.8.0"},
	{binary: "helm", pkg: "helm.sh/helm/v3/cmd/helm", version: "v3.22.0"},
	{binary: "kubeconform", pkg: "github.com/yannh/kubeconform/cmd/kubeconform", version: "v0.8.0"},
	{binary: "helm-unittest", pkg: "github.com/helm-unittest/helm-unittest/cmd/helm-unittest", version: "v1.1.2", module: "tools/helm-unittest"},
	{binary: "imagelint", pkg: ".", version: "v0.33.0", module: "tools/imagelint", of: "github.com/moby/buildkit"},
	{binary: "docker-compose", pkg: "github.com/docker/compose/v5/cmd", version: "v5.1.0", module: "tools/compose"},
	{binary: "promql", pkg: ".", version: "v0.305.0", module: "tools/promql", of: "github.com/prometheus/prometheus"},
}

// clusterTools are Kubernetes' own servers and the player of nodes, for the part that
// is no part of make test: they take 5 to 8 minutes of processor time to build.
var clusterTools = []goTool{
	{
		binary: "kubernetes", pkg: ".", version: "v" + helm.KubernetesVersion, module: "tools/cluster", of: "k8s.io/kubernetes",
		ldflags: "-s -w -X k8s.io/component-base/version.gitVersion=v" + helm.KubernetesVersion, // clients ask for it
	},
	{binary: "kwok", pkg: "sigs.k8s.io/kwok/cmd/kwok", version: "v0.8.0"},
}

// goTool is a binary from a package. of is the module that the version is of, where it
// is not the package's own.
type goTool struct{ binary, pkg, version, module, of, ldflags string }

// install brings packages, tools and npm modules. Debian's packages come from
// the network while the tools compile.
func install(ctx context.Context, r *runner) error {
	packages := make(chan error, 1)
	go func() { packages <- installDebian(ctx, r) }()
	err := errors.Join(installGoTools(ctx, r), installModules(ctx, r), <-packages)
	if err != nil {
		return err
	}
	return installNPM(ctx, r) // after Debian's, should node be among them
}

func installDebian(ctx context.Context, r *runner) error { return installPackages(ctx, r, debian) }

func installPackages(ctx context.Context, r *runner, packages []string) error {
	var missing []string
	for _, p := range packages {
		out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f=${db:Status-Status}", p).Output()
		if err != nil || string(out) != "installed" {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		fmt.Println("   Debian packages: all there")
		return nil
	}
	fmt.Println("   Debian packages:", strings.Join(missing, " "))
	// RUNLEVEL=1: no server starts by itself.
	env := []string{"env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive"}
	if os.Geteuid() != 0 {
		env = append([]string{"sudo", "-n"}, env...)
	}
	for _, args := range [][]string{
		{"apt-get", "-q", "update"},
		append([]string{"apt-get", "-q", "-y", "--no-install-recommends", "install"}, missing...),
	} {
		full := append(append([]string(nil), env...), args...)
		if err := r.twice(ctx, 10*time.Minute, "", full...); err != nil {
			return err
		}
	}
	return nil
}

func installGoTools(ctx context.Context, r *runner) error {
	for _, tool := range goTools {
		if _, err := r.goTool(ctx, tool.binary); err != nil {
			return err
		}
	}
	return nil
}

// goTool returns the path of a tool, built if it is not there.
func (r *runner) goTool(ctx context.Context, binary string) (string, error) {
	bin, err := filepath.Abs(filepath.Join("tools", "bin"))
	if err != nil {
		return "", err
	}
	path := filepath.Join(bin, binary)
	for _, tool := range slices.Concat(goTools, clusterTools) {
		switch {
		case tool.binary != binary:
		case have(path, tool):
			return path, nil
		case tool.module != "":
			fmt.Printf("   %s %s: building\n", tool.binary, tool.version)
			return path, r.twice(ctx, 60*time.Minute, tool.module, "env", "GOFLAGS=", "CGO_ENABLED=0", "go", "build", "-ldflags="+tool.ldflags, "-o", path, tool.pkg)
		default:
			fmt.Printf("   %s %s: building\n", tool.binary, tool.version)
			return path, r.twice(ctx, 10*time.Minute, "", "env", "GOBIN="+bin, "GOFLAGS=", "go", "install", tool.pkg+"@"+tool.version)
		}
	}
	return "", fmt.Errorf("%s is none of the tools", binary)
}

// installModules fetches the modules that hold the schemas of Kubernetes' objects.
func installModules(ctx context.Context, r *runner) error {
	for _, m := range helm.Modules {
		once, cancel := context.WithTimeout(ctx, 5*time.Minute)
		_, err := m.Dir(once, r.dir)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// have reads a tool's version from the binary itself.
func have(binary string, tool goTool) bool {
	out, err := exec.Command("go", "version", "-m", binary).Output()
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) > 2 && (f[0] == "mod" && tool.of == "" || f[0] == "dep" && f[1] == tool.of) {
			return f[2] == tool.version
		}
	}
	return false
}

// installNPM brings the modules of every folder below test/ that has a lock file.
func installNPM(ctx context.Context, r *runner) error {
	locks, err := filepath.Glob("test/*/package-lock.json")
	if err != nil {
		return err
	}
	for _, lock := range locks {
		dir := filepath.Dir(lock)
		done := filepath.Join(dir, "node_modules", ".package-lock.json") // npm writes it last
		if newer(done, lock) {
			fmt.Printf("   %s: npm modules there\n", dir)
			continue
		}
		fmt.Printf("   %s: npm ci\n", dir)
		if err := r.twice(ctx, 5*time.Minute, dir, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
			return err
		}
	}
	return nil
}

func newer(a, b string) bool {
	ia, errA := os.Stat(a)
	ib, errB := os.Stat(b)
	return errA == nil && errB == nil && ia.ModTime().After(ib.ModTime())
}

// twice runs a command that needs the network, once more if it fails.
func (r *runner) twice(ctx context.Context, limit time.Duration, dir string, args ...string) error {
	var err error
	for range 2 {
		var out []byte
		once, cancel := context.WithTimeout(ctx, limit)
		cmd := r.command(once, args[0], args[1:]...)
		cmd.Dir = dir
		out, err = cmd.CombinedOutput()
		cancel()
		if err == nil {
			return nil
		}
		err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, tail(out))
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

func tail(out []byte) []byte { return out[max(0, len(out)-4000):] }
