package mail

import (
	"encoding/binary"
	"errors"
	"fmt"

	"fachwerk/mail/message"
)

// Structure is what was found in a message when it came in, with what FETCH
// answers from it in wire form. Its slices are valid only while the function
// that got it runs.
type Structure struct {
	Envelope      []byte // FETCH ENVELOPE's value (RFC 9051 7.5.2)
	Body          []byte // FETCH BODY's
	BodyStructure []byte // FETCH BODYSTRUCTURE's
	Preview       string // RFC 8970, UTF-8 text of at most 200 characters, unquoted; may be empty
	HeaderSize    int64  // bytes of the header, blank line included
	Flags         message.Flags

	binary []byte // message.Message
}

// Message decodes the parts with their byte ranges, for sections.
func (st *Structure) Message() (*message.Message, error) {
	m := new(message.Message)
	if err := m.UnmarshalBinary(st.binary); err != nil {
		return nil, fmt.Errorf("mail: structure: %w", err)
	}
	return m, nil
}

// structureVersion counts the forms of appendStructure, from 1 to 7.
const structureVersion = 1

// encoderVersion is kept beside each stored structure, which is computed anew
// when it differs: our form and that of package message together, in one byte.
const encoderVersion = structureVersion<<4 | message.EncoderVersion

// A version that does not fit does not compile.
const _ = uint(15-message.EncoderVersion) + uint(7-structureVersion)

// newStructure computes what is stored of a message. Its slices are its own.
func newStructure(m *message.Message, preview string) (*Structure, error) {
	bin, err := m.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("mail: structure: %w", err)
	}
	return &Structure{
		Envelope:      message.AppendEnvelope(nil, m.Envelope),
		Body:          message.AppendBody(nil, m.Root),
		BodyStructure: message.AppendBodyStructure(nil, m.Root),
		Preview:       preview,
		HeaderSize:    m.Root.BodyOffset,
		Flags:         m.Flags,
		binary:        bin,
	}, nil
}

// encode returns the stored form: flags and header size as varints, then the
// five fields, each behind its length.
func (st *Structure) encode() []byte {
	preview := []byte(st.Preview)
	fields := st.fields(&preview)
	size := 2 * binary.MaxVarintLen64
	for _, f := range fields {
		size += binary.MaxVarintLen32 + len(*f)
	}
	dst := make([]byte, 0, size)
	dst = binary.AppendUvarint(dst, uint64(st.Flags))
	dst = binary.AppendUvarint(dst, uint64(st.HeaderSize))
	for _, f := range fields {
		dst = binary.AppendUvarint(dst, uint64(len(*f)))
		dst = append(dst, *f...)
	}
	return dst
}

func (st *Structure) fields(preview *[]byte) [5]*[]byte {
	return [5]*[]byte{&st.Envelope, &st.Body, &st.BodyStructure, preview, &st.binary}
}

var errStructure = errors.New("mail: stored structure is malformed")

// decode reads the stored form; all fields but the preview point into src.
func (st *Structure) decode(src []byte) error {
	number := func() (uint64, bool) {
		n, k := binary.Uvarint(src)
		if k <= 0 {
			return 0, false
		}
		src = src[k:]
		return n, true
	}
	flags, ok := number()
	size, ok2 := number()
	if !ok || !ok2 || flags > 1<<16-1 || size > 1<<62 {
		return errStructure
	}
	st.Flags, st.HeaderSize = message.Flags(flags), int64(size)
	var preview []byte
	for _, f := range st.fields(&preview) {
		n, ok := number()
		if !ok || n > uint64(len(src)) {
			return errStructure
		}
		*f, src = src[:n:n], src[n:]
	}
	st.Preview = string(preview)
	if len(src) > 0 {
		return errStructure
	}
	return nil
}
