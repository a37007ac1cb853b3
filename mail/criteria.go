package mail

import "time"

// Criteria is a search key (RFC 9051 6.4.4): one of the types of this file,
// nested at most 50 deep with at most 2,000 keys in all.
//
// Text is compared as UTF-8, decoded (RFC 2047, charsets, transfer encodings)
// and without regard to case; an empty text matches wherever the field is.
// Days are those of UTC.
type Criteria interface{ criteria() }

type (
	// SearchAnd matches when all match, so an empty one always does.
	SearchAnd []Criteria
	// SearchOr matches when one matches.
	SearchOr []Criteria
	// SearchNot matches when Key does not.
	SearchNot struct{ Key Criteria }
	// SearchAll matches always.
	SearchAll struct{}

	// SearchSeqSet matches by index in the snapshot.
	SearchSeqSet []IndexRange
	// SearchUIDSet matches by UID.
	SearchUIDSet []UIDRange
	// SearchHasFlags matches when all these flags are set.
	SearchHasFlags Flags
	// SearchKeyword matches when the keyword is set, compared without regard to case.
	SearchKeyword string

	// SearchSince, SearchBefore and SearchOn compare the INTERNALDATE's day.
	SearchSince  time.Time
	SearchBefore time.Time
	SearchOn     time.Time
	// SearchSentSince, SearchSentBefore and SearchSentOn compare the day of the Date field as
	// written, its zone disregarded. A message without a readable one does not match.
	SearchSentSince  time.Time
	SearchSentBefore time.Time
	SearchSentOn     time.Time
	// SearchSavedSince, SearchSavedBefore and SearchSavedOn compare the save date's day (RFC 8514).
	SearchSavedSince  time.Time
	SearchSavedBefore time.Time
	SearchSavedOn     time.Time
	// SearchOlder and SearchYounger compare the INTERNALDATE with now (RFC 5032).
	SearchOlder   time.Duration
	SearchYounger time.Duration

	// SearchLarger and SearchSmaller compare the size in bytes.
	SearchLarger  int64
	SearchSmaller int64
	// SearchModSeq matches messages changed at this mod-sequence or later (RFC 7162 3.1.5).
	SearchModSeq uint64
	// SearchEmailID and SearchThreadID compare identifiers (RFC 8474).
	SearchEmailID  string
	SearchThreadID string

	// SearchSubject, SearchFrom, SearchTo, SearchCc and SearchBcc search in the envelope.
	SearchSubject string
	SearchFrom    string
	SearchTo      string
	SearchCc      string
	SearchBcc     string
	// SearchHeader searches in all fields of a name; with an empty Value it matches
	// when there is one.
	SearchHeader struct{ Name, Value string }
	// SearchBody searches in the text parts and the names of attachments.
	SearchBody string
	// SearchText searches in the header and where Body does.
	SearchText string
)

// IndexRange is a range of indexes in a snapshot, both ends included.
type IndexRange struct{ First, Last int }

// UIDRange is a range of UIDs, both ends included.
type UIDRange struct{ First, Last uint32 }

func (SearchAnd) criteria()         {}
func (SearchOr) criteria()          {}
func (SearchNot) criteria()         {}
func (SearchAll) criteria()         {}
func (SearchSeqSet) criteria()      {}
func (SearchUIDSet) criteria()      {}
func (SearchHasFlags) criteria()    {}
func (SearchKeyword) criteria()     {}
func (SearchSince) criteria()       {}
func (SearchBefore) criteria()      {}
func (SearchOn) criteria()          {}
func (SearchSentSince) criteria()   {}
func (SearchSentBefore) criteria()  {}
func (SearchSentOn) criteria()      {}
func (SearchSavedSince) criteria()  {}
func (SearchSavedBefore) criteria() {}
func (SearchSavedOn) criteria()     {}
func (SearchOlder) criteria()       {}
func (SearchYounger) criteria()     {}
func (SearchLarger) criteria()      {}
func (SearchSmaller) criteria()     {}
func (SearchModSeq) criteria()      {}
func (SearchEmailID) criteria()     {}
func (SearchThreadID) criteria()    {}
func (SearchSubject) criteria()     {}
func (SearchFrom) criteria()        {}
func (SearchTo) criteria()          {}
func (SearchCc) criteria()          {}
func (SearchBcc) criteria()         {}
func (SearchHeader) criteria()      {}
func (SearchBody) criteria()        {}
func (SearchText) criteria()        {}
