package thunderbird

import (
	"bufio"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
)

// screen is an X server without a display. It keeps its picture in a file.
type screen struct {
	display string // ":7"
	picture string
}

// startScreen runs Xvfb on the first free display until the test ends.
func startScreen(t testing.TB) *screen {
	t.Helper()
	binary := need.Program(t, "Xvfb")
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(binary, "-displayfd", "3", "-screen", "0", "1280x900x24", "-fbdir", dir, "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{w}
	start(t, cmd, filepath.Join(dir, "xvfb.log"))
	w.Close()
	if err := r.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	number, err := bufio.NewReader(r).ReadString('\n') // Xvfb writes its display's number when it is ready
	if err != nil {
		t.Fatalf("Xvfb is not ready: %v", err)
	}
	return &screen{display: ":" + strings.TrimSpace(number), picture: filepath.Join(dir, "Xvfb_screen0")}
}

// save writes the picture as PNG.
func (s *screen) save(path string) error {
	raw, err := os.ReadFile(s.picture)
	if err != nil {
		return err
	}
	img, err := decodeXWD(raw)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, img), f.Close())
}

// decodeXWD reads an X window dump (XWDFile.h) of 32 bits a pixel, as Xvfb keeps
// it: a header of big-endian words, a colour map, then the rows.
func decodeXWD(raw []byte) (image.Image, error) {
	const (
		headerSize = 0
		width      = 4
		height     = 5
		byteOrder  = 7
		bits       = 11
		bytesLine  = 12
		colours    = 19
		colourSize = 12
	)
	word := func(i int) int { return int(binary.BigEndian.Uint32(raw[4*i:])) }
	if len(raw) < 100 || word(bits) != 32 {
		return nil, errors.New("not an X window dump of 32 bits a pixel")
	}
	var order binary.ByteOrder = binary.LittleEndian
	if word(byteOrder) == 1 {
		order = binary.BigEndian
	}
	first := word(headerSize) + colourSize*word(colours)
	if len(raw) < first+word(height)*word(bytesLine) || word(bytesLine) < 4*word(width) {
		return nil, errors.New("the X window dump is cut off")
	}
	img := image.NewRGBA(image.Rect(0, 0, word(width), word(height)))
	for y := range word(height) {
		for x := range word(width) {
			p := order.Uint32(raw[first+y*word(bytesLine)+4*x:])
			img.SetRGBA(x, y, color.RGBA{R: byte(p >> 16), G: byte(p >> 8), B: byte(p), A: 255})
		}
	}
	return img, nil
}
