// Package need decides in one place whether a real part that a test needs is
// there: a PostgreSQL, an S3 service, the message corpus, a program.
//
// Where the part is missing the test is skipped with a sentence that says what
// to set; with FACHWERK_TEST_REQUIRE=1, as in CI, it fails instead, so that
// nothing is skipped silently.
package need
