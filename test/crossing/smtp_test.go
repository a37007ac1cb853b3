package crossing

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

func (h *house) authPlain() string { return authPlain(anna, h.Passwords[anna]) }

func authPlain(who, password string) string {
	return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+who+"\x00"+password))
}

func (h *house) walkSMTP(t *testing.T) {
	in := h.authPlain()
	t.Run("granted", func(t *testing.T) {
		if got := h.smtp(t, "submission", in, "MAIL FROM:<"+office+">"); !strings.Contains(got, "250 2.1.0") {
			t.Fatalf("anna cannot send as the office: %s", got)
		}
	})
	letter := func(head string) string {
		return fmt.Sprintf("%s\r\nSubject: Test\r\nDate: %s\r\n\r\nGuten Tag.\r\n.", head, time.Now().Format(time.RFC1123Z))
	}
	for _, p := range addresses() {
		for what, ask := range map[string]func(name string) string{
			"VRFY":                 func(n string) string { return h.smtp(t, "submission", in, "VRFY "+n) },
			"VRFY without a login": func(n string) string { return h.smtp(t, "submission", "VRFY "+n) },
			"EXPN":                 func(n string) string { return h.smtp(t, "submission", in, "EXPN "+n) },
			"VRFY from a relay":    func(n string) string { return h.smtp(t, "smtp", "VRFY "+n) },
			"EXPN from a relay":    func(n string) string { return h.smtp(t, "smtp", "EXPN "+n) },
			"LMTP VRFY":            func(n string) string { return h.smtp(t, "lmtp", "VRFY "+n) },
			"MAIL FROM":            func(n string) string { return h.smtp(t, "submission", in, "MAIL FROM:<"+n+">") },
			"MAIL FROM with AUTH":  func(n string) string { return h.smtp(t, "submission", in, "MAIL FROM:<"+anna+"> AUTH="+n) },
			"MAIL FROM with a detail": func(n string) string {
				return h.smtp(t, "submission", in, "MAIL FROM:<"+strings.Replace(n, "@", "+x@", 1)+">")
			},
			"From": func(n string) string {
				return h.smtp(t, "submission", in, "MAIL FROM:<"+anna+">", "RCPT TO:<"+jan+">", "DATA", letter("From: <"+n+">"))
			},
			"Sender": func(n string) string {
				return h.smtp(t, "submission", in, "MAIL FROM:<"+anna+">", "RCPT TO:<"+jan+">", "DATA", letter("From: <"+anna+">\r\nSender: <"+n+">"))
			},
			"Resent-From": func(n string) string {
				return h.smtp(t, "submission", in, "MAIL FROM:<"+anna+">", "RCPT TO:<"+jan+">", "DATA", letter("From: <"+anna+">\r\nResent-From: <"+n+">"))
			},
		} {
			h.same(t, "SMTP "+what, p, func(_ *testing.T, name string) string { return ask(name) })
		}
	}
	t.Run("delivery addresses", h.deliveryAddresses)
}

// deliveryAddresses: to whom mail can be sent is what every mail server tells every
// stranger. A person of another tenant is told no more: neither what kind of account it
// is, nor whether its person may sign in.
func (h *house) deliveryAddresses(t *testing.T) {
	in := h.authPlain()
	rcpt := func(listener, to string) (string, done) {
		commands := []string{"MAIL FROM:<" + anna + ">", "RCPT TO:<" + to + ">"}
		if listener == "submission" {
			commands = append([]string{in}, commands...)
		}
		answer, d := h.measure(t, to, func(t *testing.T, _ string) string { return h.smtp(t, listener, commands...) })
		return answer[strings.LastIndex(strings.TrimRight(answer, "\r\n"), "\n")+1:], d
	}
	for _, listener := range []string{"submission", "smtp", "lmtp"} {
		var first string
		for i, to := range theirs {
			answer, work := rcpt(listener, to)
			if i == 0 {
				if first = answer; !strings.HasPrefix(first, "250") {
					t.Fatalf("%s: RCPT TO:<%s>: %s", listener, to, answer)
				}
			}
			if answer != first {
				t.Errorf("%s: RCPT TO:<%s> answers %q, <%s> %q", listener, to, answer, theirs[0], first)
			}
			for try := 1; ; try++ { // by the same work
				_, other := rcpt(listener, theirs[0])
				if work.equal(other) {
					break
				}
				if _, work = rcpt(listener, to); try == tries {
					t.Errorf("%s: RCPT TO:<%s> is other work than <%s>: %s", listener, to, theirs[0], differ(work, other))
					break
				}
			}
		}
		none, _ := rcpt(listener, missingLike(beate).missing)
		if own, _ := rcpt(listener, missingLike(jan).missing); none != own {
			t.Errorf("%s: nobody of the other tenant answers %q, of one's own %q", listener, none, own)
		}
	}
}
