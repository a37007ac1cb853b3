package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	calendars "fachwerk/calendar/importer"
	books "fachwerk/contacts/importer"
	drives "fachwerk/files/importer"
	"fachwerk/internal/importing"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
)

// What an import of calendars, contacts or files tells, for the command line.
type (
	DataReport   = importing.Report
	DataProgress = importing.Progress
	DataFailure  = importing.Failure
)

// DataPlan says what would go where.
type DataPlan struct {
	From   string `json:"from"`
	User   string `json:"user,omitempty"`
	To     string `json:"to"`
	ToName string `json:"to_name"`
	importing.Plan
}

// The services that data can be imported for.
const (
	ImportCalendar = "calendar"
	ImportContacts = "contacts"
	ImportFiles    = "files"
)

// DataImport says what to bring over.
type DataImport struct {
	Service     string // one of the Import constants
	From        string // https://HOST/PATH, http://127.0.0.1:PORT/, or a file or folder of this machine
	User        string // at the source; of a server only
	Password    string
	CAFile      string // of the source's certificate; "": the system's roots
	To          string // address of the account here
	Connections int
	Rate        int64 // bytes a second; 0: no limit
	Progress    func(importing.Progress)
}

// Remote reports whether the source is a server.
func (o *DataImport) Remote() bool {
	return strings.HasPrefix(o.From, "https://") || strings.HasPrefix(o.From, "http://")
}

// ImportData plans the import, asks confirm whether this is what was meant, and runs
// it. A nil report says that confirm said no.
func (in *Installation) ImportData(ctx context.Context, o DataImport, confirm func(DataPlan) error) (*importing.Report, error) {
	a, err := in.account(ctx, o.To)
	if err != nil {
		return nil, err
	}
	from, end, err := o.source()
	if err != nil {
		return nil, err
	}
	defer end.Close()
	s := in.services()
	im := importing.New(s.resources, in.store, o.domain(s), ownerOf(a), from,
		importing.Options{Connections: o.Connections, Progress: o.Progress})
	plan, err := im.Plan(ctx)
	if err != nil {
		return nil, err
	}
	if err := confirm(DataPlan{From: o.From, User: o.User, To: a.Address, ToName: a.DisplayName, Plan: plan}); err != nil {
		return nil, err
	}
	return im.Run(ctx, plan)
}

// ownerOf is an account as whoever it belongs to may use it.
func ownerOf(a store.Account) resource.Account {
	return resource.Account{Key: a.Key, Kind: a.Kind, Address: a.Address, DisplayName: a.DisplayName,
		Rights: resource.Read | resource.Write | resource.Manage, Person: a.Key.Account, PersonName: a.Address}
}

func (o *DataImport) domain(s *services) importing.Domain {
	switch o.Service {
	case ImportCalendar:
		return calendars.NewDomain(s.calendar)
	case ImportContacts:
		return books.NewDomain(s.resources)
	}
	return drives.NewDomain(s.files)
}

func (o *DataImport) source() (importing.Source, io.Closer, error) {
	if !o.Remote() {
		return o.local()
	}
	server := importing.Server{URL: o.From, User: o.User, Password: o.Password, BytesPerSecond: o.Rate}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, nil, err
		}
		server.CA = x509.NewCertPool()
		if !server.CA.AppendCertsFromPEM(pem) {
			return nil, nil, fmt.Errorf("%s holds no certificate", o.CAFile)
		}
	}
	c, err := importing.NewClient(server)
	if err != nil {
		return nil, nil, err
	}
	switch o.Service {
	case ImportCalendar:
		return calendars.Server(c, o.User), c, nil
	case ImportContacts:
		return books.Server(c, o.User), c, nil
	}
	return &drives.Server{Client: c, User: o.User}, c, nil
}

func (o *DataImport) local() (importing.Source, io.Closer, error) {
	if strings.Contains(o.From, "://") {
		return nil, nil, fmt.Errorf("%q is neither https:// nor a file of this machine", o.From)
	}
	if o.User != "" || o.CAFile != "" || o.Rate != 0 {
		return nil, nil, errors.New("user, certificate authority and rate are for a server; the source is on this machine")
	}
	switch o.Service {
	case ImportCalendar:
		return calendars.Files(o.From), io.NopCloser(nil), nil
	case ImportContacts:
		return books.Files(o.From), io.NopCloser(nil), nil
	}
	f, err := drives.OpenFolder(o.From)
	if err != nil {
		return nil, nil, err
	}
	return f, f, nil
}
