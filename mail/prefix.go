package mail

import (
	"bytes"
	"slices"
	"strings"

	"fachwerk/mail/message"
)

// shiftable reports whether a prefix only moves what a scan of the message
// alone found: it is made of whole trace fields, and the message does not begin
// with a line that would become the continuation of the last one.
func shiftable(prefix []byte, first byte) bool {
	if !bytes.HasSuffix(prefix, []byte("\r\n")) || first <= ' ' {
		return false
	}
	for f := range message.Fields(prefix) {
		if !slices.ContainsFunc(traceFields, func(name string) bool { return strings.EqualFold(name, string(f.Name)) }) {
			return false
		}
	}
	return !bytes.Contains(prefix, []byte("\r\n\r\n")) && prefix[0] > ' '
}

// traceFields are fields that no structure shows.
var traceFields = []string{
	"Return-Path", "Received", "Delivered-To", "X-Original-To", "Authentication-Results", "Received-SPF", "X-Spam-Status",
}

// shifted is m as it stands behind prefix: every offset moves, and what is
// counted over the whole message grows.
func shifted(m *message.Message, prefix []byte) *message.Message {
	p := message.Scan(prefix, message.Limits{})
	n := *m
	n.Size += p.Size
	n.Lines += p.Lines
	n.LongestLine = max(n.LongestLine, p.LongestLine)
	n.Flags |= p.Flags
	n.Received += p.Received
	n.Root = shiftPart(m.Root, p.Size)
	n.Root.Offset = 0 // the prefix belongs to the header
	return &n
}

// shiftPart copies a tree of parts; strings and envelopes are shared.
func shiftPart(p *message.Part, by int64) *message.Part {
	if p == nil {
		return nil
	}
	n := *p
	n.Offset += by
	n.BodyOffset += by
	n.End += by
	n.Embedded = shiftPart(p.Embedded, by)
	if p.Children != nil {
		n.Children = make([]*message.Part, len(p.Children))
		for i, c := range p.Children {
			n.Children[i] = shiftPart(c, by)
		}
	}
	return &n
}
