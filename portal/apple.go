package portal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"crypto/rand"
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
	_, secret, err := p.c.Authenticator.NewAppPassword(r.Context(), v.Principal, "Apple "+p.c.Now().In(p.c.Zone).Format("2006-01-02 15:04"),
		auth.MailRead|auth.MailSend, time.Time{})
	if errors.Is(err, auth.ErrStale) {
		http.Redirect(w, r, "/login?"+url.Values{"fresh": {"1"}, "return": {"/setup/iphone"}}.Encode(), http.StatusSeeOther)
		return
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	profile, err := p.appleProfile(v, secret)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	id := rand.Text()
	err = p.c.Tickets.PutTicket(r.Context(), auth.Ticket{
		Kind: profileTicket, ID: ticketID(v, id), Value: profile, Expires: p.c.Now().Add(profileTime),
	})
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.render(w, r, v, http.StatusOK, "profile", "/apple-profile/"+id)
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
	w.Write(ticket.Value)
}

// appleProfile writes the property list of a mail account.
func (p *Portal) appleProfile(v *visitor, secret string) ([]byte, error) {
	in, out := p.c.IMAP, p.c.Submissions
	if in.Host == "" {
		in = p.c.IMAPStartTLS
	}
	if out.Host == "" {
		out = p.c.SubmissionStartTLS
	}
	host, err := url.Parse(p.c.URL)
	if err != nil {
		return nil, err
	}
	identifier := reverse(host.Hostname()) + ".fachwerk"
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

// dict is a property list's dictionary.
type dict map[string]any

// encodePlist writes a property list; every text passes the XML encoder.
func encodePlist(root dict) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	b.WriteString(`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n")
	e := xml.NewEncoder(&b)
	plist := xml.StartElement{Name: xml.Name{Local: "plist"}, Attr: []xml.Attr{{Name: xml.Name{Local: "version"}, Value: "1.0"}}}
	err := errors.Join(e.EncodeToken(plist), encodeValue(e, root), e.EncodeToken(plist.End()), e.Close())
	return b.Bytes(), err
}

func encodeValue(e *xml.Encoder, v any) error {
	tag := func(name string, inner func() error) error {
		start := xml.StartElement{Name: xml.Name{Local: name}}
		return errors.Join(e.EncodeToken(start), inner(), e.EncodeToken(start.End()))
	}
	text := func(name, s string) error {
		return tag(name, func() error { return e.EncodeToken(xml.CharData(s)) })
	}
	switch v := v.(type) {
	case string:
		return text("string", v)
	case int:
		return text("integer", fmt.Sprint(v))
	case bool:
		return tag(fmt.Sprint(v), func() error { return nil })
	case []dict:
		return tag("array", func() (err error) {
			for _, d := range v {
				err = errors.Join(err, encodeValue(e, d))
			}
			return err
		})
	case dict:
		return tag("dict", func() (err error) {
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range keys {
				err = errors.Join(err, text("key", k), encodeValue(e, v[k]))
			}
			return err
		})
	}
	return fmt.Errorf("portal: a property list holds no %T", v)
}
