package smtp

import (
	"log/slog"
	"testing"
	"time"

	"fachwerk/mail"
)

// A fault while one recipient's copy is stored is that recipient's temporary
// failure: the message is not acknowledged and the process goes on.
func TestDeliveryPanicIsATemporaryFailure(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	srv := &Server{cfg: Config{Mode: LMTP, Mail: (*mail.Service)(nil), Hostname: "mail.musterstadt.example"}, now: time.Now}
	l := &lmtpIntake{s: &session{srv: srv, log: log}} // no mail service: the first use of it is the fault
	if got := l.deliverOne(t.Context(), &transaction{id: "x"}, &recipient{}); got != replyTemporary {
		t.Errorf("answered %+v", got)
	}
}
