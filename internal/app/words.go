package app

import (
	"time"

	"fachwerk/internal/app/config"
)

// ParseSize reads a number of bytes as the configuration has it: "5 GiB".
func ParseSize(text string) (int64, error) {
	n, err := config.ParseSize(text)
	return int64(n), err
}

// ParseDuration reads a duration as the configuration has it: "90d".
func ParseDuration(text string) (time.Duration, error) { return config.ParseDuration(text) }

// IsConfigProblem reports whether an error is the configuration's fault.
func IsConfigProblem(err error) bool { return config.IsProblem(err) }
