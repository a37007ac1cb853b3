package portal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"fachwerk/auth"
)

// profileTicket is the kind of ticket under which a profile waits to be fetched.
const profileTicket = "portal.apple-profile"

// profileTime is how long it waits.
const profileTime = 10 * time.Minute

// makeProfile makes a configuration profile with a new app password inside. It
// waits, sealed, to be fetched once.
func (p *Portal) makeProfile(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !p.offersProfile() {
		p.message(w, r, v, http.StatusNotFound, "error.page")
		return
	}
	name := "Apple, " + p.c.Now().In(p.c.Zone).Format("2006-01-02 15:04")
	made, secret, err := p.c.Authenticator.NewAppPassword(r.Context(), v.Principal, name, auth.MailRead|auth.MailSend, time.Time{})
	if errors.Is(err, auth.ErrStale) {
		p.onward(w, r, loginPath("/setup/iphone", true))
		return
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	id, err := p.keepProfile(r.Context(), v, secret)
	if err != nil {
		// A password that nobody has seen is of no use to its owner.
		if err := p.c.Authenticator.RevokeAppPassword(context.WithoutCancel(r.Context()), v.ref(), made.ID); err != nil {
			p.log.Error("portal: the app password of a profile that could not be made goes on", "err", err)
		}
		p.fail(w, r, v, err)
		return
	}
	p.render(w, r, v, http.StatusOK, "profile", "/apple-profile/"+id)
}

// keepProfile puts a profile aside and gives the id to fetch it by.
func (p *Portal) keepProfile(ctx context.Context, v *visitor, secret string) (id string, err error) {
	profile, err := p.appleProfile(v, secret)
	if err != nil {
		return "", err
	}
	id = rand.Text()
	return id, p.c.Tickets.PutTicket(ctx, auth.Ticket{
		Kind: profileTicket, ID: ticketID(v, id), Value: profile, Expires: p.c.Now().Add(profileTime),
	})
}

// ticketID binds the profile to the person who made it.
func ticketID(v *visitor, id string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%d\x00%s", v.Tenant, v.Account, id))
	return hex.EncodeToString(sum[:])
}

// fetchProfile hands the profile out, once.
func (p *Portal) fetchProfile(w http.ResponseWriter, r *http.Request, v *visitor) {
	ticket, err := p.c.Tickets.TakeTicket(r.Context(), profileTicket, ticketID(v, r.PathValue("ticket")))
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-apple-aspen-config")
	h.Set("Content-Disposition", `attachment; filename="fachwerk.mobileconfig"`)
	_, _ = w.Write(ticket.Value)
}

// offersProfile reports whether there is something to set up both for reading
// and for sending.
func (p *Portal) offersProfile() bool {
	return len(p.incoming()) > 0 && len(p.outgoing()) > 0
}

// appleProfile writes the property list of a mail account (Apple's Mail payload,
// com.apple.mail.managed).
func (p *Portal) appleProfile(v *visitor, secret string) ([]byte, error) {
	in, out := p.incoming()[0], p.outgoing()[0]
	identifier := reverse(p.host) + ".fachwerk"
	mail := dict{
		"PayloadType": "com.apple.mail.managed", "PayloadVersion": 1,
		"PayloadIdentifier": identifier + ".mail", "PayloadUUID": uuid(v.Address + "mail"),
		"PayloadDisplayName": "E-Mail " + v.Address,
		"EmailAccountType":   "EmailTypeIMAP",
		"EmailAccountName":   v.DisplayName, "EmailAccountDescription": "Fachwerk",
		"EmailAddress":                     v.Address,
		"IncomingMailServerAuthentication": "EmailAuthPassword",
		"IncomingMailServerHostName":       in.Host, "IncomingMailServerPortNumber": in.Port,
		"IncomingMailServerUseSSL": !in.Plain, "IncomingMailServerUsername": v.Address, "IncomingPassword": secret,
		"OutgoingMailServerAuthentication": "EmailAuthPassword",
		"OutgoingMailServerHostName":       out.Host, "OutgoingMailServerPortNumber": out.Port,
		"OutgoingMailServerUseSSL": !out.Plain, "OutgoingMailServerUsername": v.Address,
		"OutgoingPasswordSameAsIncomingPassword": true,
	}
	profile := dict{
		"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": identifier,
		"PayloadUUID": uuid(v.Address), "PayloadDisplayName": "Fachwerk " + v.Address,
		"PayloadOrganization": "Fachwerk", "PayloadContent": []dict{mail},
	}
	return encodePlist(profile)
}

func reverse(host string) string {
	labels := strings.Split(host, ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".")
}

// uuid is the same for the same account, so that a new profile takes the place
// of the old one.
func uuid(name string) string {
	sum := sha256.Sum256([]byte("fachwerk apple profile " + name))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // RFC 9562 5.8
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
}
