package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) account() *cobra.Command {
	cmd := &cobra.Command{Use: "account", Short: "Persons, function mailboxes, teams, rooms and resources"}
	cmd.AddCommand(c.accountAdd(), c.accountList(), c.accountShow(), c.accountName(), c.accountBind(), c.accountInvite(), c.accountQuota(),
		c.accountState("disable", "Forbid a person to sign in, and end what is open", true),
		c.accountState("enable", "Let a person sign in again", false), c.accountRemove())
	return cmd
}

func (c *cli) accountAdd() *cobra.Command {
	n := app.NewAccount{}
	quota := ""
	cmd := &cobra.Command{
		Use: "add ADDRESS", Short: "Make an account", Args: cobra.ExactArgs(1),
		Long: `Make an account in the tenant that has the address's domain.

Kinds: person (signs in), function (an office's mailbox, used by grants), team,
room, resource. A person of an outside OpenID provider is named by --issuer and
--subject, or comes by "fachwerk account invite"; for the embedded one set a password
with "fachwerk password set".`,
		Example: `  fachwerk account add anna.schmidt@musterstadt.example --name "Anna Schmidt" --data fachwerk-data
  fachwerk account add buergeramt@musterstadt.example --kind function --quota "50 GiB" --data fachwerk-data
  fachwerk account add jan@musterstadt.example --issuer https://login.musterstadt.example --subject 4711 --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("quota") {
				bytes, err := app.ParseSize(quota)
				if err != nil {
					return usageError{fmt.Errorf("--quota: %w", err)}
				}
				n.QuotaBytes = &bytes
			}
			n.Address = args[0]
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				a, err := in.AddAccount(ctx, n)
				if err == nil && c.json {
					return c.print(a, "", nil)
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&n.Kind, "kind", "person", "person, function, team, room or resource")
	f.StringVar(&n.Name, "name", "", "name for people, such as \"Anna Schmidt\"")
	f.StringVar(&quota, "quota", "", "bytes, such as \"5 GiB\"; 0: none (default: quota.person or quota.shared)")
	f.StringVar(&n.Issuer, "issuer", "", "the outside OpenID provider's URL")
	f.StringVar(&n.Subject, "subject", "", "the person's subject (sub) there")
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) accountList() *cobra.Command {
	tenant := ""
	cmd := &cobra.Command{
		Use: "list", Short: "List accounts", Args: cobra.NoArgs,
		Example: `  fachwerk account list --tenant Musterstadt --config fachwerk.yaml
  fachwerk account list --json --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all, err := in.Accounts(ctx, tenant)
				if err != nil && len(all) == 0 {
					return err
				}
				var rows [][]string
				for _, a := range all {
					rows = append(rows, []string{a.Address, a.Kind, a.State, size(a.UsedBytes), limit(a.QuotaBytes), fmt.Sprint(a.UsedItems), a.Name})
				}
				// What is there is listed, and the status tells that it is not all.
				return errors.Join(c.print(all, "ADDRESS\tKIND\tSTATE\tUSED\tQUOTA\tITEMS\tNAME", rows), err)
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "only this tenant's")
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) accountQuota() *cobra.Command {
	items := int64(0)
	cmd := &cobra.Command{
		Use: "quota ADDRESS SIZE", Short: "Change how much an account may hold", Args: cobra.ExactArgs(2),
		Example: `  fachwerk account quota anna.schmidt@musterstadt.example "10 GiB" --data fachwerk-data`,
		RunE: func(cmd *cobra.Command, args []string) error {
			bytes, err := app.ParseSize(args[1])
			if err != nil {
				return usageError{err}
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				change := app.AccountChange{QuotaBytes: &bytes}
				if cmd.Flags().Changed("items") {
					change.QuotaItems = &items
				}
				return c.changed(in.SetAccount(ctx, args[0], change))
			})
		},
	}
	cmd.Flags().Int64Var(&items, "items", 0, "also how many items; 0: no limit")
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) accountShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ADDRESS", Short: "Show one account, and who a person is at login providers", Args: cobra.ExactArgs(1),
		Example: "  fachwerk account show anna.schmidt@musterstadt.example --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				a, err := in.Account(ctx, args[0])
				if err != nil {
					return err
				}
				err = c.print(a, "ADDRESS\tKIND\tSTATE\tUSED\tQUOTA\tITEMS\tNAME", [][]string{
					{a.Address, a.Kind, a.State, size(a.UsedBytes), limit(a.QuotaBytes), fmt.Sprint(a.UsedItems), a.Name},
				})
				if err != nil || c.json || len(a.Subjects) == 0 {
					return err
				}
				var rows [][]string
				for _, s := range a.Subjects {
					rows = append(rows, []string{s.Issuer, s.Subject})
				}
				return c.print(nil, "\nISSUER\tSUBJECT", rows)
			})
		},
	}
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) accountName() *cobra.Command {
	cmd := &cobra.Command{
		Use: "name ADDRESS NAME", Short: "Change what people call an account", Args: cobra.ExactArgs(2),
		Example: `  fachwerk account name anna.schmidt@musterstadt.example "Anna Schmidt-Lang" --data fachwerk-data`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return c.changed(in.SetAccount(ctx, args[0], app.AccountChange{Name: &args[1]}))
			})
		},
	}
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) accountBind() *cobra.Command {
	issuer, subject := "", ""
	cmd := &cobra.Command{
		Use: "bind ADDRESS", Short: "Say who a person is at an OpenID provider of their tenant", Args: cobra.ExactArgs(1),
		Example: "  fachwerk account bind jan@musterstadt.example --issuer https://login.musterstadt.example --subject 4711 --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.BindSubject(ctx, args[0], issuer, subject)
			})
		},
	}
	cmd.Flags().StringVar(&issuer, "issuer", "", "the provider's URL, bound to the tenant by \"issuer bind\"")
	cmd.Flags().StringVar(&subject, "subject", "", "the person's subject (sub) there")
	c.installation(cmd)
	return cmd
}

func (c *cli) accountInvite() *cobra.Command {
	issuer := ""
	cmd := &cobra.Command{
		Use: "invite ADDRESS", Short: "Print a link for a person's first sign-in at their tenant's provider", Args: cobra.ExactArgs(1),
		Example: "  fachwerk account invite anna.schmidt@musterstadt.example --config fachwerk.yaml",
		Long: `Print a link with which a person signs in for the first time with the account that
their tenant's provider has for them: once, within seven days. Whoever opens it becomes
that person, so hand it over as you would a password.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				link, err := in.Invite(ctx, args[0], issuer)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]string{"link": link}, "", nil)
				}
				_, err = fmt.Fprintln(c.out, link)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&issuer, "issuer", "", "the provider's URL; needed where the tenant has several")
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

// changed shows an account that was changed, to those who want JSON.
func (c *cli) changed(a app.Account, err error) error {
	if err == nil && c.json {
		return c.print(a, "", nil)
	}
	return err
}

func (c *cli) accountState(use, short string, disabled bool) *cobra.Command {
	state := "active"
	if disabled {
		state = "disabled"
	}
	cmd := &cobra.Command{
		Use: use + " ADDRESS", Short: short, Args: cobra.ExactArgs(1),
		Example: "  fachwerk account " + use + " anna.schmidt@musterstadt.example --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return c.changed(in.SetAccount(ctx, args[0], app.AccountChange{State: &state}))
			})
		},
	}
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) accountRemove() *cobra.Command {
	sure := false
	cmd := &cobra.Command{
		Use: "remove ADDRESS", Short: "Remove an account with all its data, for good", Args: cobra.ExactArgs(1),
		Example: "  fachwerk account remove anna.schmidt@musterstadt.example --yes --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !sure {
				return usageError{errors.New("this removes all data of the account: say --yes if that is meant")}
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.RemoveAccount(ctx, args[0])
			})
		},
	}
	cmd.Flags().BoolVar(&sure, "yes", false, "it is meant")
	c.installation(cmd)
	return cmd
}

func (c *cli) alias() *cobra.Command {
	cmd := &cobra.Command{Use: "alias", Short: "Further addresses of accounts"}
	add := &cobra.Command{
		Use: "add ALIAS ADDRESS", Short: "Give an account a further address", Args: cobra.ExactArgs(2),
		Example: "  fachwerk alias add rathaus@musterstadt.example buergeramt@musterstadt.example --data fachwerk-data",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.AddAlias(ctx, args[0], args[1])
			})
		},
	}
	tenant := ""
	list := &cobra.Command{
		Use: "list", Short: "List aliases", Args: cobra.NoArgs,
		Example: "  fachwerk alias list --tenant Musterstadt --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all, err := in.Aliases(ctx, tenant)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, a := range all {
					rows = append(rows, []string{a.Address, a.Account})
				}
				return c.print(all, "ALIAS\tACCOUNT", rows)
			})
		},
	}
	list.Flags().StringVar(&tenant, "tenant", "", "the tenant's name; needed where there are several")
	remove := &cobra.Command{
		Use: "remove ALIAS", Short: "Take a further address away", Args: cobra.ExactArgs(1),
		Example: "  fachwerk alias remove rathaus@musterstadt.example --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.RemoveAlias(ctx, args[0])
			})
		},
	}
	c.installation(add, list, remove)
	c.asJSON(list)
	cmd.AddCommand(add, list, remove)
	return cmd
}

func day(t time.Time) string { return t.Local().Format("2006-01-02") }

func moment(t *time.Time, never string) string {
	if t == nil || t.IsZero() {
		return never
	}
	return t.Local().Format("2006-01-02 15:04")
}

// size writes bytes for people.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

func limit(n int64) string {
	if n == 0 {
		return "none"
	}
	return size(n)
}
