// Package helm tests the chart in helm/fachwerk with Helm's own tools: lint, unit
// tests of every template and refusal, Kubernetes' own schemas; and that values,
// schema, alerts, dashboard and documentation belong together. test/run installs
// the tools.
package helm
