// Package admintest proves a backend of the control API, and the API with it: [Suite]
// does by HTTP everything that the API can, on a real store, and compares every answer
// with what openapi.yaml says of it.
package admintest
