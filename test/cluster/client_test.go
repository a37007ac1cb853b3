//go:build cluster

package cluster

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// A client speaks to the API server.
type client struct {
	base, token string
	http        *http.Client
}

func newClient(base, token string) *client {
	return &client{base: base, token: token, http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the certificate is one minute old and the server ours
	}}}
}

// do sends a request; an answer of 300 and above is an error.
func (c *client) do(method, path, contentType string, body []byte) ([]byte, error) {
	r, err := http.NewRequest(method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	return answer, err
}

func (c *client) ready() error {
	_, err := c.do("GET", "/readyz", "", nil)
	return err
}

// list reads a collection.
func (c *client) list(path string) ([]item, error) {
	text, err := c.do("GET", path, "", nil)
	if err != nil {
		return nil, err
	}
	var list struct{ Items []item }
	return list.Items, json.Unmarshal(text, &list)
}

// item is what the tests look at of any object.
type item struct {
	Metadata struct {
		Name   string
		Labels map[string]string
	}
	Spec struct {
		Type     string
		Replicas *int
	}
	Status struct {
		Phase         string
		ReadyReplicas int
		LoadBalancer  struct{ Ingress []any }
	}
}

// plurals are the paths of the kinds that tests apply.
var plurals = map[string]string{
	"Node": "/api/v1/nodes", "Namespace": "/api/v1/namespaces", "PersistentVolume": "/api/v1/persistentvolumes",
	"Secret": "/api/v1/namespaces/" + namespace + "/secrets", "ConfigMap": "/api/v1/namespaces/" + namespace + "/configmaps",
	"Pod":                      "/api/v1/namespaces/" + namespace + "/pods",
	"CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}

// apply makes an object from YAML, with its status where that says one.
func (c *client) apply(text string) error {
	var o struct {
		Kind     string
		Metadata struct{ Name string }
		Status   map[string]any
	}
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	path, ok := plurals[o.Kind]
	if !ok {
		return fmt.Errorf("the path of %s is not known", o.Kind)
	}
	if _, err := c.do("POST", path, "application/yaml", []byte(text)); err != nil {
		return err
	}
	if o.Kind != "Node" {
		return nil
	}
	status, err := json.Marshal(map[string]any{"status": o.Status})
	if err != nil {
		return err
	}
	_, err = c.do("PATCH", path+"/"+o.Metadata.Name+"/status", "application/merge-patch+json", status)
	return err
}

func (c *client) mustApply(t *testing.T, text string) {
	t.Helper()
	if err := c.apply(strings.TrimSpace(text)); err != nil {
		t.Fatal(err)
	}
}
