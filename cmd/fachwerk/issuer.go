package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) issuer() *cobra.Command {
	cmd := &cobra.Command{Use: "issuer", Short: "OpenID providers whose people may sign in to a tenant"}
	tenant := ""
	list := &cobra.Command{
		Use: "list", Short: "List a tenant's providers", Args: cobra.NoArgs,
		Example: "  fachwerk issuer list --tenant Musterstadt --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all, err := in.Issuers(ctx, tenant)
				if err != nil {
					return err
				}
				var rows [][]string
				for _, i := range all {
					whose := "installation"
					if i.Own {
						whose = "tenant"
					}
					rows = append(rows, []string{i.URL, whose, i.ClientID, i.Audience, i.AdminGroup, i.PrivacyGroup})
				}
				return c.print(all, "ISSUER\tWHOSE\tCLIENT\tAUDIENCE\tADMIN GROUP\tPRIVACY GROUP", rows)
			})
		},
	}
	list.Flags().StringVar(&tenant, "tenant", "", "the tenant's name; needed where there are several")
	unbind := &cobra.Command{
		Use: "unbind URL", Short: "End that people of a provider sign in to a tenant", Args: cobra.ExactArgs(1),
		Example: "  fachwerk issuer unbind https://login.musterstadt.example --tenant Musterstadt --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				return in.UnbindIssuer(ctx, tenant, args[0])
			})
		},
	}
	unbind.Flags().StringVar(&tenant, "tenant", "", "the tenant's name; needed where there are several")
	c.installation(list, unbind)
	c.asJSON(list)
	cmd.AddCommand(c.issuerBind(), list, unbind)
	return cmd
}

func (c *cli) issuerBind() *cobra.Command {
	tenant, secretFile, scopes := "", "", []string{}
	b := app.IssuerBinding{}
	cmd := &cobra.Command{
		Use: "bind [URL]", Short: "Let people of a provider sign in to a tenant, or change how", Args: cobra.MaximumNArgs(1),
		Long: `Let people of an OpenID provider sign in to a tenant. Without URL it is the
installation's provider, which the configuration describes. With URL it is the tenant's
own: its tokens open accounts of that tenant only, whatever they claim. What has to be
entered there for the portal is printed. Bound again, what is named changes and the rest
stays; an empty value takes something away (--admin-group ""), and --scope names all anew.

The client secret is read from a file, or with "-" from standard input.`,
		Example: `  fachwerk issuer bind https://login.musterstadt.example --tenant Musterstadt \
    --client-id fachwerk --client-secret-file secret --audience https://mail.example \
    --groups-claim groups --admin-group mail-admins --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			b.URL, b.Own = strings.Join(args, ""), len(args) == 1
			if secretFile != "" {
				secret, err := c.secret(secretFile)
				if err != nil {
					return err
				}
				b.ClientSecret = &secret
			}
			for _, pair := range scopes {
				ours, theirs, ok := strings.Cut(pair, "=")
				if !ok || theirs == "" {
					return usageError{fmt.Errorf("--scope %q: say OURS=THEIRS, such as mail_read=mail.lesen", pair)}
				}
				if b.Scopes == nil {
					b.Scopes = map[string]string{}
				}
				b.Scopes[ours] = theirs
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				known, err := in.Issuers(ctx, tenant)
				if err != nil {
					return err
				}
				for _, i := range known {
					if b.Own && i.Own && i.URL == b.URL {
						keepUnnamed(&b, i, cmd.Flags().Changed)
					}
				}
				i, err := in.BindIssuer(ctx, tenant, b)
				if err != nil {
					return err
				}
				if c.json || i.RedirectURI != "" {
					return c.print(i, "ENTER THERE\tVALUE", [][]string{
						{"redirect URI", i.RedirectURI}, {"post-logout redirect URI", i.PostLogoutURI}, {"back-channel logout URI", i.BackChannel},
					})
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&tenant, "tenant", "", "the tenant's name; needed where there are several")
	f.StringVar(&b.ClientID, "client-id", "", "of the portal, there")
	f.StringVar(&secretFile, "client-secret-file", "", "file with the client's secret; -: standard input")
	f.StringVar(&b.Audience, "audience", "", "name of this installation as a resource in access tokens; never a client id")
	f.StringArrayVar(&scopes, "scope", nil, "its name for a scope of ours: mail_read, mail_send, calendar, contacts, files; groups: what asks for the claim")
	f.StringVar(&b.GroupsClaim, "groups-claim", "", "claim with a person's groups (default: groups)")
	f.StringVar(&b.AdminGroup, "admin-group", "", "group whose members administer the tenant")
	f.StringVar(&b.PrivacyGroup, "privacy-group", "", "group of those who watch over data protection")
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}

// keepUnnamed fills in what a binding has of what the command does not name.
func keepUnnamed(b *app.IssuerBinding, known app.Issuer, named func(flag string) bool) {
	for flag, field := range map[string]struct{ to, from *string }{
		"client-id":     {&b.ClientID, &known.ClientID},
		"audience":      {&b.Audience, &known.Audience},
		"groups-claim":  {&b.GroupsClaim, &known.GroupsClaim},
		"admin-group":   {&b.AdminGroup, &known.AdminGroup},
		"privacy-group": {&b.PrivacyGroup, &known.PrivacyGroup},
	} {
		if !named(flag) {
			*field.to = *field.from
		}
	}
	if !named("scope") {
		b.Scopes = known.Scopes
	}
}

// secret reads one line of a file or of standard input: arguments stand in process
// lists and histories.
func (c *cli) secret(file string) (string, error) {
	from := c.in
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the file that was named
		if err != nil {
			return "", usageError{err}
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, 4096))
	if err != nil {
		return "", err
	}
	secret, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if secret = strings.TrimSpace(secret); secret == "" {
		return "", usageError{errors.New("the secret is empty")}
	}
	return secret, nil
}
