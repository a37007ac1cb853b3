package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"fachwerk/internal/app"
)

func (c *cli) queue() *cobra.Command {
	cmd := &cobra.Command{Use: "queue", Short: "Mail that waits to go out"}
	tenant := ""
	list := &cobra.Command{
		Use: "list", Short: "List waiting messages, oldest first", Args: cobra.NoArgs,
		Example: "  fachwerk queue list --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				all := []app.QueueMessage{}
				err := in.Queue(ctx, func(m app.QueueMessage) error {
					all = append(all, m)
					return nil
				})
				if err != nil && len(all) == 0 {
					return err
				}
				return errors.Join(c.print(all, "TENANT\tID\tMADE\tSIZE\tFROM\tTO\tSTATE\tTRIES\tNEXT\tLAST REPLY", queueRows(all)), err)
			})
		},
	}
	show := &cobra.Command{
		Use: "show ID", Short: "Show one message with all recipients", Args: cobra.ExactArgs(1),
		Example: "  fachwerk queue show 17 --tenant Musterstadt --json --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				m, err := in.QueuedMessage(ctx, tenant, id)
				if err != nil {
					return err
				}
				return c.print(m, "TENANT\tID\tMADE\tSIZE\tFROM\tTO\tSTATE\tTRIES\tNEXT\tLAST REPLY", queueRows([]app.QueueMessage{m}))
			})
		},
	}
	all := false
	retry := &cobra.Command{
		Use: "retry [ID]", Short: "Try a message now, or with --all every one", Args: cobra.MaximumNArgs(1),
		Example: `  fachwerk queue retry 17 --tenant Musterstadt --config fachwerk.yaml
  fachwerk queue retry --all --config fachwerk.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			id := int64(0)
			switch {
			case all == (len(args) == 1):
				return usageError{errors.New("name one message, or say --all")}
			case len(args) == 1:
				var err error
				if id, err = number(args[0]); err != nil {
					return err
				}
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				n, err := in.RetryQueue(ctx, tenant, id)
				return c.count(n, err, "recipients are due now")
			})
		},
	}
	retry.Flags().BoolVar(&all, "all", false, "every waiting message")
	recipient := -1
	drop := &cobra.Command{
		Use: "drop ID", Short: "Give a message up; the sender is not told", Args: cobra.ExactArgs(1),
		Example: "  fachwerk queue drop 17 --tenant Musterstadt --config fachwerk.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := number(args[0])
			if err != nil {
				return err
			}
			return c.with(cmd.Context(), func(ctx context.Context, in *app.Installation) error {
				n, err := in.DropQueue(ctx, tenant, id, recipient)
				return c.count(n, err, "recipients given up")
			})
		},
	}
	drop.Flags().IntVar(&recipient, "recipient", -1, "only this one, by its number in \"queue show --json\"")
	for _, sub := range []*cobra.Command{show, retry, drop} {
		sub.Flags().StringVar(&tenant, "tenant", "", "the tenant's name; needed where several have a message of that number")
	}
	c.installation(list, show, retry, drop)
	c.asJSON(list, show, retry, drop)
	cmd.AddCommand(list, show, retry, drop)
	return cmd
}

func (c *cli) count(n int64, err error, what string) error {
	switch {
	case err != nil && n == 0:
	case c.json:
		err = errors.Join(c.print(map[string]int64{"recipients": n}, "", nil), err)
	default:
		c.done("%d %s.", n, what)
	}
	return err
}

func queueRows(list []app.QueueMessage) (rows [][]string) {
	for _, m := range list {
		for _, r := range m.Recipients {
			from := m.From
			if from == "" {
				from = "<>"
			}
			rows = append(rows, []string{m.Tenant, fmt.Sprint(m.ID), moment(&m.Created, ""), size(m.Bytes), from, r.To, r.State,
				strconv.Itoa(r.Attempts), moment(&r.Due, "-"), r.LastReply})
		}
	}
	return rows
}
