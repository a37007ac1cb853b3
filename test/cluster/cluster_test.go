//go:build cluster

package cluster

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/helm"
)

// A cluster is Kubernetes' control plane on loopback.
type cluster struct {
	dir        string
	api        *client
	kubeconfig string
}

const adminToken = "only-for-this-test"

// start brings up etcd, API server, controllers, scheduler and the player of nodes,
// and ends them, by process, with the test.
func start(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir()}
	etcd, peer, port := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t), freePort(t)
	c.api = newClient("https://127.0.0.1:"+port, adminToken)
	c.writeFiles(t, port)
	file := func(name string) string { return filepath.Join(c.dir, name) }

	c.run(t, need.Program(t, "etcd"), "--unsafe-no-fsync", "--data-dir="+file("etcd"),
		"--listen-client-urls=http://"+etcd, "--advertise-client-urls=http://"+etcd,
		"--listen-peer-urls=http://"+peer, "--initial-advertise-peer-urls=http://"+peer, "--initial-cluster=default=http://"+peer)
	waitFor(t, "etcd", func() error { return dial(etcd) })
	c.run(t, built(t, "kubernetes"), "apiserver", "--etcd-servers=http://"+etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port="+port, "--cert-dir="+file("certs"),
		"--service-account-issuer=https://127.0.0.1:"+port, "--service-account-signing-key-file="+file("sa.key"),
		"--service-account-key-file="+file("sa.pub"), "--token-auth-file="+file("tokens.csv"), "--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.96.0.0/16,fd00:96::/108", "--endpoint-reconciler-type=none")
	waitFor(t, "the API server", func() error { return c.api.ready() })
	c.run(t, built(t, "kubernetes"), "controller-manager", "--kubeconfig="+c.kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--service-account-private-key-file="+file("sa.key"), "--use-service-account-credentials=false")
	c.run(t, built(t, "kubernetes"), "scheduler", "--kubeconfig="+c.kubeconfig, "--leader-elect=false", "--secure-port=0")
	c.run(t, built(t, "kwok"), "--kubeconfig="+c.kubeconfig, "--manage-all-nodes=true", "--config="+c.stages(t))
	for i := range 3 {
		c.api.mustApply(t, fmt.Sprintf(node, i))
	}
	return c
}

// node is one that kwok keeps ready.
const node = `
apiVersion: v1
kind: Node
metadata:
  name: node-%[1]d
  labels: {kubernetes.io/hostname: node-%[1]d, kubernetes.io/os: linux, topology.kubernetes.io/zone: zone-%[1]d}
status:
  allocatable: {cpu: "32", memory: 256Gi, pods: "110", ephemeral-storage: 1Ti}
  capacity: {cpu: "32", memory: 256Gi, pods: "110", ephemeral-storage: 1Ti}
`

// writeFiles writes the tokens, the key of service accounts and a kubeconfig.
func (c *cluster) writeFiles(t *testing.T, port string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	c.kubeconfig = filepath.Join(c.dir, "kubeconfig")
	for name, text := range map[string][]byte{
		"sa.key":     pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		"sa.pub":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		"tokens.csv": []byte(adminToken + ",admin,1,\"system:masters\"\n"),
		"kubeconfig": fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: "https://127.0.0.1:%s", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: %s}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
`, port, adminToken),
	} {
		if err := os.WriteFile(filepath.Join(c.dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// stages puts together what kwok plays: nodes and pods that are ready at once, jobs
// that succeed. They come with kwok's own module.
func (c *cluster) stages(t *testing.T) string {
	t.Helper()
	module, err := kwok.Dir(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, pattern := range []string{"node/fast/*.yaml", "node/heartbeat/*.yaml", "pod/fast/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(module, "kustomize", "stage", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "kind: Stage") {
				all = append(all, strings.TrimSpace(string(text)))
			}
		}
	}
	if len(all) < 5 {
		t.Fatalf("only %d stages in %s", len(all), module)
	}
	file := filepath.Join(c.dir, "stages.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(all, "\n---\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var kwok = helm.Module{Path: "sigs.k8s.io/kwok", Version: "v0.8.0"}

// run starts a program in a process group of its own and ends it with the test. The
// test ends at once if the program does.
func (c *cluster) run(t *testing.T, program string, args ...string) {
	t.Helper()
	name := filepath.Base(program)
	if name == "kubernetes" {
		name = args[0]
	}
	log, err := os.Create(filepath.Join(c.dir, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		select {
		case <-done:
			t.Errorf("%s ended before the test", name)
		default:
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
		}
		log.Close()
		if t.Failed() {
			if text, err := os.ReadFile(log.Name()); err == nil {
				t.Logf("%s:\n%s", name, text[max(0, len(text)-3000):])
			}
		}
	})
}

// built is a program that `make test-cluster` has built.
func built(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../tools/bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		need.Missing(t, name+" is not built: run make test-cluster")
	}
	return path
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func dial(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		conn.Close()
	}
	return err
}

// waitFor asks again until there is no error, for as long as a slow machine takes.
func waitFor(t *testing.T, what string, f func() error) {
	t.Helper()
	err := errors.New("not asked")
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}
