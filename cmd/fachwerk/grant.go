package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) grant() *cobra.Command {
	cmd := &cobra.Command{Use: "grant", Short: "Who may use which shared account"}
	add := &cobra.Command{
		Use: "add ACCOUNT PERSON RIGHTS", Short: "Let a person use a shared account", Args: cobra.ExactArgs(3),
		Long: `Let a person use a shared account, or change what they may do there. RIGHTS are
names with commas between: read, write (flags, new messages, moving), manage
(mailboxes), send-as. Mail programs show the account under "Other Users".`,
		Example: "  fachwerk grant add buergeramt@musterstadt.example anna.schmidt@musterstadt.example read,write,send-as --data fachwerk-data",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.AddGrant(ctx, args[0], args[1], args[2])
			})
		},
	}
	remove := &cobra.Command{
		Use: "remove ACCOUNT PERSON", Short: "End a person's own right to a shared account", Args: cobra.ExactArgs(2),
		Example: "  fachwerk grant remove buergeramt@musterstadt.example anna.schmidt@musterstadt.example --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.RemoveGrant(ctx, args[0], args[1])
			})
		},
	}
	c.installation(add, remove)
	cmd.AddCommand(add, c.grantList(), remove, c.grantGroup())
	return cmd
}

func (c *cli) grantList() *cobra.Command {
	tenant := ""
	cmd := &cobra.Command{
		Use: "list [ACCOUNT]", Short: "List grants, of one account or all", Args: cobra.MaximumNArgs(1),
		Example: `  fachwerk grant list buergeramt@musterstadt.example --config fachwerk.yaml
  fachwerk grant list --tenant Musterstadt --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all, err := in.Grants(ctx, strings.Join(args, ""), tenant)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, g := range all {
					rows = append(rows, []string{g.Account, g.Person, g.Group, g.Rights})
				}
				return c.print(all, "ACCOUNT\tPERSON\tGROUP\tRIGHTS", rows)
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant's name; needed where there are several")
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) grantGroup() *cobra.Command {
	cmd := &cobra.Command{Use: "group", Short: "Grants to the members of a group of the provider's"}
	add := &cobra.Command{
		Use: "add ACCOUNT GROUP RIGHTS", Short: "Let the members of a group use a shared account", Args: cobra.ExactArgs(3),
		Long: `Let the members of a group use a shared account, or change what they may do there.
Members are those persons of the tenant whom its provider says to be in the group, at
their last sign-in or by their last token.`,
		Example: "  fachwerk grant group add buergeramt@musterstadt.example Buergeramt read,write --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.AddGroupGrant(ctx, args[0], args[1], args[2])
			})
		},
	}
	remove := &cobra.Command{
		Use: "remove ACCOUNT GROUP", Short: "End a group's right to a shared account", Args: cobra.ExactArgs(2),
		Example: "  fachwerk grant group remove buergeramt@musterstadt.example Buergeramt --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.RemoveGroupGrant(ctx, args[0], args[1])
			})
		},
	}
	c.installation(add, remove)
	cmd.AddCommand(add, remove)
	return cmd
}
