package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden vectors anew: only for a new format version")

// goldenAccount has a fixed key, and its headers a fixed salt.
func goldenAccount() (*Account, ID) {
	c := newCodec()
	c.salt = func(b []byte) { copy(b, "a fixed salt 16b") }
	key := sha256.Sum256([]byte("golden account key"))
	id := ID(bytes.Repeat([]byte{0xc0, 0xde}, 8))
	return newAccount(c, 4711, 815, key[:]), id
}

func golden(t *testing.T, name string, made []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", name+".hex")
	if *update {
		var text strings.Builder
		for line := range slices.Chunk([]byte(hex.EncodeToString(made)), 100) {
			text.Write(line)
			text.WriteByte('\n')
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// What was sealed by the first version opens for ever, and where nothing is
// random or compressed, sealing gives the very same bytes.
func TestGoldenStream(t *testing.T) {
	a, id := goldenAccount()
	var many bytes.Buffer
	w := a.Seal(id, PurposeContent, &many)
	w.Write(make([]byte, 3*ChunkSize+5))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	plainMany := noise(2*ChunkSize + 77)
	digest := sha256.Sum256(a.SealBytes(nil, id, PurposeContent, plainMany))

	for _, v := range []struct {
		name    string
		purpose Purpose
		plain   []byte
		made    []byte
		same    bool // sealing must give the same bytes; zstd's may change with its version
	}{
		{"empty", PurposeContent, nil, a.SealBytes(nil, id, PurposeContent, nil), true},
		{"short", PurposeContent, []byte("Guten Tag"), a.SealBytes(nil, id, PurposeContent, []byte("Guten Tag")), true},
		{"queue", PurposeQueue, []byte("Guten Tag"), a.SealBytes(nil, id, PurposeQueue, []byte("Guten Tag")), true},
		{"packed", PurposeContent, mailText(600), a.SealBytes(nil, id, PurposeContent, mailText(600)), false},
		{"many", PurposeContent, make([]byte, 3*ChunkSize+5), many.Bytes(), false},
	} {
		want := golden(t, v.name, v.made)
		if v.same && !bytes.Equal(v.made, want) {
			t.Errorf("%s: sealing gives\n%x, want\n%x", v.name, v.made, want)
		}
		got, err := a.OpenBytes(nil, id, v.purpose, want)
		if err != nil || !bytes.Equal(got, v.plain) {
			t.Errorf("%s: opens to %d bytes, %v", v.name, len(got), err)
		}
	}
	if want := golden(t, "many-digest", digest[:]); !bytes.Equal(digest[:], want) {
		t.Errorf("sealing many chunks gives the digest %x, want %x", digest, want)
	}
}

func TestGoldenSmall(t *testing.T) {
	a, _ := goldenAccount()
	meta := golden(t, "meta", a.SealMeta(nil, 99, 2, []byte("a record")))
	if got, err := a.OpenMeta(nil, 99, 2, meta); err != nil || string(got) != "a record" {
		t.Errorf("record: %q, %v", got, err)
	}
	small := golden(t, "small", a.SealSmall("a purpose", []byte("a row"), []byte("a secret")))
	if got, err := a.OpenSmall("a purpose", []byte("a row"), small); err != nil || string(got) != "a secret" {
		t.Errorf("small secret: %q, %v", got, err)
	}
}

// A key directory and an account key of the first version.
func TestGoldenKeys(t *testing.T) {
	dir := t.TempDir()
	operator := sha256.Sum256([]byte("golden operator key"))
	if err := os.MkdirAll(filepath.Join(dir, tenantsDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, operatorFile), operator[:], 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := OpenKeyDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	tenantKey := bytes.Repeat([]byte{7}, keySize)
	wrappedTenant := golden(t, "tenant-key", sealSmall(nil, k.wrap, 4711, 0, nil, tenantKey))
	if err := os.WriteFile(filepath.Join(dir, tenantFile(4711)), wrappedTenant, 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := k.NewAccountKey(4711, 815)
	if err != nil {
		t.Fatal(err)
	}
	a, err := k.OpenAccount(4711, 815, golden(t, "account-key", made))
	if err != nil {
		t.Fatal(err)
	}
	sealed := golden(t, "account-small", a.SealSmall("p", nil, []byte("through all keys")))
	if got, err := a.OpenSmall("p", nil, sealed); err != nil || string(got) != "through all keys" {
		t.Errorf("%q, %v", got, err)
	}
	if got := k.Derive("app-password 1"); !bytes.Equal(got, golden(t, "derive", got)) {
		t.Errorf("Derive gives %x", got)
	}
	if _, err := k.OpenAccount(4711, 816, made); !errors.Is(err, ErrWrongKey) {
		t.Errorf("another account's key: %v", err)
	}
}
