package contentline

// UnescapeText undoes the escapes of a TEXT value (RFC 5545 3.3.11, RFC 6350
// 4): \n and \N are a line feed, a backslash before anything else is dropped.
func UnescapeText(s string) string { panic("unwritten") }

// EscapeText escapes backslash, comma, semicolon and line breaks.
func EscapeText(s string) string { panic("unwritten") }

// SplitList splits at commas that are not escaped; the parts stay escaped.
func SplitList(s string) []string { panic("unwritten") }

// SplitStructured splits at semicolons that are not escaped; the parts stay
// escaped.
func SplitStructured(s string) []string { panic("unwritten") }

// Append appends the line, folded at 75 octets and never inside a UTF-8
// sequence, with CRLF. Parameter values are quoted and ^-escaped (RFC 6868)
// where they need it.
func Append(dst []byte, l Line) []byte { panic("unwritten") }
