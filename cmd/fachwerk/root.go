package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

// cli is what the commands share.
type cli struct {
	in       io.Reader
	out, err io.Writer
	where    app.Where
	json     bool
}

func command(in io.Reader, out, errs io.Writer) *cobra.Command {
	c := &cli{in: in, out: out, err: errs}
	root := &cobra.Command{
		Use:   "fachwerk",
		Short: "Mail, calendar, contacts and files for public administrations",
		Long: `Fachwerk is mail, calendar, contacts and files, with a login and a portal, in one
program.

Try it:                       fachwerk demo
Run it:                       fachwerk serve --config /etc/fachwerk/fachwerk.yaml
Administer it, beside a       fachwerk account list --config /etc/fachwerk/fachwerk.yaml
running server:

Every command finds its installation by --config FILE or --data DIR (a folder
that holds fachwerk.yaml, as the demo's does). Every key of the configuration is
also an environment variable; deploy/fachwerk.yaml lists them.

Exit status: 0 it worked, 1 it failed, 2 the command line or the configuration is
wrong, 3 "check" or "location verify" found something.`,
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	imports := c.imports()
	imports.AddCommand(c.importAccount())
	root.AddCommand(c.serve(), c.demo(), c.tenant(), c.domain(), c.issuer(), c.account(), c.alias(), c.password(), c.loginGroups(), c.grant(),
		c.appPassword(), imports, c.exports(), c.location(), c.whereabouts(), c.store(), c.queue(), c.check(), c.version())
	usageArgs(root)
	return root
}

// usageArgs makes wrong arguments a usage error and unknown subcommands refused.
func usageArgs(cmd *cobra.Command) {
	if cmd.HasSubCommands() && cmd.Run == nil && cmd.RunE == nil {
		cmd.Args = cobra.ArbitraryArgs
		cmd.FParseErrWhitelist.UnknownFlags = true // they belong to the command that was meant
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			text := fmt.Sprintf("there is no command %q", cmd.CommandPath()+" "+args[0])
			cmd.SuggestionsMinimumDistance = 2
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				text += "; did you mean " + strings.Join(near, ", ") + "?"
			}
			return usageError{fmt.Errorf("%s `%s --help` lists them", text, cmd.CommandPath())}
		}
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{fmt.Errorf("%w: usage: %s", err, cmd.UseLine())}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		usageArgs(sub)
	}
}

// installation adds the flags that find one.
func (c *cli) installation(cmds ...*cobra.Command) {
	for _, cmd := range cmds {
		cmd.Flags().StringVar(&c.where.Config, "config", "", "configuration file of the installation")
		cmd.Flags().StringVar(&c.where.Data, "data", "", "folder that holds fachwerk.yaml, such as the demo's")
		cmd.MarkFlagsMutuallyExclusive("config", "data")
	}
}

// asJSON adds --json.
func (c *cli) asJSON(cmds ...*cobra.Command) {
	for _, cmd := range cmds {
		cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
	}
}

// with opens the installation for one command.
func (c *cli) with(ctx context.Context, f func(context.Context, *app.Installation) error) (err error) {
	if _, err := c.where.Path(); err != nil {
		return usageError{err}
	}
	in, err := app.Open(ctx, c.where, c.log())
	if err != nil {
		return err
	}
	defer func() {
		if closing := in.Close(); err == nil {
			err = closing
		}
	}()
	return in.Explain(ctx, f(ctx, in))
}

// log tells warnings and errors only: a command's output is its answer.
func (c *cli) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// print shows a list as a table with a head, or as JSON.
func (c *cli) print(value any, head string, rows [][]string) error {
	if c.json {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		return e.Encode(value)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	return w.Flush()
}

// away names sites that do not answer, and what that means, beside an answer that is
// otherwise whole.
func (c *cli) away(sites []string, means string) {
	for _, site := range sites {
		fmt.Fprintf(c.err, "fachwerk: site %s does not answer: %s\n", site, means)
	}
}

// done tells people, on a terminal, that it worked; scripts look at the status.
func (c *cli) done(format string, args ...any) {
	if !c.json && app.IsTerminal(c.out) {
		fmt.Fprintf(c.out, format+"\n", args...)
	}
}

// number reads an id from the command line.
func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, usageError{fmt.Errorf("%q is not a number", text)}
	}
	return n, nil
}
