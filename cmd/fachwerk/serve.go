package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) serve() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve [mail|portal|dav …]",
		Short: "Run the server until SIGTERM",
		Long: `Run the server until SIGTERM or SIGINT.

Without a part all are run. "mail" is IMAP, LMTP, SMTP, submission and the queue;
"portal" is the portal, the embedded OpenID provider and the control API
(listen.admin); "dav" is calendars, contacts and files (listen.http). Health,
readiness and metrics are always there, at listen.ops.

At a signal the server takes no new connections, lets open work end (limits.drain)
and closes; a second signal ends it at once.`,
		Example: `  fachwerk serve --config /etc/fachwerk/fachwerk.yaml
  fachwerk serve mail --config /etc/fachwerk/fachwerk.yaml`,
		ValidArgs: app.Parts(),
		Args: func(_ *cobra.Command, args []string) error {
			for _, a := range args {
				if !slices.Contains(app.Parts(), a) {
					return fmt.Errorf("there is no part %q, only %s", a, strings.Join(app.Parts(), ", "))
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := c.where.Path(); err != nil {
				return usageError{err}
			}
			return app.Serve(cmd.Context(), c.where, args, c.err)
		},
	}
	c.installation(cmd)
	return cmd
}

func (c *cli) demo() *cobra.Command {
	o := app.DemoOptions{}
	verbose := false
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run mail, calendar, contacts, files, login and portal on loopback, with people and samples to try",
		Long: `Run all services on loopback with embedded defaults: SQLite, a folder and
the embedded OpenID provider. It makes the tenant musterstadt.example with two
people, a function mailbox that both may use, a few messages, events, contacts and
files, and prints where to point a browser and other programs.

Everything lies in one folder; started again, the demo goes on where it was, with
the same passwords. The folder's fachwerk.yaml lets every other command work on
it: fachwerk account list --data fachwerk-data`,
		Example: `  fachwerk demo
  fachwerk demo --data /tmp/demo --base-port 0 --json /tmp/demo.json
  fachwerk demo --accounts 100
  fachwerk demo --metadata 'postgres://postgres@127.0.0.1/fachwerk' --blobs 's3://KEY:SECRET@127.0.0.1:9000/bucket?region=eu&tls=off'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.BasePort < 0 || o.BasePort > 64000 {
				return usageError{fmt.Errorf("--base-port is between 0 and 64000")}
			}
			o.Out, o.Log, o.LogLevel = c.out, c.err, "warn"
			if verbose {
				o.LogLevel = "debug"
			}
			return app.Demo(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Data, "data", "fachwerk-data", "folder where everything lies")
	f.IntVar(&o.Accounts, "accounts", 0, "also make so many persons: person000@musterstadt.example and on")
	f.StringVar(&o.Listen, "listen", "127.0.0.1", "address to listen on")
	f.IntVar(&o.BasePort, "base-port", 10000, "ports are this plus 143 for IMAP and so on; 0: free ports")
	f.StringVar(&o.Metadata, "metadata", "", "metadata database instead of SQLite: postgres://…")
	f.StringVar(&o.Blobs, "blobs", "", "blob store instead of a folder: s3://…")
	f.StringVar(&o.JSON, "json", "", "file to write when everything is ready, for scripts")
	f.BoolVar(&verbose, "verbose", false, "log everything that happens")
	return cmd
}

func (c *cli) version() *cobra.Command {
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Example: "  fachwerk version",
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				return c.print(map[string]string{"version": app.Version()}, "", nil)
			}
			_, err := fmt.Fprintln(c.out, "fachwerk", app.Version())
			return err
		},
	}
	c.asJSON(cmd)
	return cmd
}
