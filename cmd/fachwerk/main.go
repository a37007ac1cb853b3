package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"fachwerk/internal/app"
)

// Exit statuses; doc.go tells them to users.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitFindings = 3
)

// errFindings ends `check` after it has printed what is wrong.
var errFindings = errors.New("the check found something")

// usageError is one that another command line or configuration would mend.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := command(os.Stdin, os.Stdout, os.Stderr).ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return
	case errors.Is(err, errFindings):
		os.Exit(exitFindings)
	case errors.As(err, &usage) || app.IsConfigProblem(err):
		fmt.Fprintln(os.Stderr, "fachwerk:", err)
		os.Exit(exitUsage)
	}
	fmt.Fprintln(os.Stderr, "fachwerk:", err)
	os.Exit(exitFailed)
}
