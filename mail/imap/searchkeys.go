package imap

import (
	"strings"
	"time"

	"fachwerk/mail"
	"fachwerk/mail/imap/wire"
)

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

// keyParser reads search keys into criteria, bounded in depth and number.
type keyParser struct {
	s     *session
	p     *wire.Parser
	args  *searchArgs
	depth int
	keys  int
}

// and reads keys up to the end of the command, or to a closing parenthesis.
func (k *keyParser) and(nested bool) mail.Criteria {
	var all mail.SearchAnd
	for k.p.Err() == nil {
		all = append(all, k.key())
		if nested && k.p.Accept(')') {
			break
		}
		if !nested && !k.p.More() {
			break
		}
		k.p.SP()
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// nothing matches no message.
func nothing() mail.Criteria { return mail.SearchNot{Key: mail.SearchAll{}} }

// key reads one search key.
func (k *keyParser) key() mail.Criteria {
	p := k.p
	if k.keys++; k.keys > maxSearchKeys {
		p.Fail("too many search keys")
	}
	if k.depth++; k.depth > maxSearchDepth {
		p.Fail("search keys are nested too deep")
	}
	defer func() { k.depth-- }()
	if p.Err() != nil {
		return nothing()
	}
	switch c := p.Peek(); {
	case c == '(':
		p.Accept('(')
		return k.and(true)
	case c >= '0' && c <= '9', c == '*', c == '$':
		return k.set(false)
	}
	name := p.Name()
	if c, ok := flagKey(name); ok {
		return c
	}
	if c, ok := k.dateKey(name); ok {
		return c
	}
	if c, ok := k.textKey(name); ok {
		return c
	}
	return k.otherKey(name)
}

func (k *keyParser) set(uid bool) mail.Criteria {
	set := k.p.Set()
	if k.p.Err() != nil {
		return nothing()
	}
	x := k.s.sel
	if set.Saved || uid {
		ranges := wire.RangesOf(k.s.saved)
		if !set.Saved {
			ranges = set.Resolve(x.largestUID())
		}
		out := make(mail.SearchUIDSet, len(ranges))
		for i, r := range ranges {
			out[i] = mail.UIDRange(r)
		}
		return out
	}
	// Numbers beyond the last match nothing here, where other commands call them a mistake: a search names no
	// message that it would act on.
	var ranges []wire.Range
	for _, r := range set.Resolve(uint32(x.exists)) {
		if r.First <= uint32(x.exists) {
			ranges = append(ranges, wire.Range{First: r.First, Last: min(r.Last, uint32(x.exists))})
		}
	}
	idx, _ := x.bySeq(ranges)
	return mail.SearchSeqSet(idx)
}

// flagKey are the keys that look at flags.
func flagKey(name string) (mail.Criteria, bool) {
	has := func(f mail.Flags) (mail.Criteria, bool) { return mail.SearchHasFlags(f), true }
	hasNot := func(f mail.Flags) (mail.Criteria, bool) { return mail.SearchNot{Key: mail.SearchHasFlags(f)}, true }
	switch name {
	case "ANSWERED":
		return has(mail.FlagAnswered)
	case "DELETED":
		return has(mail.FlagDeleted)
	case "DRAFT":
		return has(mail.FlagDraft)
	case "FLAGGED":
		return has(mail.FlagFlagged)
	case "SEEN":
		return has(mail.FlagSeen)
	case "UNANSWERED":
		return hasNot(mail.FlagAnswered)
	case "UNDELETED":
		return hasNot(mail.FlagDeleted)
	case "UNDRAFT":
		return hasNot(mail.FlagDraft)
	case "UNFLAGGED":
		return hasNot(mail.FlagFlagged)
	case "UNSEEN":
		return hasNot(mail.FlagSeen)
	case "ALL", "OLD", "SAVEDATESUPPORTED": // no message is \Recent here; every one has a save date
		return mail.SearchAll{}, true
	case "RECENT", "NEW":
		return nothing(), true
	}
	return nil, false
}

// dateKey are the keys that compare dates.
func (k *keyParser) dateKey(name string) (mail.Criteria, bool) {
	var make func(t time.Time) mail.Criteria
	switch name {
	case "BEFORE":
		make = func(t time.Time) mail.Criteria { return mail.SearchBefore(t) }
	case "ON":
		make = func(t time.Time) mail.Criteria { return mail.SearchOn(t) }
	case "SINCE":
		make = func(t time.Time) mail.Criteria { return mail.SearchSince(t) }
	case "SENTBEFORE":
		make = func(t time.Time) mail.Criteria { return mail.SearchSentBefore(t) }
	case "SENTON":
		make = func(t time.Time) mail.Criteria { return mail.SearchSentOn(t) }
	case "SENTSINCE":
		make = func(t time.Time) mail.Criteria { return mail.SearchSentSince(t) }
	case "SAVEDBEFORE":
		make = func(t time.Time) mail.Criteria { return mail.SearchSavedBefore(t) }
	case "SAVEDON":
		make = func(t time.Time) mail.Criteria { return mail.SearchSavedOn(t) }
	case "SAVEDSINCE":
		make = func(t time.Time) mail.Criteria { return mail.SearchSavedSince(t) }
	default:
		return nil, false
	}
	k.p.SP()
	return make(k.p.Date()), true
}

// textKey are the keys that look for text.
func (k *keyParser) textKey(name string) (mail.Criteria, bool) {
	switch name {
	case "SUBJECT", "FROM", "TO", "CC", "BCC", "BODY", "TEXT":
	default:
		return nil, false
	}
	k.p.SP()
	text := k.p.AString()
	switch name {
	case "SUBJECT":
		return mail.SearchSubject(text), true
	case "FROM":
		return mail.SearchFrom(text), true
	case "TO":
		return mail.SearchTo(text), true
	case "CC":
		return mail.SearchCc(text), true
	case "BCC":
		return mail.SearchBcc(text), true
	case "BODY":
		return mail.SearchBody(text), true
	}
	return mail.SearchText(text), true
}

// otherKey are the remaining keys, all of which have an argument.
func (k *keyParser) otherKey(name string) mail.Criteria {
	p := k.p
	p.SP()
	switch name {
	case "NOT":
		return mail.SearchNot{Key: k.key()}
	case "OR":
		a := k.key()
		p.SP()
		return mail.SearchOr{a, k.key()}
	case "UID":
		return k.set(true)
	case "KEYWORD":
		return mail.SearchKeyword(p.Atom())
	case "UNKEYWORD":
		return mail.SearchNot{Key: mail.SearchKeyword(p.Atom())}
	case "HEADER":
		field := p.AString()
		p.SP()
		return mail.SearchHeader{Name: field, Value: p.AString()}
	case "LARGER":
		return mail.SearchLarger(p.Number64())
	case "SMALLER":
		return mail.SearchSmaller(p.Number64())
	case "OLDER": // RFC 5032
		return mail.SearchOlder(time.Duration(p.NzNumber()) * time.Second)
	case "YOUNGER":
		return mail.SearchYounger(time.Duration(p.NzNumber()) * time.Second)
	case "EMAILID": // RFC 8474
		return mail.SearchEmailID(p.AString())
	case "THREADID":
		return mail.SearchThreadID(p.AString())
	case "MODSEQ":
		return k.modSeq()
	}
	p.Fail("unknown search key " + name)
	return nothing()
}

// modSeq reads the argument of MODSEQ (RFC 7162 3.1.5). All flags share one mod-sequence here, so the name of an entry
// changes nothing.
func (k *keyParser) modSeq() mail.Criteria {
	p := k.p
	if p.Peek() == '"' {
		_ = p.String()
		p.SP()
		switch p.Name() {
		case "ALL", "PRIV", "SHARED":
		default:
			p.Fail("expected all, priv or shared")
		}
		p.SP()
	}
	n := p.Number64()
	if p.Err() == nil {
		k.s.enableCondstore()
		k.args.modSeq = true
	}
	return mail.SearchModSeq(n)
}
