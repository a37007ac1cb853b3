// Package cluster installs, upgrades, rolls back and uninstalls the chart on a real
// Kubernetes API server with its controllers and scheduler, in a namespace that
// enforces Pod Security "restricted". kwok plays the nodes: containers are not run.
//
// `make test-cluster` builds what it needs and runs it; it is no part of `make test`,
// for Kubernetes takes 5 to 8 minutes of processor time to build.
package cluster
