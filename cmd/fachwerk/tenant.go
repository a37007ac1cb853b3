package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) tenant() *cobra.Command {
	cmd := &cobra.Command{Use: "tenant", Short: "Administrations that share this installation"}
	site := ""
	add := &cobra.Command{
		Use: "add NAME", Short: "Make a tenant", Example: "  fachwerk tenant add Musterstadt --config fachwerk.yaml", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				t, err := in.AddTenant(ctx, args[0], site)
				if err == nil && c.json {
					return c.print(t, "", nil)
				}
				if err == nil {
					c.done("Tenant %s made. Next: fachwerk domain add DOMAIN --tenant %q", t.Name, t.Name)
				}
				return err
			})
		},
	}
	add.Flags().StringVar(&site, "site", "", "where its data lies (default: placement.default)")
	list := &cobra.Command{
		Use: "list", Short: "List tenants", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all, err := in.Tenants(ctx)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, t := range all {
					rows = append(rows, []string{t.Name, t.Site, day(t.Created), t.ID})
				}
				return c.print(all, "NAME\tSITE\tMADE\tID", rows)
			})
		},
	}
	sure := false
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Remove a tenant with all its data, for good",
		Long: `Remove a tenant: its key is destroyed, which makes all its content unreadable at
once, in every copy; the rows go in the background. It cannot be undone.`,
		Example: "  fachwerk tenant remove Musterstadt --yes --config fachwerk.yaml", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !sure {
				return usageError{errors.New("this destroys all data of the tenant: say --yes if that is meant")}
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.RemoveTenant(ctx, args[0])
			})
		},
	}
	remove.Flags().BoolVar(&sure, "yes", false, "it is meant")
	c.installation(add, list, remove)
	c.asJSON(add, list)
	cmd.AddCommand(add, list, remove)
	return cmd
}

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
