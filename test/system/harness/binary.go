package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// EnvBinary names the built program; `make test` sets it. Without it the program
// is built once.
const EnvBinary = "FACHWERK_TEST_BINARY"

// build makes the program once a test process.
var build = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(EnvBinary); path != "" {
		return path, nil
	}
	path := filepath.Join(Root(), "bin", "fachwerk-test")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/fachwerk")
	cmd.Dir = Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return path, nil
})

// Binary is the path of the built program.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatalf("build the program: %v\n%s", err, path)
	}
	return path
}

// Root is the project's folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}
