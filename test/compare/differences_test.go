package compare

// differences are all there are; a new one fails the test, and so does one that
// is gone. A row explains every occurrence of its command in its session.
var differences = []difference{
	{"tree", `1 LSUB "" tree/*`, childrenUnasked},
	{"tree", `1 LSUB "" tree/%`, childrenUnasked},
	{"tree", `1 LIST (SUBSCRIBED) "" tree/*`, childrenUnasked},
	{"tree", `1 LIST (SUBSCRIBED RECURSIVEMATCH) "" tree/%`, childrenUnasked},
	{"tree", `1 LIST "" (tree/a tree/d) RETURN (SUBSCRIBED)`, childrenUnasked},
	{"tree", `1 LIST "" tree/* RETURN (STATUS (MESSAGES UIDNEXT UNSEEN))`, childrenUnasked},
	{"tree", `1 LIST "" tree/a RETURN (SPECIAL-USE)`, childrenUnasked},
	{"tree", `1 LIST "" tree/*`, "RFC 9051, 6.3.4: the name between, made by RENAME and CREATE, is a mailbox here; Dovecot makes a \\Noselect name"},
	{"tree", `1 LIST "" tree/slash`, "RFC 9051, 6.3.4: the separator at the end declares the intent to create below; Dovecot makes a \\Noselect name"},
	{"tree", `1 DELETE tree/new`, "RFC 9051, 6.3.5: HASCHILDREN says why; for Dovecot the name is \\Noselect and the code is left out"},
	{"tree", `1 DELETE tree/new/f`, "RFC 9051, 6.3.5: a server may refuse, by HASCHILDREN, to delete a mailbox that has others below; Dovecot leaves a \\Noselect name"},
	{"tree", `1 DELETE INBOX`, codeOptional},
	{"tree", `1 CREATE ""`, codeOptional},
	{"tree", `1 CREATE inbox`, "RFC 9051, 6.3.4: it is an error to create INBOX; in Dovecot it comes to be by this command"},

	{"status", `1 STATUS status/box (DELETED)`, "Dovecot 2.3 lacks STATUS DELETED (RFC 9051, 6.3.11)"},
	{"status", `1 STATUS status/none (MESSAGES)`, codeOptional},
	{"status", `1 SELECT status/none`, codeOptional},
	{"status", `1 EXAMINE ""`, codeOptional},
	{"status", `1 STORE 1 +FLAGS (\Seen)`, readOnly},

	{"fetch", `1 FETCH 4 BODYSTRUCTURE`, delimiterCRLF},
	{"fetch", `1 FETCH 4 BODY`, delimiterCRLF},
	{"fetch", `1 FETCH 4 BODY.PEEK[2]`, delimiterCRLF},
	{"fetch", `1 FETCH 4 BODY.PEEK[2.TEXT]`, delimiterCRLF},
	{"fetch", `1 FETCH 3 BODY.PEEK[2.1]`, "RFC 9051, 6.4.5.1: part 1 is a message without parts itself, but a part without parts has none; Dovecot takes 2.1 for 2"},
	{"fetch", `1 FETCH 3 BODY.PEEK[2.HEADER]`, "RFC 9051, 6.4.5.1: only a message/rfc822 part has a HEADER; NIL here, an empty string there"},
	{"fetch", `1 FETCH 2 BINARY.PEEK[]`, "RFC 9051, 6.4.5: what decoding the encoding of a whole message means is not said: as stored here, rewritten with encoding binary there"},
	{"fetch", `1 FETCH 1 BODY.PEEK[]<0.0>`, "RFC 9051, 9: partial is number64 \".\" nz-number64, so that 0 octets is an error of syntax"},
	{"fetch", `1 FETCH 1 BODY.PEEK[0]`, "RFC 9051, 9: section-part consists of nz-number, so that 0 is an error of syntax"},
	{"fetch", `1 FETCH 1 EMAILID`, "Dovecot 2.3 lacks OBJECTID (RFC 8474)"},

	{"store", `1 STORE 1 +FLAGS (\Recent)`, "RFC 3501, 2.3.2: a client cannot alter \\Recent; passed over here, BAD there"},
	{"store", `1 UID STORE 1:99 -FLAGS (\Seen)`, "RFC 9051, 6.4.6: the answer tells the flags; Dovecot leaves out messages that did not change"},
	{"store", `1 STORE 1 +FLAGS (\Seen)`, readOnly},
	{"store", `1 EXPUNGE`, readOnly},

	{"search", `1 SEARCH KEYWORD nowhere`, newKeyword},
	{"search", `1 SEARCH SUBJECT ""`, "RFC 9051, 6.4.4: an empty string is in every subject; whether in the subject of a message without one, is not said"},

	{"copy", `1 MOVE 1 copy/from`, readOnly},
	{"copy", `1 UID EXPUNGE 1`, readOnly},

	{"two", `2 FETCH 1:* UID`, expungedElsewhere},
	{"two", `2 UID FETCH 1:* FLAGS`, expungedElsewhere},

	{"condstore", `1 ENABLE NOSUCH`, emptyEnabled},
	{"condstore", `1 STORE 1 (UNCHANGEDSINCE 0) +FLAGS (newkeyword)`, newKeyword},
	{"condstore", `1 STATUS condstore/box (HIGHESTMODSEQ)`, "RFC 9051, 6.3.11: STATUS is not meant for the selected mailbox; Dovecot calls it a CLIENTBUG (RFC 5530)"},

	{"qresync", `1 SELECT qresync/box (QRESYNC ($V))`, "RFC 9051, 6.3.2: what cannot be parsed is BAD and changes nothing here; Dovecot closes the mailbox first"},
	{"qresync", `1 ENABLE`, emptyEnabled},

	{"use", `1 CREATE use/bad (USE (\Nosuch))`, "Dovecot 2.3 lacks CREATE-SPECIAL-USE (RFC 6154, 3) and passes over USE"},
	{"use", `1 DELETE use/bad`, "the same: RFC 6154, 3 forbids to make the mailbox when its use is refused, so that there is none to delete"},
	{"use", `1 GETQUOTAROOT INBOX`, "Dovecot as configured lacks QUOTA (RFC 9208)"},

	{"odd", `1 FETCH 1 BODYSTRUCTURE`, partless},
	{"odd", `1 FETCH 1 BODY.PEEK[1]`, partless},
	{"odd", `1 FETCH 1 BODY.PEEK[1.MIME]`, partless},
	{"odd", `1 FETCH 1 BINARY.PEEK[1]`, partless},
	{"odd", `1 FETCH 1 BINARY.SIZE[1]`, partless},
	{"odd", `1 FETCH 2 BODYSTRUCTURE`, encodedMessage},
	{"odd", `1 FETCH 2 BINARY.PEEK[1]`, encodedMessage},
	{"odd", `1 FETCH 2 BINARY.SIZE[1]`, encodedMessage},
	{"odd", `1 FETCH 4 ENVELOPE`, "RFC 9051, 7.5.2: NIL as host would mean a group, so that an address without a domain has an empty one; Dovecot invents MISSING_DOMAIN"},
	{"odd", `1 FETCH 5 ENVELOPE`, duplicateField},
	{"odd", `1 FETCH 6 BODY.PEEK[1.MIME]`, sharedCRLF},

	{"corpus/enmime/testdata/parts/multi-malformed.raw", `1 FETCH 1 BODY[2.MIME]`, sharedCRLF},
	{"corpus/james-mime4j/core/src/test/resources/mimetools-testmsgs/infinite.msg", `1 FETCH 1 BODYSTRUCTURE`, emptyDescription},
	{"corpus/james-mime4j/core/src/test/resources/mimetools-testmsgs/infinite.msg", `1 FETCH 1 BODY`, emptyDescription},
	{"corpus/mikel-mail/spec/fixtures/emails/mime_emails/raw_email_with_illegal_boundary.eml", `1 FETCH 1 BODYSTRUCTURE`, illegalBoundary},
	{"corpus/mikel-mail/spec/fixtures/emails/mime_emails/raw_email_with_illegal_boundary.eml", `1 FETCH 1 BODY`, illegalBoundary},
	{"corpus/sisimai/maildir/dos/lhost-gsuite-01.eml", `1 FETCH 1 BODY[1]`, delimiterCRLF},
	{"corpus/stalwart-mail-parser/resources/eml/malformed/019.eml", `1 FETCH 1 ENVELOPE`, duplicateField},
}

const (
	partless          = "RFC 2046, 5.1.1: a multipart has at least one part; what has none is served as text/plain here, with an empty part there"
	encodedMessage    = "RFC 2046, 5.2.1: message/rfc822 cannot be encoded by base64; RFC 2045, 6.4 suggests application/octet-stream, which is what is served here; Dovecot shows an empty message"
	duplicateField    = "RFC 5322, 3.6 allows these fields once; of several the first counts here, the last there"
	sharedCRLF        = "RFC 9051, 6.4.5.1 counts the blank line to the header, RFC 2046, 5.1.1 the CRLF before a delimiter to the delimiter; in a part without a body they are the same octets"
	emptyDescription  = "RFC 9051, 7.5.2: body description is NIL or a string; an empty field is NIL here, an empty string there"
	illegalBoundary   = "RFC 2045, 5.1 forbids '=' outside quotes in a parameter; read as part of the value here, as its end there"
	childrenUnasked   = "RFC 9051, 6.3.9.5 and 7.3.1: \\HasChildren and \\HasNoChildren may be told without being asked for; Dovecot tells them only when asked"
	codeOptional      = "RFC 5530, 3: which response code explains a NO, or whether one does, is a server's choice"
	readOnly          = "RFC 9051, 6.3.3: no changes to what was selected by EXAMINE; NO here, Dovecot answers OK"
	delimiterCRLF     = "RFC 2046, 5.1.1: the CRLF before a delimiter belongs to the delimiter; Dovecot counts it to a message whose own end is a delimiter"
	newKeyword        = "RFC 9051, 7.3.5: Dovecot keeps a list of the mailbox's keywords and adds to it whatever a command names"
	expungedElsewhere = "RFC 2180, 4.1: what another session expunged, and this one was not told of, may still be served or left out"
	emptyEnabled      = "RFC 5161, 3.2: ENABLED without a capability may be left out"
)
