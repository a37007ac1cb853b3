// Package metatest is the conformance suite of the metadata engines: what
// [meta.DB] promises, run on each of them. An engine is finished when it passes.
package metatest
