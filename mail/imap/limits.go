package imap

import "time"

// Limits bound what clients may take. Zero fields take the defaults.
type Limits struct {
	Connections           int // in total; default 10,000
	ConnectionsPerAddress int // by client address (IPv6: /64); default 200
	ConnectionsPerAccount int // logged in as one person; default 50

	PreLogin time.Duration // from connecting to a login; default 60 s
	Idle     time.Duration // between commands after it, at least 30 min (RFC 9051 5.4); default 30 min
	Stall    time.Duration // in the middle of a command; default 2 min
	Write    time.Duration // for the client to take what was written (at most 64 KiB); default 60 s

	PreLoginCommand int // bytes of a command with its literals before login; default 8 KiB
	Command         int // and after it; default 128 KiB

	FailedLogins int // on one connection; default 5
	BadCommands  int // in a row on one connection; default 10 before login, five times as many after it
}

func (l Limits) withDefaults() Limits {
	def(&l.Connections, 10_000)
	def(&l.ConnectionsPerAddress, 200)
	def(&l.ConnectionsPerAccount, 50)
	def(&l.PreLogin, 60*time.Second)
	def(&l.Idle, 30*time.Minute)
	def(&l.Stall, 2*time.Minute)
	def(&l.Write, 60*time.Second)
	def(&l.PreLoginCommand, 8<<10)
	def(&l.Command, 128<<10)
	def(&l.FailedLogins, 5)
	def(&l.BadCommands, 10)
	return l
}

func def[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

const (
	// literalMinus is the largest literal that may be pushed before login (RFC 7888 5).
	literalMinus = 4096
	// drainLimit is how much of a command that is too long is read and thrown away; beyond it the connection ends.
	drainLimit = 1 << 20
	// drainAppend is how much of a message that is too large is read and thrown away.
	drainAppend = 1 << 30
	// maxSASL is the longest SASL response line: a base64 of the 64 KiB that long tokens may take.
	maxSASL = 88 << 10
	// maxAppend is how many messages one APPEND may bring (RFC 3502).
	maxAppend = 1000
	// maxSearchDepth and maxSearchKeys bound search programs.
	maxSearchDepth = 40
	maxSearchKeys  = 1000
	// maxFetchItems bounds the data items of one FETCH.
	maxFetchItems = 200
	// maxPatterns bounds the patterns of one LIST.
	maxPatterns = 50
	// maxHeader is how much of a header HEADER.FIELDS looks at.
	maxHeader = 8 << 20
)
