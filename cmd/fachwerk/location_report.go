package main

import (
	"context"
	"errors"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) locationReport() *cobra.Command {
	tenant, address, format, language, output := "", "", "json", "de", ""
	cmd := &cobra.Command{
		Use: "report", Short: "Make the next signed report of a tenant or of one account", Args: cobra.NoArgs,
		Example: "  fachwerk location report --tenant Musterstadt --format html --output report.html --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (tenant == "") == (address == "") {
				return usageError{errors.New("name what the report is about: --tenant NAME or --account ADDRESS")}
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				text, err := in.ReportLocation(ctx, tenant+address, format, language)
				if err != nil {
					return err
				}
				if output == "" {
					_, err = c.out.Write(text)
					return err
				}
				return os.WriteFile(output, text, 0o600)
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant's name")
	cmd.Flags().StringVar(&address, "account", "", "the address of one account of it")
	cmd.Flags().StringVar(&format, "format", format, "json, csv, html or jws")
	cmd.Flags().StringVar(&language, "language", language, "of a page: de or en")
	cmd.Flags().StringVar(&output, "output", "", "file to write; standard output without it")
	c.installation(cmd)
	return cmd
}

func (c *cli) whereabouts() *cobra.Command {
	cmd := &cobra.Command{
		Use: "where ADDRESS|TENANT", Short: "Tell where the data of an account or a tenant lies", Args: cobra.ExactArgs(1),
		Example: "  fachwerk where anna.schmidt@musterstadt.example --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				r, err := in.Where(ctx, args[0])
				if err != nil {
					return err
				}
				var rows [][]string
				for _, w := range r {
					rows = append(rows, []string{w.Account, w.Kind, strconv.FormatInt(w.Items, 10), strconv.FormatInt(w.Bytes, 10),
						w.Store, w.Site, w.Operator, w.Country, w.Place, strconv.Itoa(len(w.Copies)), w.Seen})
				}
				return c.print(r, "ACCOUNT\tKIND\tITEMS\tBYTES\tSTORE\tSITE\tOPERATOR\tCOUNTRY\tPLACE\tCOPIES\tSEEN", rows)
			})
		},
	}
	c.installation(cmd)
	c.asJSON(cmd)
	return cmd
}
