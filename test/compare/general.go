package compare

import (
	"regexp"
	"slices"
)

// rule is a difference that occurs with many commands; it is taken out of both
// servers' answers.
type rule struct {
	from   *regexp.Regexp // in a line of normal
	to     string         // "OK": without the line
	why    string
	unless *regexp.Regexp // matches "session: step", where the rule does not apply; or nil
}

var general = []rule{
	{regexp.MustCompile(`^(\d+ FETCH (?:BODY|BINARY)\[[1-9][0-9.]*(?:MIME)?\]) (?:NIL|"")$`), `$1 ""`, "RFC 9051, 6.4.5 leaves open what a part that does not exist gives: NIL here, mostly an empty string there", nil},
	{regexp.MustCompile(`^(TAG )?OK \[MAILBOXID .*\]$`), "${1}OK", "Dovecot 2.3 lacks OBJECTID (RFC 8474)", nil},
	{regexp.MustCompile(`^OK \[HIGHESTMODSEQ N\]$`), "OK", "RFC 7162, 3.1.2.1: the code comes with SELECT where the mailbox keeps mod-sequences; Dovecot begins to keep them at the first CONDSTORE command", regexp.MustCompile(`^(condstore|qresync): `)},
	{regexp.MustCompile(`^(\d+ FETCH (?:FLAGS \([^)]*\))?(?: ?MODSEQ \(N\))?) UID \d+$`), "$1", "RFC 9051, 7.5.2: a server may send data that was not asked for; here UID is told with every change of flags", regexp.MustCompile(`: \d (UID|FETCH) `)},
	{regexp.MustCompile(`^((?:LIST|LSUB) \([^)]*?) ?\\unmarked`), "$1", "RFC 9051, 7.3.1: \\Marked and \\Unmarked are hints", nil},
}

// reduce applies the rules to the answer to a step, "session: step", and calls used with the index of each that changed
// something.
func reduce(step string, lines []string, used func(i int)) []string {
	var out []string
	for _, line := range lines {
		for i, r := range general {
			if r.unless != nil && r.unless.MatchString(step) {
				continue
			}
			if after := r.from.ReplaceAllString(line, r.to); after != line {
				line = after
				used(i)
			}
		}
		if line != "OK" {
			out = append(out, line)
		}
	}
	return slices.Clip(out)
}
