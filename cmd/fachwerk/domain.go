package main

import (
	"context"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) domain() *cobra.Command {
	cmd := &cobra.Command{Use: "domain", Short: "Mail domains of tenants"}
	tenant := ""
	add := &cobra.Command{
		Use: "add DOMAIN", Short: "Give a tenant a mail domain", Args: cobra.ExactArgs(1),
		Example: "  fachwerk domain add musterstadt.example --tenant Musterstadt --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.AddDomain(ctx, tenant, args[0])
			})
		},
	}
	list := &cobra.Command{
		Use: "list", Short: "List mail domains", Args: cobra.NoArgs,
		Example: `  fachwerk domain list --config fachwerk.yaml
  fachwerk domain list --tenant Musterstadt --json --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all, err := in.Domains(ctx, tenant)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, d := range all {
					rows = append(rows, []string{d.Name, d.Tenant})
				}
				return c.print(all, "DOMAIN\tTENANT", rows)
			})
		},
	}
	remove := &cobra.Command{
		Use: "remove DOMAIN", Short: "Remove a mail domain that no address uses", Args: cobra.ExactArgs(1),
		Example: "  fachwerk domain remove alt.musterstadt.example --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.RemoveDomain(ctx, args[0])
			})
		},
	}
	for _, sub := range []*cobra.Command{add, list} {
		sub.Flags().StringVar(&tenant, "tenant", "", "the tenant's name; needed where there are several")
	}
	c.installation(add, list, remove)
	c.asJSON(list)
	cmd.AddCommand(add, list, remove)
	return cmd
}
