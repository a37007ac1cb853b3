package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) store() *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "Work on the whole store"}
	sure, renewal := false, app.Renewal{}
	generation := &cobra.Command{
		Use: "new-generation", Short: "Go on after a restore or a failover that lost changes", Args: cobra.NoArgs,
		Long: `Tell the store that it was restored from a backup, or failed over with loss. Every
counter jumps ahead, so that no client ever sees a UID or change number again that
it has seen before; clients then synchronise anew. "serve" and "check" refuse a
database that is not the one they last used until this has been run. A data
directory that was restored whole needs it too.

An SQLite database is looked through first: one that is malformed is refused and
stays as it is. So is one beside which a log lies (metadata.db-wal), unless you say
that the log is its own: that of another database would destroy it.

The site's bucket or blob folder becomes this database's: servers that use it with
another copy delete nothing there any more, and do not start again.

Stop all servers of the installation first.`,
		Example: "  fachwerk store new-generation --yes --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !sure {
				return usageError{errors.New("all clients will synchronise anew: say --yes if that is meant, with all servers stopped")}
			}
			if _, err := c.where.Path(); err != nil {
				return usageError{err}
			}
			in, err := app.Renew(cmd.Context(), c.where, renewal, c.log())
			if err != nil {
				return err
			}
			for name, n := range in.Generations() {
				if renewal.Site == "" || name == renewal.Site {
					c.done("The store at site %s is in generation %d.", name, n)
				}
			}
			return in.Close()
		},
	}
	generation.Flags().BoolVar(&sure, "yes", false, "it is meant")
	generation.Flags().StringVar(&renewal.Site, "site", "", "the site that was restored; needed where there are several")
	generation.Flags().BoolVar(&renewal.WithLog, "with-log", false, "the log beside the SQLite database is its own: the folder was restored whole, or nothing was")
	c.installation(generation)
	cmd.AddCommand(c.backup(), generation, c.migrate())
	return cmd
}

func (c *cli) backup() *cobra.Command {
	site := ""
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Write an SQLite database to a file, beside the running server", Args: cobra.ExactArgs(1),
		Long: `Write the database of a site, as it is now, to a new file that only you can read.
The server goes on meanwhile. Copy the blobs after it, and the key directory apart
from both.

The file knows that it is a backup: put back in the database's place it is refused
by every command until "store new-generation" was run, and beside the log of another
database always. So restore it into an empty folder, or remove metadata.db-wal and
metadata.db-shm first.

PostgreSQL has tools of its own: pg_basebackup with an archive of the log, or pg_dump.`,
		Example: "  fachwerk store backup /backup/metadata-2026-11-22.db --config /etc/fachwerk/fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := c.where.Path(); err != nil {
				return usageError{err}
			}
			name, err := app.Backup(cmd.Context(), c.where, site, args[0])
			if err == nil {
				c.done("The database of site %s is in %s.", name, args[0])
			}
			return err
		},
	}
	cmd.Flags().StringVar(&site, "site", "", "whose database; needed where there are several")
	c.installation(cmd)
	return cmd
}

func (c *cli) migrate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the databases of all sites to this version, and nothing else", Args: cobra.NoArgs,
		Long: `Bring the database of every site to this version's schema. "serve" does so too; run
it before where several replicas are upgraded one after the other. It may run twice.`,
		Example: "  fachwerk store migrate --config /etc/fachwerk/fachwerk.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := c.where.Path(); err != nil {
				return usageError{err}
			}
			if err := app.Migrate(cmd.Context(), c.where, c.log()); err != nil {
				return err
			}
			c.done("The databases have the schema of this version.")
			return nil
		},
	}
	c.installation(cmd)
	return cmd
}

func (c *cli) check() *cobra.Command {
	quick := false
	cmd := &cobra.Command{
		Use: "check", Short: "Verify the whole store and change nothing", Args: cobra.NoArgs,
		Long: `Verify the whole store: keys unwrap, counters, tombstones and quota agree with the
rows, every content is there and opens whole. Certificates and secret files that
the configuration names must be readable: run it as the server's user. It changes
nothing and may run beside the server.

Exit status: 0 all is well, 3 something was found, 1 or 2 it could not be checked.`,
		Example: "  fachwerk check --config /etc/fachwerk/fachwerk.yaml && echo all is well",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				show := app.NewProgress(c.err, "accounts checked")
				found, err := in.Check(ctx, quick, show.Step)
				show.End()
				if err != nil {
					return err
				}
				if c.json {
					err = c.print(found, "", nil)
				} else {
					for _, f := range found {
						fmt.Fprintf(c.out, "%s: %s\n", f.Account, f.What)
					}
					c.done("%d findings.", len(found))
				}
				if err == nil && len(found) > 0 {
					err = errFindings
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&quick, "quick", false, "do not read every content to its end")
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}
