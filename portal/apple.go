package portal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
	made, secret, err := p.c.Authenticator.NewAppPassword(r.Context(), v.Principal, name, p.profileScopes(), time.Time{})
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
		Tenant: v.Tenant, Kind: profileTicket, ID: ticketID(v, id), Owner: auth.AccountRef{Tenant: v.Tenant, Account: v.Account}.Owner(), Value: profile, Expires: p.c.Now().Add(profileTime),
	})
}

// ticketID binds the profile to the person who made it.
func ticketID(v *visitor, id string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%d\x00%s", v.Tenant, v.Account, id))
	return hex.EncodeToString(sum[:])
}

// fetchProfile hands the profile out, once.
func (p *Portal) fetchProfile(w http.ResponseWriter, r *http.Request, v *visitor) {
	ticket, err := p.c.Tickets.TakeTicket(r.Context(), v.Tenant, profileTicket, ticketID(v, r.PathValue("ticket")))
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-apple-aspen-config")
	h.Set("Content-Disposition", `attachment; filename="fachwerk.mobileconfig"`)
	_, _ = w.Write(ticket.Value)
}

// profileKinds are what a profile sets up: mail where it can be both read and
// sent, calendars and contacts. Apple's devices know no payload for files.
func (p *Portal) profileKinds() (list []string) {
	if len(p.incoming()) > 0 && len(p.outgoing()) > 0 {
		list = append(list, mailKind)
	}
	if p.offersDAV() {
		list = append(list, calendarKind, contactsKind)
	}
	return list
}

// offersProfile reports whether there is something to set up.
func (p *Portal) offersProfile() bool { return len(p.profileKinds()) > 0 }

// profileScopes are what the app password inside is good for.
func (p *Portal) profileScopes() (s auth.Scope) {
	for _, k := range p.profileKinds() {
		s |= kindScopes[k]
	}
	return s
}

// appleProfile writes the property list of a profile.
func (p *Portal) appleProfile(v *visitor, secret string) ([]byte, error) {
	identifier := reverse(p.host) + ".fachwerk"
	var payloads []dict
	for _, k := range p.profileKinds() {
		if k == mailKind {
			payloads = append(payloads, p.mailPayload(v, identifier, secret))
		} else {
			payloads = append(payloads, p.davPayload(v, k, identifier, secret))
		}
	}
	return encodePlist(dict{
		"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": identifier,
		"PayloadUUID": uuid(v.Address), "PayloadDisplayName": "Fachwerk " + v.Address,
		"PayloadOrganization": "Fachwerk", "PayloadContent": payloads,
	})
}

// mailPayload is a mail account (Apple's payload com.apple.mail.managed).
func (p *Portal) mailPayload(v *visitor, identifier, secret string) dict {
	in, out := p.incoming()[0], p.outgoing()[0]
	return dict{
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
}

// davPayload is a calendar or contacts account (Apple's payloads
// com.apple.caldav.account and com.apple.carddav.account, whose keys differ by
// their first word only). The device finds the homes from the principal.
func (p *Portal) davPayload(v *visitor, kind, identifier, secret string) dict {
	word, title := "CalDAV", "Kalender "
	if kind == contactsKind {
		word, title = "CardDAV", "Kontakte "
	}
	payload := strings.ToLower(word)
	return dict{
		"PayloadType": "com.apple." + payload + ".account", "PayloadVersion": 1,
		"PayloadIdentifier": identifier + "." + payload, "PayloadUUID": uuid(v.Address + payload),
		"PayloadDisplayName":        title + v.Address,
		word + "AccountDescription": "Fachwerk",
		word + "HostName":           p.dav.Hostname(), word + "Port": p.davPort(), word + "UseSSL": p.dav.Scheme == "https",
		word + "PrincipalURL": "/principals/" + url.PathEscape(v.Address) + "/",
		word + "Username":     v.Address, word + "Password": secret,
	}
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
