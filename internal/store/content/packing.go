package content

const (
	// After a chunk that compression did not shorten, so many are sealed as they
	// are; the ones after them are looked at first.
	packPause = 7
	// After so many chunks that did not look as if they could be compressed, one is
	// tried anyway: repetitions of random bytes have an even spread of values too.
	packAnyway = 64

	samplePieces = 16
	samplePiece  = 256
	sampleSize   = samplePieces * samplePiece
)

// packing decides for the chunks of one stream whether compression is tried. A
// photograph or an archive costs a glance at every chunk and a try at every 64th.
type packing struct {
	failed  bool // the last try did not help
	skipped int  // chunks since then
}

func (p *packing) worth(data []byte) bool {
	if len(data) < minPacked {
		return false
	}
	if !p.failed {
		return true
	}
	p.skipped++
	return p.skipped >= packAnyway || p.skipped > packPause && uneven(data)
}

func (p *packing) learn(helped bool) { p.failed, p.skipped = !helped, 0 }

// uneven looks at pieces of data: whether some byte values are so much more frequent
// than others that an entropy coder would gain. The sum of squared frequencies of
// random bytes is about n*n/256; at twice that, a byte carries less than 7 bits.
func uneven(data []byte) bool {
	if len(data) < sampleSize {
		return true // as cheap to try as to tell
	}
	var counts [256]int32
	for i := range samplePieces {
		at := (len(data) - samplePiece) / (samplePieces - 1) * i
		for _, b := range data[at : at+samplePiece] {
			counts[b]++
		}
	}
	var squares int32
	for _, n := range counts {
		squares += n * n
	}
	return squares > sampleSize*sampleSize/128
}
