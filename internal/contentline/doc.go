// Package contentline reads and writes content lines, the text form that iCalendar (RFC 5545 3.1) and vCard
// (RFC 6350 3.2) share: a name, parameters and a value, folded at 75 octets.
//
// It knows the grammar of a line and nothing of what properties mean. A [Reader] is bounded in bytes, lines and
// parameters and takes time in proportion to its input, whatever that is. It reads what real programs write: CRLF,
// LF or lone CR as line ends, a byte order mark, folds in the middle of a UTF-8 sequence, the bare parameters and
// quoted-printable soft breaks of vCard 2.1. What it cannot read is a [SyntaxError] that names the line.
//
// Values stay as sent (unfolded); [UnescapeText], [SplitList] and [SplitStructured] take them apart, [EscapeText]
// and [Append] put them together.
package contentline
