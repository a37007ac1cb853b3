package imap_test

import "strconv"

func num(n int) string { return strconv.Itoa(n) }

// lit is a string as a literal.
func lit(s string) string { return "{" + num(len(s)) + "}\r\n" + s }
