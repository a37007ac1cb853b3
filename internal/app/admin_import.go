package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"

	"fachwerk/mail"
	"fachwerk/mail/importer"
)

// What an import tells, for the command line.
type (
	ImportPlan     = importer.Plan
	ImportReport   = importer.Report
	ImportProgress = importer.Progress
)

// MailImport says what mail to bring over.
type MailImport struct {
	From        string // imaps://host[:993], imap://host[:143] (STARTTLS), imap+insecure://127.0.0.1:PORT
	User        string // at the source
	Password    string
	CAFile      string // of the source's certificate; "": the system's roots
	To          string // address of the account here
	Connections int
	Rate        int64 // bytes a second; 0: no limit
	Progress    func(importer.Progress)
}

// ImportMail plans the import, asks confirm whether this is what was meant, and
// runs it. A nil report says that confirm said no.
func (in *Installation) ImportMail(ctx context.Context, o MailImport, confirm func(importer.Plan) error) (*importer.Report, error) {
	from, err := o.source()
	if err != nil {
		return nil, err
	}
	a, err := in.account(ctx, o.To)
	if err != nil {
		return nil, err
	}
	m := in.mailService()
	defer m.Close()
	to := mail.OwnerAccess(a)
	im := importer.New(m, to, from, importer.Options{Connections: o.Connections, BytesPerSecond: o.Rate, Progress: o.Progress})
	plan, err := im.Plan(ctx)
	if err != nil {
		return nil, err
	}
	if err := confirm(plan); err != nil {
		return nil, err
	}
	return im.Run(ctx)
}

// source reads the URL. A password goes over an unprotected connection to this
// machine only.
func (o MailImport) source() (importer.Source, error) {
	s := importer.Source{Username: o.User, Password: o.Password}
	u, err := url.Parse(o.From)
	if err != nil || u.Host == "" {
		return s, fmt.Errorf("%q is not a server such as imaps://mail.example", o.From)
	}
	if u.User != nil || u.Path != "" && u.Path != "/" {
		return s, errors.New("name the server only; user and password have options of their own")
	}
	port := "143"
	switch u.Scheme {
	case "imaps":
		s.Security, port = importer.TLS, "993"
	case "imap":
		s.Security = importer.StartTLS
	case "imap+insecure":
		s.Security = importer.Plain
		if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
			return s, errors.New("imap+insecure:// shows the password to the network and is for 127.0.0.1 only; use imaps:// or imap://")
		}
	default:
		return s, fmt.Errorf("%q is not imaps, imap or imap+insecure", u.Scheme)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	s.Address = net.JoinHostPort(u.Hostname(), port)
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return s, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return s, fmt.Errorf("%s holds no certificate", o.CAFile)
		}
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	return s, nil
}
