package app

import (
	"context"

	"fachwerk/internal/archive"
)

// What an export and its import tell, for the command line.
type (
	AccountExport  = archive.ExportReport
	AccountImport  = archive.ImportReport
	ArchiveOptions struct {
		Mail     string // of an export: maildir, mbox
		Again    bool   // of an import: bring back messages that were removed since an earlier one
		Progress func(archive.Progress)
	}
	ArchiveProgress = archive.Progress
)

// ExportAccount writes everything that an account has into a folder.
func (in *Installation) ExportAccount(ctx context.Context, address, folder string, o ArchiveOptions) (*AccountExport, error) {
	a, err := in.account(ctx, address)
	if err != nil {
		return nil, err
	}
	return archive.Export(ctx, in.store, a.Key, folder, archive.ExportOptions{Mail: archive.MailFormat(o.Mail), Progress: o.Progress})
}

// ImportAccount brings an export into an account.
func (in *Installation) ImportAccount(ctx context.Context, folder, address string, o ArchiveOptions) (*AccountImport, error) {
	a, err := in.account(ctx, address)
	if err != nil {
		return nil, err
	}
	m := in.mailService()
	defer m.Close()
	s := in.services()
	house := archive.House{Store: in.store, Mail: m, Resources: s.resources, Calendar: s.calendar, Files: s.files}
	return archive.Import(ctx, house, folder, a, archive.ImportOptions{Progress: o.Progress, Again: o.Again})
}
