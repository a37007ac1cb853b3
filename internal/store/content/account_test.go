package content

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

// The vectors of the XAES-256-GCM specification (C2SP).
func TestXAESVectors(t *testing.T) {
	for _, v := range []struct {
		key       byte
		aad, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		x := newXAES(bytes.Repeat([]byte{v.key}, keySize))
		nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
		got := x.gcm(nonce).Seal(nil, nonce[gcmNonce:], []byte("XAES-256-GCM"), []byte(v.aad))
		if hex.EncodeToString(got) != v.want {
			t.Errorf("key %d: %x, want %s", v.key, got, v.want)
		}
		opened, err := x.open(nil, append(nonce, got...), []byte(v.aad))
		if err != nil || string(opened) != "XAES-256-GCM" {
			t.Errorf("key %d opens to %q, %v", v.key, opened, err)
		}
	}
}

func TestMeta(t *testing.T) {
	c, key := newCodec(), make([]byte, keySize)
	a := newAccount(c, 1, 2, key)
	for _, plain := range [][]byte{nil, []byte("x"), mailText(900), mailText(200000)} {
		sealed := a.SealMeta([]byte("kept"), 7, 3, plain)
		if string(sealed[:4]) != "kept" || len(sealed) != 4+len(plain)+MetaOverhead {
			t.Fatalf("%d bytes became %d", len(plain), len(sealed))
		}
		sealed = sealed[4:]
		got, err := a.OpenMeta([]byte("kept"), 7, 3, sealed)
		if err != nil || !bytes.Equal(got, append([]byte("kept"), plain...)) {
			t.Errorf("%d bytes: %d back, %v", len(plain), len(got), err)
		}
		refuse := func(what string, a *Account, object int64, version byte, sealed []byte) {
			t.Helper()
			if got, err := a.OpenMeta(nil, object, version, sealed); !errors.Is(err, ErrCorrupt) || len(got) > 0 {
				t.Errorf("%s: %d bytes, %v", what, len(got), err)
			}
		}
		refuse("another object", a, 8, 3, sealed)
		refuse("another version", a, 7, 4, sealed)
		refuse("another tenant", newAccount(c, 9, 2, key), 7, 3, sealed)
		refuse("another account", newAccount(c, 1, 9, key), 7, 3, sealed)
		refuse("another key", newAccount(c, 1, 2, bytes.Repeat([]byte{1}, keySize)), 7, 3, sealed)
		for i := 0; i < len(sealed); i += 1 + len(sealed)/300 {
			bad := bytes.Clone(sealed)
			bad[i] ^= 0x10
			refuse("flipped bit", a, 7, 3, bad)
			refuse("cut", a, 7, 3, sealed[:i])
		}
	}
	if bytes.Equal(a.SealMeta(nil, 1, 1, nil), a.SealMeta(nil, 1, 1, nil)) {
		t.Error("two records have the same nonce")
	}
}

func TestAccountSmall(t *testing.T) {
	c, key := newCodec(), make([]byte, keySize)
	a := newAccount(c, 1, 2, key)
	sealed := a.SealSmall("queue envelope", []byte("row 5"), []byte("anna@musterstadt.example"))
	if bytes.Contains(sealed, []byte("anna")) || len(sealed) != 24+SmallOverhead {
		t.Fatalf("sealed to %x", sealed)
	}
	if got, err := a.OpenSmall("queue envelope", []byte("row 5"), sealed); err != nil || string(got) != "anna@musterstadt.example" {
		t.Errorf("%q, %v", got, err)
	}
	refuse := func(what string, a *Account, purpose, aad string, sealed []byte) {
		t.Helper()
		if got, err := a.OpenSmall(purpose, []byte(aad), sealed); !errors.Is(err, ErrCorrupt) || len(got) > 0 {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	refuse("another purpose", a, "display", "row 5", sealed)
	refuse("another row", a, "queue envelope", "row 6", sealed)
	refuse("another tenant", newAccount(c, 3, 2, key), "queue envelope", "row 5", sealed)
	refuse("another account", newAccount(c, 1, 3, key), "queue envelope", "row 5", sealed)
	refuse("another version", a, "queue envelope", "row 5", append([]byte{2}, sealed[1:]...))
	refuse("nothing", a, "queue envelope", "row 5", nil)
}

func FuzzOpenSmall(f *testing.F) {
	a := testAccount()
	f.Add(a.SealSmall("p", nil, []byte("x")))
	f.Add(a.SealMeta(nil, 1, 1, []byte("x")))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		a.OpenSmall("p", []byte("aad"), sealed)
		a.OpenMeta(nil, 2, 1, sealed)
	})
}
