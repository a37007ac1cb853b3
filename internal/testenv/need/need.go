package need

import (
	"os"
	"os/exec"
	"testing"
)

// The environment variables that tests read.
const (
	EnvPostgres = "FACHWERK_TEST_POSTGRES" // DSN of a server where databases may be created
	EnvS3       = "FACHWERK_TEST_S3"       // s3://ACCESS:SECRET@HOST:PORT/BUCKET?region=R&tls=off
	EnvRequire  = "FACHWERK_TEST_REQUIRE"  // 1: a missing part fails the test
	EnvCorpus   = "FACHWERK_CORPUS"        // absolute folder of the message corpus
)

// Corpus returns the folder of the message corpus. Without one, ok is false, the
// test log says so, and the test uses messages that it makes.
func Corpus(t testing.TB) (dir string, ok bool) {
	t.Helper()
	dir = os.Getenv(EnvCorpus)
	if dir == "" {
		if required() {
			t.Fatalf("%s is not set and %s=1 demands the corpus", EnvCorpus, EnvRequire)
		}
		t.Logf("%s is not set: this test uses messages that it makes", EnvCorpus)
		return "", false
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.Fatalf("%s=%s is not a folder that can be read", EnvCorpus, dir)
	}
	return dir, true
}

// Program returns the path of an installed program.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "the program "+name+" is not installed: install it and put it on PATH")
	}
	return path
}

// Missing skips the test with a sentence that says what is not there, or fails it
// where parts are required. The other functions of this package end here; call it
// for a feature of a real part that only the test itself can find missing.
func Missing(t testing.TB, sentence string) {
	t.Helper()
	if required() {
		t.Fatalf("%s (%s=1 forbids skipping)", sentence, EnvRequire)
	}
	t.Skip(sentence)
}

// NotRun skips the test, also where parts are required, because the machine itself
// cannot have what it needs: a container engine, another user, an address family. The
// sentence is printed at the end of all tests. What can be installed is Missing.
func NotRun(t testing.TB, sentence string) {
	t.Helper()
	t.Skip("NOT RUN: " + sentence)
}

func required() bool { return os.Getenv(EnvRequire) == "1" }
