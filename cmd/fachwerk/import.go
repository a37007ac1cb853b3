package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

// errIncomplete says that something did not come; it is listed.
var errIncomplete = errors.New("not everything came; see the list. Run it again, nothing is doubled")

func (c *cli) imports() *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Bring data over from other servers"}
	var o app.MailImport
	var passwordFile string
	var rate int64
	var yes, dry bool
	mail := &cobra.Command{
		Use: "mail", Short: "Copy one person's mail from an IMAP server", Args: cobra.NoArgs,
		Long: `Copy one account's mailboxes from any IMAP server: every message byte for byte, with
flags, keywords, dates, special uses and subscriptions. The source is only read.

It may be broken off and run again: only what is new comes, nothing is doubled. At
the end both sides are counted, every message is read back and compared by digest,
and what did not come is listed with the reason.

What would be copied is shown first and must be confirmed, or say --yes; --dry-run
shows it and ends. The source's password is read from --password-file, or from
standard input with "-".

Mailboxes with a special use (Sent, Trash …) go to the account's own mailbox of
that use, whatever they are called. Views such as "All Mail" are left out.

Exit status: 0 everything is here and verified, 1 something did not come.`,
		Example: `  fachwerk import mail --from imaps://mail.alt.example --user anna --password-file pw \
      --to anna.schmidt@musterstadt.example --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Password, err = c.secretFrom(passwordFile); err != nil {
				return err
			}
			o.Rate = rate * 1000
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				show := app.NewProgress(c.err, "messages")
				o.Progress = func(p app.ImportProgress) { show.Step(int(p.Done), int(p.All)) }
				began := time.Now()
				report, err := in.ImportMail(ctx, o, func(p app.ImportPlan) error {
					if dry {
						return errors.Join(c.mailPlan(p), errDryRun)
					}
					return c.confirm(p, yes, passwordFile == "-")
				})
				show.End()
				if errors.Is(err, errDryRun) {
					return nil
				}
				err = believed(err, o.CAFile)
				if report == nil {
					return err
				}
				return errors.Join(c.importReport(report, time.Since(began)), err)
			})
		},
	}
	f := mail.Flags()
	f.StringVar(&o.From, "from", "", "the source: imaps://HOST, imap://HOST (STARTTLS)")
	f.StringVar(&o.User, "user", "", "user name at the source")
	f.StringVar(&passwordFile, "password-file", "", `file with the password at the source; "-" for standard input`)
	f.StringVar(&o.CAFile, "ca", "", "file with the certificate authority of the source")
	f.StringVar(&o.To, "to", "", "address of the account here")
	f.IntVar(&o.Connections, "connections", 4, "connections to the source at once, at most 16")
	f.Int64Var(&rate, "rate", 0, "kB a second to read at most; 0: no limit")
	f.BoolVar(&yes, "yes", false, "do not ask")
	f.BoolVar(&dry, "dry-run", false, "show what would be copied, and copy nothing")
	for _, name := range []string{"from", "user", "password-file", "to"} {
		_ = mail.MarkFlagRequired(name) // the flags are those above
	}
	c.installation(mail)
	c.asJSON(mail)
	cmd.AddCommand(mail)
	for _, kind := range importsOfData {
		cmd.AddCommand(c.importData(kind))
	}
	return cmd
}

// count writes how many there are of something.
func count(n int, one, several string) string {
	if n == 1 {
		several = one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// called is an address with what people call it, if anything.
func called(address, name string) string {
	if name == "" {
		return address
	}
	return fmt.Sprintf("%s (%s)", address, name)
}

// believed says what helps where the source's certificate is of an authority that
// nobody here knows.
func believed(err error, ca string) error {
	if ca == "" && errors.As(err, new(x509.UnknownAuthorityError)) {
		return fmt.Errorf("%w; if the source is the right one, name the certificate of its authority by --ca FILE", err)
	}
	return err
}

// secretFrom reads the first line of a file or of standard input.
func (c *cli) secretFrom(file string) (string, error) {
	r := c.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", errors.New("the password is empty")
	}
	return line, nil
}

// mailPlan prints a plan for a dry run.
func (c *cli) mailPlan(p app.ImportPlan) error {
	var rows [][]string
	for _, m := range p.Mailboxes {
		rows = append(rows, []string{m.Name, m.Target, fmt.Sprint(m.Messages), m.Skip})
	}
	return c.print(p.Mailboxes, "FROM\tTO\tAT SOURCE\tLEFT OUT", rows)
}

// confirm shows whose mail goes where and asks, unless yes was said.
func (c *cli) confirm(p app.ImportPlan, yes, inputUsed bool) error {
	var messages, mailboxes int
	for _, m := range p.Mailboxes {
		if m.Skip == "" {
			messages, mailboxes = messages+int(m.Messages), mailboxes+1
		}
	}
	fmt.Fprintf(c.err, "From %s at %s: %s in %s\nTo   %s\n", p.Source.Username, p.Source.Address,
		count(messages, "message", "messages"), count(mailboxes, "mailbox", "mailboxes"), called(p.Target.Address, p.Target.DisplayName))
	for _, m := range p.Mailboxes {
		switch {
		case m.Skip != "":
			fmt.Fprintf(c.err, "     %s is left out: %s\n", m.Name, m.Skip)
		case m.Name != m.Target:
			fmt.Fprintf(c.err, "     %s becomes %s\n", m.Name, m.Target)
		}
	}
	return c.agree(yes, inputUsed)
}

func (c *cli) importReport(r *app.ImportReport, took time.Duration) error {
	var rows [][]string
	for _, m := range r.Mailboxes {
		rows = append(rows, []string{m.Source, m.Target, fmt.Sprint(m.Messages), fmt.Sprint(m.Imported),
			fmt.Sprint(m.Present), fmt.Sprint(m.Verified), fmt.Sprint(m.Removed)})
	}
	if err := c.print(r, "FROM\tTO\tAT SOURCE\tCAME NOW\tCAME BEFORE\tVERIFIED\tREMOVED HERE SINCE", rows); err != nil {
		return err
	}
	for _, f := range r.Failures {
		fmt.Fprintf(c.err, "did not come as it was: %s, UID %d: %s\n", f.Mailbox, f.UID, f.Reason)
	}
	c.done("It took %s.", took.Round(100*time.Millisecond))
	if !r.Complete() {
		return errIncomplete
	}
	return nil
}
