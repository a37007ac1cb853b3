package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) location() *cobra.Command {
	cmd := &cobra.Command{Use: "location", Short: "Where the data lies: verify it, report it"}
	cmd.AddCommand(c.locationSites(), c.locationVerify(), c.locationAccept(), c.locationReport(), c.locationKey(), c.locationVerifyReport())
	return cmd
}

func (c *cli) locationSites() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sites", Short: "List the declared sites, whether they answer, and how they were seen last", Args: cobra.NoArgs,
		Example: "  fachwerk location sites --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all, err := in.Sites(ctx)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, s := range all {
					answers := "yes"
					if s.Unavailable {
						answers = "no"
					}
					rows = append(rows, []string{s.Name, s.Operator, s.Country, s.Place, strconv.Itoa(s.Tenants), answers, s.State,
						moment(s.Observed, "never"), s.Database, s.Objects})
				}
				return c.print(all, "SITE\tOPERATOR\tCOUNTRY\tPLACE\tTENANTS\tANSWERS\tSEEN\tLAST\tDATABASE\tOBJECTS", rows)
			})
		},
	}
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) locationVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify", Short: "Compare all sites with their declarations now", Args: cobra.NoArgs,
		Long: `Look at the database and the object store of every site, and compare what is seen
with what the configuration declares (docs/location.md). A running server does the
same every location.every.

Exit status: 0 nothing differs, 3 something does, 1 or 2 it could not be looked at.`,
		Example: "  fachwerk location verify --config /etc/fachwerk/fachwerk.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				run, err := in.VerifyLocation(ctx)
				return errors.Join(err, c.observations(run))
			})
		},
	}
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

// observations prints what was seen; what differs makes the exit status.
func (c *cli) observations(run []app.Observed) error {
	var rows [][]string
	differs := false
	for _, o := range run {
		differs = differs || o.Differs()
		rows = append(rows, []string{o.Site, o.Part, o.Check, o.State, o.What})
	}
	if err := c.print(run, "SITE\tPART\tCHECK\tSTATE\tWHAT", rows); err != nil {
		return err
	}
	if differs {
		return errFindings
	}
	return nil
}

func (c *cli) locationAccept() *cobra.Command {
	cmd := &cobra.Command{
		Use: "accept SITE PART CHECK", Short: "Expect what was seen last from now on", Args: cobra.ExactArgs(3),
		Long: `Accept a change that was intended: a database or an object store with a new key or
identity. PART is database or objects; CHECK is as "location verify" names it, such as
certificate or system. Who accepted it is kept with it.`,
		Example: "  fachwerk location accept nord database certificate --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			who := "user " + strconv.Itoa(os.Getuid())
			if u, err := user.Current(); err == nil {
				who = u.Username
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				run, err := in.AcceptLocation(ctx, args[0], args[1], args[2], who)
				if err != nil {
					return err
				}
				return c.observations(run)
			})
		},
	}
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) locationKey() *cobra.Command {
	cmd := &cobra.Command{
		Use: "key", Short: "Print the public key that verifies the reports", Args: cobra.NoArgs,
		Example: "  fachwerk location key --config fachwerk.yaml >reports.pem",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(_ context.Context, in *app.Installation) error {
				key, err := in.ReportKey()
				if err == nil {
					_, err = c.out.Write(key)
				}
				return err
			})
		},
	}
	c.installation(cmd)
	return cmd
}

func (c *cli) locationVerifyReport() *cobra.Command {
	key := ""
	cmd := &cobra.Command{
		Use: "verify-report FILE...", Short: "Verify signed reports; needs no installation", Args: cobra.MinimumNArgs(1),
		Long: `Verify the signature of reports, and of several that they follow each other without
a gap. The key is what "location key" prints, got by a way of its own.`,
		Example: "  fachwerk location verify-report report.json --key location.pem",
		RunE: func(_ *cobra.Command, args []string) error {
			if key == "" {
				return usageError{errors.New("which key? Name the file with it by --key")}
			}
			text, err := os.ReadFile(key) //nolint:gosec // the file that was named
			if err != nil {
				return err
			}
			var files [][]byte
			for _, name := range args {
				text, err := os.ReadFile(name) //nolint:gosec // as above
				if err != nil {
					return err
				}
				files = append(files, text)
			}
			said, err := app.VerifyReports(files, text)
			if err != nil {
				return err
			}
			for _, line := range said {
				fmt.Fprintln(c.out, line)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "file with the public key, PEM or JWK")
	return cmd
}
