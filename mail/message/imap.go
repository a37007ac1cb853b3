package message

// AppendEnvelope appends the envelope in IMAP's wire form (RFC 9051 9, "envelope") to dst.
func AppendEnvelope(dst []byte, e *Envelope) []byte { return dst }

// AppendBody appends the part in the form of FETCH BODY, without extension data (RFC 9051 9, "body").
func AppendBody(dst []byte, p *Part) []byte { return dst }

// AppendBodyStructure appends the part in the form of FETCH BODYSTRUCTURE, with extension data.
func AppendBodyStructure(dst []byte, p *Part) []byte { return dst }
