package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

// imported is how the three imports of DAV data differ.
type imported struct {
	service, short, what, from, example string
}

var importsOfData = []imported{
	{app.ImportCalendar, "Copy calendars from a CalDAV server or from .ics files",
		`Copy all calendars of a user of any CalDAV server, with names, colours, descriptions
and order, every object byte for byte. Or those of an .ics file or a folder of them:
a file of many objects becomes a calendar, its objects are cut out of it with the
time zones they need; files of one object each become one calendar with their
folder. No invitation is sent for what is imported.`,
		"the source: https://HOST/PATH (server, user's home or one calendar), an .ics file, or a folder",
		`  fachwerk import calendar --from https://cloud.alt.example/ --user anna --password-file pw \
      --to anna.schmidt@musterstadt.example --config fachwerk.yaml
  fachwerk import calendar --from Dienstplan.ics --to buergeramt@musterstadt.example --config fachwerk.yaml`},
	{app.ImportContacts, "Copy address books from a CardDAV server or from .vcf files",
		`Copy all address books of a user of any CardDAV server, with names and descriptions,
every card byte for byte. Or those of a .vcf file or a folder of them: a file of many
cards becomes an address book, files of one card each become one with their folder.
Cards without UID are given one and cards of version 2.1 become 3.0, which the report
tells.`,
		"the source: https://HOST/PATH (server, user's home or one address book), a .vcf file, or a folder",
		`  fachwerk import contacts --from https://cloud.alt.example/ --user anna --password-file pw \
      --to anna.schmidt@musterstadt.example --config fachwerk.yaml`},
	{app.ImportFiles, "Copy files from a WebDAV server or from a folder",
		`Copy a folder of any WebDAV server, or of this machine, with all below it, into the
account's drive: modification times are kept, digests that the server tells are
checked. Symbolic links are not followed; they are listed.`,
		"the source: https://HOST/PATH of a folder, or a folder of this machine",
		`  fachwerk import files --from https://cloud.alt.example/remote.php/dav/files/anna/ --user anna \
      --password-file pw --to anna.schmidt@musterstadt.example --config fachwerk.yaml`},
}

const importHelp = `

The source is only read. The import may be broken off and run again: what is new or
changed at the source comes, nothing is doubled, nothing is removed. What somebody
changed or removed here since stays so; where both sides changed, that is listed. At
the end everything is read back and compared by digest, and what did not come is
listed with the reason.

What would be copied is shown first and must be confirmed, or say --yes; --dry-run
shows it and ends. The source's password is read from --password-file, or from
standard input with "-".

Exit status: 0 everything is here and verified, 1 something did not come.`

// errDryRun ends a run that was to show only.
var errDryRun = errors.New("dry run")

func (c *cli) importData(kind imported) *cobra.Command {
	o := app.DataImport{Service: kind.service}
	var passwordFile string
	var rate int64
	var yes, dry bool
	cmd := &cobra.Command{
		Use: kind.service, Short: kind.short, Long: kind.what + importHelp, Example: kind.example, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if (passwordFile != "") != o.Remote() || (o.User != "") != o.Remote() {
				return usageError{errors.New("--user and --password-file belong to a server, and both are needed there")}
			}
			if passwordFile != "" {
				if o.Password, err = c.secretFrom(passwordFile); err != nil {
					return err
				}
			}
			o.Rate = rate * 1000
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				show := app.NewProgress(c.err, "objects")
				o.Progress = func(p app.DataProgress) { show.Step(int(p.Done), int(p.All)) }
				began := time.Now()
				report, err := in.ImportData(ctx, o, func(p app.DataPlan) error {
					if dry {
						return errors.Join(c.dataPlan(p), errDryRun)
					}
					return c.confirmData(p, yes, passwordFile == "-")
				})
				show.End()
				if errors.Is(err, errDryRun) {
					return nil
				}
				err = believed(err, o.CAFile)
				if report == nil {
					return err
				}
				return errors.Join(c.dataReport(report, time.Since(began), err == nil), err)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", kind.from)
	f.StringVar(&o.User, "user", "", "user name at the source")
	f.StringVar(&passwordFile, "password-file", "", `file with the password at the source; "-" for standard input`)
	f.StringVar(&o.CAFile, "ca", "", "file with the certificate authority of the source")
	f.StringVar(&o.To, "to", "", "address of the account here; a function mailbox, too")
	f.IntVar(&o.Connections, "connections", 4, "connections to the source at once, at most 16")
	f.Int64Var(&rate, "rate", 0, "kB a second to read at most; 0: no limit")
	f.BoolVar(&yes, "yes", false, "do not ask")
	f.BoolVar(&dry, "dry-run", false, "show what would be copied, and copy nothing")
	for _, name := range []string{"from", "to"} {
		_ = cmd.MarkFlagRequired(name) // the flags are those above
	}
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

// dataPlan prints a plan for a dry run.
func (c *cli) dataPlan(p app.DataPlan) error {
	var rows [][]string
	for _, one := range p.Collections {
		rows = append(rows, []string{one.Source, one.Title, one.Target, fmt.Sprint(one.Objects), one.Skip})
	}
	if err := c.print(p, "FROM\tCALLED\tTO\tAT SOURCE\tLEFT OUT", rows); err != nil {
		return err
	}
	c.dataFailures(p.Failures)
	return nil
}

// confirmData shows whose data goes where and asks, unless yes was said.
func (c *cli) confirmData(p app.DataPlan, yes, inputUsed bool) error {
	from := p.From
	if p.User != "" {
		from = p.User + " at " + p.From
	}
	fmt.Fprintf(c.err, "From %s\nTo   %s\n", from, called(p.To, p.ToName))
	for _, one := range p.Collections {
		switch {
		case one.Skip != "":
			fmt.Fprintf(c.err, "     %s is left out: %s\n", one.Source, one.Skip)
		case one.Cut:
			fmt.Fprintf(c.err, "     %s (%s): %s, cut out of the file, to %s\n", one.Title, one.Source, count(one.Objects, "object", "objects"), one.Target)
		default:
			fmt.Fprintf(c.err, "     %s (%s): %s to %s\n", one.Title, one.Source, count(one.Objects, "object", "objects"), one.Target)
		}
	}
	if len(p.Collections) == 0 {
		return errors.New("the source has nothing of this kind; is the address right?")
	}
	return c.agree(yes, inputUsed)
}

// agree asks whether what was shown is right, unless yes was said.
func (c *cli) agree(yes, inputUsed bool) error {
	if yes {
		return nil
	}
	if inputUsed {
		return usageError{errors.New("standard input held the password and cannot confirm: say --yes, or use a password file")}
	}
	fmt.Fprint(c.err, "Is that right? Type yes: ")
	line, _ := bufio.NewReader(c.in).ReadString('\n')
	if strings.TrimSpace(line) != "yes" {
		return errors.New("not confirmed; nothing was copied")
	}
	return nil
}

// dataReport prints what became of everything; ended says that the run came to its
// end.
func (c *cli) dataReport(r *app.DataReport, took time.Duration, ended bool) error {
	var rows [][]string
	for _, one := range r.Collections {
		rows = append(rows, []string{one.Source, one.Target, fmt.Sprint(one.Objects), fmt.Sprint(one.Imported), fmt.Sprint(one.Updated),
			fmt.Sprint(one.Present), fmt.Sprint(one.Verified), fmt.Sprint(one.Changed), fmt.Sprint(one.Removed)})
	}
	if err := c.print(r, "FROM\tTO\tAT SOURCE\tCAME NOW\tRENEWED\tCAME BEFORE\tVERIFIED\tCHANGED HERE SINCE\tREMOVED HERE SINCE", rows); err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintf(c.err, "came, but: %s, %s: %s\n", n.Collection, n.Name, n.Text)
	}
	for _, one := range r.Collections {
		if one.Cut {
			fmt.Fprintf(c.err, "cut out of a file, each object byte for byte with what it needs around it: %s\n", one.Source)
		}
	}
	c.dataFailures(r.Failures)
	c.done("It took %s.", took.Round(100*time.Millisecond))
	if ended && !r.Complete() {
		return errIncomplete
	}
	return nil
}

func (c *cli) dataFailures(list []app.DataFailure) {
	for _, f := range list {
		fmt.Fprintf(c.err, "did not come as it is: %s, %s: %s (%s)\n", f.Collection, f.Name, f.Reason, f.Code)
	}
}
