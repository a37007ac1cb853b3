//go:build cluster

package cluster

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/test/helm"
)

const (
	namespace = "groupware"
	chart     = "../../helm/fachwerk"
)

func TestChartOnKubernetes(t *testing.T) {
	c := start(t)
	c.customResources(t)
	c.api.mustApply(t, `
apiVersion: v1
kind: Namespace
metadata:
  name: `+namespace+`
  labels: {pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/enforce-version: latest}
`)
	t.Run("the namespace refuses what restricted refuses", c.refusesRoot)
	c.playLoadBalancer(t)
	t.Run("several replicas at two sites", c.production)
	t.Run("one replica on volumes", c.embedded)
}

// refusesRoot shows that the namespace would not let a careless chart through.
func (c *cluster) refusesRoot(t *testing.T) {
	waitFor(t, "the namespace's service account", func() error {
		_, err := c.api.do("GET", "/api/v1/namespaces/"+namespace+"/serviceaccounts/default", "", nil)
		return err
	})
	err := c.api.apply(`
apiVersion: v1
kind: Pod
metadata: {name: careless}
spec: {containers: [{name: c, image: registry.musterstadt.example/x}]}
`)
	if err == nil || !strings.Contains(err.Error(), "violates PodSecurity") {
		t.Errorf("a pod that may run as root was answered: %v", err)
	}
}

// production installs the production example, scales it, rolls that back and
// uninstalls it.
func (c *cluster) production(t *testing.T) {
	for _, s := range []string{"nord-db", "nord-s3", "sued-db", "sued-s3", "fachwerk-operator-key", "keys-s3", "fachwerk-oidc", "smarthost", "neudorf-tls", "town-fachwerk-tls-mail"} {
		c.api.mustApply(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: "+s+"}\nstringData: {password: p}\n")
	}
	c.api.mustApply(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: musterland-ca}\ndata: {ca.pem: x}\n")
	values := filepath.Join(chart, "examples", "production.yaml")

	c.helm(t, "install", "town", chart, "-f", values, "--wait", "--timeout=10m")
	c.wantReady(t, "deployments", map[string]int{"town-fachwerk-mail": 3, "town-fachwerk-dav": 2, "town-fachwerk-portal": 2})
	c.helm(t, "upgrade", "town", chart, "-f", values, "--set=roles.mail.replicas=4", "--wait", "--timeout=10m")
	c.wantReady(t, "deployments", map[string]int{"town-fachwerk-mail": 4, "town-fachwerk-dav": 2, "town-fachwerk-portal": 2})
	c.helm(t, "rollback", "town", "1", "--wait", "--timeout=10m")
	c.wantReady(t, "deployments", map[string]int{"town-fachwerk-mail": 3, "town-fachwerk-dav": 2, "town-fachwerk-portal": 2})
	if out := c.helm(t, "history", "town", "-o", "json"); !strings.Contains(out, `"status":"deployed"`) || strings.Count(out, `"revision"`) != 3 {
		t.Errorf("the history is %s", out)
	}
	// An upgrade that cannot work is refused before anything is touched.
	if out, err := c.try(t, "upgrade", "town", chart, "-f", values, "--set=directory="); err == nil || !strings.Contains(out, "directory is missing") {
		t.Errorf("an upgrade without a directory database: %v\n%s", err, out)
	}
	c.helm(t, "uninstall", "town", "--wait", "--timeout=10m")
	c.wantNothing(t)
}

// embedded installs the minimal example; the volumes are there, as an administrator
// without a provisioner makes them.
func (c *cluster) embedded(t *testing.T) {
	for _, name := range []string{"one", "two"} {
		c.api.mustApply(t, `
apiVersion: v1
kind: PersistentVolume
metadata: {name: `+name+`}
spec:
  capacity: {storage: 50Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: /data/`+name+`}
`)
	}
	c.api.mustApply(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: musterstadt-tls}\nstringData: {tls.crt: c, tls.key: k}\n")
	values := filepath.Join(chart, "examples", "minimal.yaml")
	c.helm(t, "install", "small", chart, "-f", values, "--wait", "--timeout=10m")
	c.wantReady(t, "statefulsets", map[string]int{"small-fachwerk-server": 1})
	c.helm(t, "upgrade", "small", chart, "-f", values, "--set=drainSeconds=60", "--wait", "--timeout=10m")
	c.wantReady(t, "statefulsets", map[string]int{"small-fachwerk-server": 1})
	c.helm(t, "uninstall", "small", "--wait", "--timeout=10m")
	c.wantNothing(t)
	claims, err := c.api.list("/api/v1/namespaces/" + namespace + "/persistentvolumeclaims")
	if err != nil || len(claims) != 2 {
		t.Errorf("uninstalling must leave data and keys: %d claims, %v", len(claims), err)
	}
}

// customResources installs those that the chart can make.
func (c *cluster) customResources(t *testing.T) {
	t.Helper()
	want := []string{"gateway.networking.k8s.io_httproutes.yaml", "gateway.networking.k8s.io_backendtlspolicies.yaml",
		"cert-manager.io_certificates.yaml", "monitoring.coreos.com_servicemonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml"}
	made := 0
	for _, m := range helm.Modules {
		dir, err := m.Dir(t.Context(), c.dir)
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(m.Files)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !slices.Contains(want, filepath.Base(f)) {
				continue
			}
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			c.api.mustApply(t, string(text))
			made++
		}
	}
	if made != len(want) {
		t.Fatalf("%d of %d custom resources", made, len(want))
	}
	waitFor(t, "the custom resources", func() error {
		_, err := c.api.do("GET", "/apis/gateway.networking.k8s.io/v1/httproutes", "", nil)
		return err
	})
}

// playLoadBalancer gives every Service that asks for one an address.
func (c *cluster) playLoadBalancer(t *testing.T) {
	stop, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		for {
			path := "/api/v1/namespaces/" + namespace + "/services"
			services, _ := c.api.list(path)
			for _, s := range services {
				if s.Spec.Type == "LoadBalancer" && len(s.Status.LoadBalancer.Ingress) == 0 {
					_, _ = c.api.do("PATCH", path+"/"+s.Metadata.Name+"/status", "application/merge-patch+json",
						[]byte(`{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"}]}}}`))
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	}()
}

func (c *cluster) helm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.try(t, args...)
	if err != nil {
		pods, _ := c.api.do("GET", "/api/v1/namespaces/"+namespace+"/events", "", nil)
		t.Fatalf("helm %s: %v\n%s\n%.4000s", strings.Join(args, " "), err, out, pods)
	}
	return out
}

func (c *cluster) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	program := built(t, "helm")
	cmd := exec.CommandContext(t.Context(), program, append(args, "--namespace="+namespace, "--kubeconfig="+c.kubeconfig)...)
	// Nothing of the machine's own Helm.
	cmd.Env = append(os.Environ(), "HELM_CONFIG_HOME="+c.dir, "HELM_CACHE_HOME="+c.dir, "HELM_DATA_HOME="+c.dir)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	t.Logf("helm %s: %.1f s", args[0], time.Since(began).Seconds())
	return string(out), err
}

// wantReady waits for the workloads of the release: Helm does, but for those that an
// autoscaler counts.
func (c *cluster) wantReady(t *testing.T, kind string, want map[string]int) {
	t.Helper()
	waitFor(t, "the workloads", func() error {
		list, err := c.api.list("/apis/apps/v1/namespaces/" + namespace + "/" + kind)
		if err != nil {
			return err
		}
		got := map[string]int{}
		for _, d := range list {
			got[d.Metadata.Name] = d.Status.ReadyReplicas
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("ready are %v, want %v", got, want)
		}
		return nil
	})
}

// wantNothing looks for what an uninstalled release has left, hooks included.
func (c *cluster) wantNothing(t *testing.T) {
	t.Helper()
	at := "/namespaces/" + namespace + "/"
	for _, path := range []string{
		"/api/v1" + at + "services", "/api/v1" + at + "configmaps", "/api/v1" + at + "serviceaccounts",
		"/apis/apps/v1" + at + "deployments", "/apis/apps/v1" + at + "statefulsets", "/apis/batch/v1" + at + "jobs",
		"/apis/policy/v1" + at + "poddisruptionbudgets", "/apis/autoscaling/v2" + at + "horizontalpodautoscalers",
		"/apis/networking.k8s.io/v1" + at + "networkpolicies", "/apis/networking.k8s.io/v1" + at + "ingresses",
		"/apis/gateway.networking.k8s.io/v1" + at + "httproutes", "/apis/cert-manager.io/v1" + at + "certificates",
		"/apis/monitoring.coreos.com/v1" + at + "servicemonitors", "/apis/monitoring.coreos.com/v1" + at + "prometheusrules",
	} {
		list, err := c.api.list(path)
		if err != nil {
			t.Error(err)
		}
		for _, o := range list {
			if o.Metadata.Labels["app.kubernetes.io/name"] == "fachwerk" {
				t.Errorf("%s/%s is left", path, o.Metadata.Name)
			}
		}
	}
}
