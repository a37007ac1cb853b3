package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) tenant() *cobra.Command {
	cmd := &cobra.Command{Use: "tenant", Short: "Administrations that share this installation"}
	cmd.AddCommand(c.tenantCreate(), c.tenantList(), c.tenantShow(), c.tenantSet(), c.tenantLogo(), c.tenantRemove())
	return cmd
}

// tenantFlags are what can be set of a tenant.
type tenantFlags struct {
	name, display, language, contact, contactAddress, quota string
	items, accounts                                         int64
	sites                                                   []string
	refuse                                                  bool
}

func (t *tenantFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.display, "display-name", "", "what people call it; its name without one")
	f.StringVar(&t.language, "language", "", "of its pages, unless a browser asks for another: de or en")
	f.StringVar(&t.contact, "contact", "", "whom people turn to, such as \"IT-Service\"; an office, no person")
	f.StringVar(&t.contactAddress, "contact-address", "", "mail address or https:// address of the contact")
	f.StringSliceVar(&t.sites, "allow-sites", nil, "where its data may lie, with commas between; its home alone without it")
	f.BoolVar(&t.refuse, "refuse-on-mismatch", false, "refuse writes while its site is not seen to be as declared")
	f.StringVar(&t.quota, "quota", "", "bytes of all its accounts, such as \"500 GiB\"; 0: none")
	f.Int64Var(&t.items, "quota-items", 0, "items of all its accounts; 0: none")
	f.Int64Var(&t.accounts, "quota-accounts", 0, "how many accounts it may have; 0: none")
}

// edit gives what changes a tenant as the flags say that were used.
func (t *tenantFlags) edit(cmd *cobra.Command) (func(*app.Tenant), error) {
	bytes := int64(0)
	if cmd.Flags().Changed("quota") {
		var err error
		if bytes, err = app.ParseSize(t.quota); err != nil {
			return nil, usageError{fmt.Errorf("--quota: %w", err)}
		}
	}
	used := cmd.Flags().Changed
	return func(to *app.Tenant) {
		if t.name != "" {
			to.Name = t.name
		}
		set(used("display-name"), &to.Settings.DisplayName, t.display)
		set(used("language"), &to.Settings.Language, t.language)
		set(used("contact"), &to.Settings.Contact, t.contact)
		set(used("contact-address"), &to.Settings.ContactAddress, t.contactAddress)
		set(used("allow-sites"), &to.Policy.Sites, slices.DeleteFunc(t.sites, func(s string) bool { return s == "" }))
		set(used("refuse-on-mismatch"), &to.Policy.RefuseOnMismatch, t.refuse)
		set(used("quota"), &to.Quota.Bytes, bytes)
		set(used("quota-items"), &to.Quota.Items, t.items)
		set(used("quota-accounts"), &to.Quota.Accounts, t.accounts)
	}, nil
}

func set[T any](used bool, to *T, value T) {
	if used {
		*to = value
	}
}

func (c *cli) tenantCreate() *cobra.Command {
	flags, n := tenantFlags{}, app.NewTenant{}
	cmd := &cobra.Command{
		Use: "create NAME", Aliases: []string{"add"}, Short: "Make a tenant at a site", Args: cobra.ExactArgs(1),
		Long: `Make a tenant. All its data lies at its site, which may be left out where one alone is
declared: no site is a default. People of the installation's provider may sign in to it,
as far as they are made here; "issuer bind" gives it a provider of its own.`,
		Example: `  fachwerk tenant create Musterstadt --site nord --domain musterstadt.example --language de --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			edit, err := flags.edit(cmd)
			if err != nil {
				return err
			}
			var to app.Tenant
			edit(&to)
			n.Name, n.Settings, n.Policy, n.Quota = args[0], to.Settings, to.Policy, to.Quota
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				t, err := in.CreateTenant(ctx, n)
				if err == nil && c.json {
					return c.print(t, "", nil)
				}
				if err == nil && n.Domain == "" {
					c.done("Tenant %s made. Next: fachwerk domain add DOMAIN --tenant %q", t.Name, t.Name)
				} else if err == nil {
					c.done("Tenant %s made. Next: fachwerk account add ADDRESS@%s", t.Name, n.Domain)
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&n.Site, "site", "", "where its data lies; needed where several sites are declared")
	cmd.Flags().StringVar(&n.Domain, "domain", "", "its first mail domain")
	flags.add(cmd)
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) tenantList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List tenants", Args: cobra.NoArgs,
		Example: "  fachwerk tenant list --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all, away, err := in.Tenants(ctx)
				if err != nil {
					return err
				}
				c.away(away, "what is used there is as it was")
				var rows [][]string
				for _, t := range all {
					rows = append(rows, []string{t.Name, t.Site, day(t.Created), fmt.Sprint(t.Used.Accounts), size(t.Used.Bytes), limit(t.Quota.Bytes), t.ID})
				}
				return c.print(all, "NAME\tSITE\tMADE\tACCOUNTS\tUSED\tQUOTA\tID", rows)
			})
		},
	}
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func (c *cli) tenantShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show [NAME]", Short: "Show all that is set of a tenant", Args: cobra.MaximumNArgs(1),
		Example: "  fachwerk tenant show Musterstadt --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				t, err := in.Tenant(ctx, strings.Join(args, ""))
				if err != nil {
					return err
				}
				if t.Unavailable {
					c.away([]string{t.Site}, "what is used is as it was")
				}
				return c.print(t, "SETTING\tVALUE", tenantRows(t))
			})
		},
	}
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

func tenantRows(t app.Tenant) [][]string {
	allowed := strings.Join(t.Policy.Sites, ", ")
	if allowed == "" {
		allowed = t.Site
	}
	number := func(n int64) string {
		if n == 0 {
			return "none"
		}
		return fmt.Sprint(n)
	}
	return [][]string{
		{"name", t.Name}, {"id", t.ID}, {"site", t.Site}, {"made", day(t.Created)},
		{"display name", t.Settings.DisplayName}, {"language", t.Settings.Language},
		{"contact", t.Settings.Contact}, {"contact address", t.Settings.ContactAddress},
		{"may lie at", allowed}, {"refuse on mismatch", fmt.Sprint(t.Policy.RefuseOnMismatch)},
		{"quota, bytes", limit(t.Quota.Bytes)}, {"quota, items", number(t.Quota.Items)}, {"quota, accounts", number(t.Quota.Accounts)},
		{"used, bytes", size(t.Used.Bytes)}, {"used, items", fmt.Sprint(t.Used.Items)}, {"used, accounts", fmt.Sprint(t.Used.Accounts)},
	}
}

func (c *cli) tenantSet() *cobra.Command {
	flags, stops := tenantFlags{}, false
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change what is set of a tenant; the rest stays", Args: cobra.ExactArgs(1),
		Example: `  fachwerk tenant set Musterstadt --contact IT-Service --contact-address it@musterstadt.example --config fachwerk.yaml
  fachwerk tenant set Musterstadt --quota "500 GiB" --quota-accounts 200 --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			edit, err := flags.edit(cmd)
			if err != nil {
				return err
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				t, err := in.SetTenant(ctx, args[0], edit, stops)
				if err == nil && c.json {
					return c.print(t, "", nil)
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&stops, "stop-writes", false, "an --allow-sites that leaves out the tenant's site is meant: it stops all its writes, and moves no data")
	cmd.Flags().StringVar(&flags.name, "name", "", "a new name; groups that name the tenant ({tenant}) have to follow")
	flags.add(cmd)
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

// maxLogo is more than any logo that is taken: a wrong file is not read whole.
const maxLogo = 1 << 20

func (c *cli) tenantLogo() *cobra.Command {
	away, output := false, ""
	cmd := &cobra.Command{
		Use: "logo NAME [FILE]", Short: "Put a logo on a tenant's pages: PNG, JPEG or WebP, at most 64 KiB", Args: cobra.RangeArgs(1, 2),
		Example: `  fachwerk tenant logo Musterstadt wappen.png --config fachwerk.yaml
  fachwerk tenant logo Musterstadt --remove --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var image []byte
			switch {
			case output != "" && (away || len(args) == 2), output == "" && away == (len(args) == 2):
				return usageError{errors.New("name the file with the logo, or say --remove, or --output FILE to read it")}
			case len(args) == 2:
				f, err := os.Open(args[1])
				if err != nil {
					return usageError{err}
				}
				image, err = io.ReadAll(io.LimitReader(f, maxLogo))
				if err = errors.Join(err, f.Close()); err != nil {
					return err
				}
				if len(image) == 0 {
					return usageError{fmt.Errorf("%s is empty", args[1])}
				}
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				if output == "" {
					return in.SetTenantLogo(ctx, args[0], image)
				}
				image, err := in.TenantLogo(ctx, args[0])
				if err != nil {
					return err
				}
				return os.WriteFile(output, image, 0o600)
			})
		},
	}
	cmd.Flags().BoolVar(&away, "remove", false, "take it away")
	cmd.Flags().StringVar(&output, "output", "", "write the logo to this file instead")
	c.installation(cmd)
	return cmd
}

func (c *cli) tenantRemove() *cobra.Command {
	sure := false
	cmd := &cobra.Command{
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
	cmd.Flags().BoolVar(&sure, "yes", false, "it is meant")
	c.installation(cmd)
	return cmd
}
