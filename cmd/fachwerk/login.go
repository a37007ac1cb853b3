package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) password() *cobra.Command {
	cmd := &cobra.Command{Use: "password", Short: "People's own passwords at the embedded OpenID provider"}
	set := &cobra.Command{
		Use: "set ADDRESS", Short: "Set a person's password, read from standard input", Args: cobra.ExactArgs(1),
		Long: `Set the password with which a person signs in to the portal. It is read from the
first line of standard input, so that it stands in no process list and no history.`,
		Example: "  pwgen 20 1 | fachwerk password set anna.schmidt@musterstadt.example --data fachwerk-data",
		RunE: func(cmd *cobra.Command, args []string) error {
			if app.IsTerminal(c.out) {
				fmt.Fprint(c.err, "New password (it is shown as you type): ")
			}
			line, err := bufio.NewReader(io.LimitReader(c.in, 4096)).ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.SetPassword(ctx, args[0], strings.TrimRight(line, "\r\n"))
			})
		},
	}
	c.installation(set)
	cmd.AddCommand(set)
	return cmd
}

func (c *cli) appPassword() *cobra.Command {
	cmd := &cobra.Command{Use: "app-password", Short: "Passwords for mail programs and devices"}
	name, scopes, expires := "", "", ""
	add := &cobra.Command{
		Use: "add ADDRESS", Short: "Make an app password and print it, once", Args: cobra.ExactArgs(1),
		Example: `  fachwerk app-password add anna.schmidt@musterstadt.example --name "Phone" --data fachwerk-data
  fachwerk app-password add scanner@musterstadt.example --name Scanner --scopes mail.send --expires 365d --data fachwerk-data`,
		RunE: func(cmd *cobra.Command, args []string) error {
			life, err := app.ParseDuration(expires)
			if err != nil {
				return usageError{fmt.Errorf("--expires: %w", err)}
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				made, err := in.AddAppPassword(ctx, args[0], name, scopes, life)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(made, "", nil)
				}
				_, err = fmt.Fprintln(c.out, made.Secret)
				return err
			})
		},
	}
	add.Flags().StringVar(&name, "name", "Made by the operator", "what it is for, as the person will see it")
	add.Flags().StringVar(&scopes, "scopes", "", "mail.read,mail.send,calendar,contacts,files (default: all)")
	add.Flags().StringVar(&expires, "expires", "0s", "how long it works, such as 90d; 0s: until revoked")
	list := &cobra.Command{
		Use: "list ADDRESS", Short: "List a person's app passwords", Args: cobra.ExactArgs(1),
		Example: "  fachwerk app-password list anna.schmidt@musterstadt.example --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all, err := in.AppPasswords(ctx, args[0])
				if err != nil {
					return err
				}
				var rows [][]string
				for _, p := range all {
					rows = append(rows, []string{fmt.Sprint(p.ID), p.Name, p.Scopes, day(p.Created), moment(p.Expires, "never"), moment(p.LastUsed, "never")})
				}
				return c.print(all, "ID\tNAME\tSCOPES\tMADE\tEXPIRES\tLAST USED", rows)
			})
		},
	}
	revoke := &cobra.Command{
		Use: "revoke ADDRESS ID", Short: "End an app password and what it has open, within seconds", Args: cobra.ExactArgs(2),
		Example: "  fachwerk app-password revoke anna.schmidt@musterstadt.example 3 --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := number(args[1])
			if err != nil {
				return err
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.RevokeAppPassword(ctx, args[0], id)
			})
		},
	}
	c.installation(add, list, revoke)
	c.asJSON(add, list)
	cmd.AddCommand(add, list, revoke)
	return cmd
}
