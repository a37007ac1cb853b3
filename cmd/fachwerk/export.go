package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) exports() *cobra.Command {
	cmd := &cobra.Command{Use: "export", Short: "Take data out, in open formats"}
	var o app.ArchiveOptions
	to := ""
	account := &cobra.Command{
		Use: "account ADDRESS", Short: "Write everything an account has into a folder", Args: cobra.ExactArgs(1),
		Long: `Write everything a person or a function mailbox has into a folder, in formats that
other programs read: mail as Maildir or mbox, calendars as .ics files, address books as
.vcf files, the drive as a folder of files, what is in the trash beside it, and
manifest.json with digest, size, times, flags and properties of each.

It works beside a running server, while the account is used: the folder is the account
as it was at one moment. It may be broken off and run again: what is there is not
fetched again; a later run into the same folder brings it up to date and notes in
removed.json what went. At the end every file is read back and compared by digest.

The folder is readable to its owner alone. "fachwerk import account" brings it back.`,
		Example: `  fachwerk export account anna.schmidt@musterstadt.example --to anna-schmidt --config fachwerk.yaml
  fachwerk export account buergeramt@musterstadt.example --to buergeramt --mail mbox --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				show := app.NewProgress(c.err, "files")
				o.Progress = func(p app.ArchiveProgress) { show.Step(int(p.Done), int(p.All)) }
				began := time.Now()
				r, err := in.ExportAccount(ctx, args[0], to, o)
				show.End()
				if err != nil {
					return err
				}
				return c.exportReport(r, time.Since(began))
			})
		},
	}
	f := account.Flags()
	f.StringVar(&to, "to", "", "folder to write to; new, empty, or with an earlier export of the account")
	f.StringVar(&o.Mail, "mail", "maildir", "how to write mail: maildir or mbox")
	_ = account.MarkFlagRequired("to") // the flag is that above
	c.installation(account)
	c.asJSON(account)
	cmd.AddCommand(account)
	return cmd
}

func (c *cli) exportReport(r *app.AccountExport, took time.Duration) error {
	t := &r.Totals
	err := c.print(r, "WHAT\tHOW MANY", [][]string{
		{"messages", fmt.Sprint(t.Messages)}, {"calendar objects", fmt.Sprint(t.Objects)}, {"contacts", fmt.Sprint(t.Cards)},
		{"files", fmt.Sprint(t.Files)}, {"folders", fmt.Sprint(t.Folders)}, {"of these in the trash", fmt.Sprint(t.Trashed)},
		{"bytes", size(t.Bytes)}, {"written now", fmt.Sprint(r.Written)}, {"removed since the last run", fmt.Sprint(r.Removed)},
	})
	for _, name := range r.Renamed {
		fmt.Fprintf(c.err, "the file system cannot hold the name; it is called %s there\n", name)
	}
	for _, name := range r.Foreign {
		fmt.Fprintf(c.err, "not of this export, left alone: %s\n", name)
	}
	if r.Header.Consistent != "account" {
		fmt.Fprintln(c.err, "the account never rested: each collection is as it was at one moment, but not all at the same one")
	}
	c.done("Every file was read back and compared. It took %s.", took.Round(100*time.Millisecond))
	return err
}

// errNotAll says that something of an export did not come; it is listed.
var errNotAll = errors.New("not everything came; see the list. Run it again, nothing is doubled")

func (c *cli) importAccount() *cobra.Command {
	var o app.ArchiveOptions
	to := ""
	cmd := &cobra.Command{
		Use: "account FOLDER", Short: "Bring back what export account wrote", Args: cobra.ExactArgs(1),
		Long: `Bring an export into an account of this installation, another tenant's or another
installation's alike. Into an empty account it gives the same account again: messages
byte for byte with flags, keywords and dates, special uses and subscriptions, calendars
and address books with names and colours, files with times, the trash, properties.

Into an account that is used it merges: what is there stays as it is, and what is there
with another content is listed. Every content is compared with its digest in the
manifest before it is stored. It may be broken off and run again; nothing is doubled.

Into the account that the export was taken of it brings what was deleted since, and
leaves alone what is still there, also mail that lies in another mailbox now. Mail that
an import brought and that was deleted after it stays deleted, which is told; --again
brings it back, too.

Exit status: 0 everything is here or was deleted since it came, 1 something did not
come.`,
		Example: `  fachwerk import account anna-schmidt --to anna.schmidt@neustadt.example --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				show := app.NewProgress(c.err, "items")
				o.Progress = func(p app.ArchiveProgress) { show.Step(int(p.Done), int(p.All)) }
				began := time.Now()
				r, err := in.ImportAccount(ctx, args[0], to, o)
				show.End()
				if r == nil {
					return err
				}
				return errors.Join(c.accountReport(r, time.Since(began)), err)
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "address of the account here")
	cmd.Flags().BoolVar(&o.Again, "again", false, "bring back mail that an earlier import brought and that was deleted since")
	_ = cmd.MarkFlagRequired("to") // the flag is that above
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) accountReport(r *app.AccountImport, took time.Duration) error {
	t := &r.Totals
	err := c.print(r, "WHAT\tHOW MANY", [][]string{
		{"in the export", fmt.Sprint(t.Messages + t.Objects + t.Cards + t.Files + t.Folders)},
		{"came now", fmt.Sprint(r.Brought)}, {"were here", fmt.Sprint(r.Present)},
		{"are here in another mailbox", fmt.Sprint(r.Moved)}, {"removed here since", fmt.Sprint(r.Removed)},
	})
	for _, p := range r.Problems {
		what := "did not come"
		if p.Note {
			what = "came, but"
		}
		fmt.Fprintf(c.err, "%s: %s: %s\n", what, p.What, p.Reason)
	}
	if r.Removed > 0 {
		fmt.Fprintf(c.err, "removed here since an earlier import, and left so: %s; --again brings back\n", count(int(r.Removed), "message", "messages"))
	}
	c.done("It took %s.", took.Round(100*time.Millisecond))
	if err == nil && !r.Complete() {
		err = errNotAll
	}
	return err
}
