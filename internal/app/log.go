package app

import (
	"io"
	"log/slog"

	"fachwerk/internal/app/config"
)

// NewLog makes the process's logger as the configuration has it.
func NewLog(w io.Writer, c config.Log) *slog.Logger {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	options := &slog.HandlerOptions{Level: levels[c.Level]}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
