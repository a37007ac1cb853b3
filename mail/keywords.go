package mail

import (
	"fmt"
	"slices"
	"strings"
)

// Bounds of a message's keywords.
const (
	maxKeywords     = 100
	maxKeywordBytes = 100
)

// known spellings: keywords compare without regard to case (RFC 9051 2.3.2),
// and clients write these in more than one way.
var knownKeywords = []string{
	"$Forwarded", "$MDNSent", "$SubmitPending", "$Submitted", "$Important", "$Phishing", "$Junk", "$NotJunk",
	"NonJunk", "Junk", "Forwarded", "Redirected",
}

// checkKeyword reports whether a word can be a keyword: an atom (RFC 9051 9,
// flag-keyword) of bounded length.
func checkKeyword(word string) error {
	ok := word != "" && len(word) <= maxKeywordBytes
	for i := 0; i < len(word) && ok; i++ {
		ok = word[i] > ' ' && word[i] < 0x7f && !strings.ContainsRune(`(){%*"\]`, rune(word[i]))
	}
	if !ok {
		return fmt.Errorf("%w: %.100q", ErrKeyword, word)
	}
	return nil
}

// spell checks keywords and gives each the spelling that the mailbox uses, else
// the well-known one, else its own; each comes once.
func spell(words, used []string) ([]string, error) {
	if len(words) > maxKeywords {
		return nil, fmt.Errorf("%w: more than %d", ErrKeyword, maxKeywords)
	}
	list := make([]string, 0, len(words))
	for _, word := range words {
		if err := checkKeyword(word); err != nil {
			return nil, err
		}
		same := func(other string) bool { return strings.EqualFold(other, word) }
		if slices.ContainsFunc(list, same) {
			continue
		}
		if i := slices.IndexFunc(used, same); i >= 0 {
			word = used[i]
		} else if i := slices.IndexFunc(knownKeywords, same); i >= 0 {
			word = knownKeywords[i]
		}
		list = append(list, word)
	}
	return list, nil
}

// spellings lists every spelling of words that the mailbox uses, to remove them all.
func spellings(words, used []string) ([]string, error) {
	list, err := spell(words, nil)
	if err != nil {
		return nil, err
	}
	for _, other := range used {
		for _, word := range words {
			if strings.EqualFold(other, word) && !slices.Contains(list, other) {
				list = append(list, other)
			}
		}
	}
	return list, nil
}
