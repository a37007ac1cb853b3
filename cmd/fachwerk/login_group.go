package main

import (
	"context"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

// loginGroups are the groups of people at the embedded provider; outside providers
// keep their own.
func (c *cli) loginGroups() *cobra.Command {
	cmd := &cobra.Command{
		Use: "group", Short: "Groups of people at the embedded OpenID provider",
		Long: `Groups of people at the embedded OpenID provider. A group may be granted rights on
shared accounts, and those that oidc.operator_group, oidc.admin_group and
oidc.privacy_group name give roles. Another provider says itself in which groups its
people are.`,
	}
	change := func(use, short, example string, of func(group string) (add, remove []string)) *cobra.Command {
		return &cobra.Command{
			Use: use + " GROUP ADDRESS", Short: short, Args: cobra.ExactArgs(2), Example: example,
			RunE: func(cmd *cobra.Command, args []string) error {
				add, remove := of(args[0])
				return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
					return in.ChangeLoginGroups(ctx, args[1], add, remove)
				})
			},
		}
	}
	add := change("add", "Put a person into a group", `  fachwerk group add "Bauamt" anna.schmidt@musterstadt.example --data fachwerk-data`,
		func(group string) (add, remove []string) { return []string{group}, nil })
	remove := change("remove", "Take a person out of a group", `  fachwerk group remove "Bauamt" anna.schmidt@musterstadt.example --data fachwerk-data`,
		func(group string) (add, remove []string) { return nil, []string{group} })
	list := &cobra.Command{
		Use: "list ADDRESS", Short: "List a person's groups, as their provider last said", Args: cobra.ExactArgs(1),
		Example: "  fachwerk group list anna.schmidt@musterstadt.example --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all, err := in.LoginGroups(ctx, args[0])
				if err != nil {
					return err
				}
				var rows [][]string
				for _, g := range all {
					rows = append(rows, []string{g})
				}
				return c.print(append([]string{}, all...), "GROUP", rows)
			})
		},
	}
	c.installation(add, remove, list)
	c.asJSON(list)
	cmd.AddCommand(add, remove, list)
	return cmd
}
