package vdir

import (
	"fmt"
	"strings"
)

// A Pair of storages that are kept in step.
type Pair struct {
	Name, A, B  string
	Collections []string // as vdirsyncer's manual has it, such as "from a"
	Metadata    []string // such as "color"
	Winner      string   // of a conflict: "a" or "b"; empty: a conflict is an error
}

// A Storage is a folder or what a server has.
type Storage struct {
	Name, Type string // filesystem, caldav, carddav
	// Of a folder.
	Path, Ending string
	// Of a server; Verify is a file with the authority of its certificate.
	URL, User, Password, Verify string
	ReadOnly                    bool
}

// Folder is a storage of files that end in ".ics" or ".vcf".
func Folder(name, path, ending string) Storage {
	return Storage{Name: name, Type: "filesystem", Path: path, Ending: ending}
}

// Vdirsyncer is its configuration; it keeps what it knows in the folder status.
func Vdirsyncer(status string, pairs []Pair, storages []Storage) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[general]\nstatus_path = %q\n", status)
	for _, p := range pairs {
		fmt.Fprintf(&b, "\n[pair %s]\na = %q\nb = %q\ncollections = %s\n", p.Name, p.A, p.B, list(p.Collections))
		if p.Metadata != nil {
			fmt.Fprintf(&b, "metadata = %s\n", list(p.Metadata))
		}
		if p.Winner != "" {
			fmt.Fprintf(&b, "conflict_resolution = %q\n", p.Winner+" wins")
		}
	}
	for _, s := range storages {
		fmt.Fprintf(&b, "\n[storage %s]\ntype = %q\n", s.Name, s.Type)
		for _, o := range [][2]string{
			{"path", s.Path}, {"fileext", s.Ending}, {"url", s.URL}, {"username", s.User}, {"password", s.Password}, {"verify", s.Verify},
		} {
			if o[1] != "" {
				fmt.Fprintf(&b, "%s = %q\n", o[0], o[1])
			}
		}
		if s.ReadOnly {
			b.WriteString("read_only = true\n")
		}
	}
	return b.String()
}

// list is one in the way of JSON.
func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// Khal is its configuration, for a folder of calendars; it keeps what it knows in the
// file database.
func Khal(folder, database string) string {
	return fmt.Sprintf(`[calendars]
[[all]]
path = %s/*
type = discover

[locale]
timeformat = %%H:%%M
dateformat = %%Y-%%m-%%d
longdateformat = %%Y-%%m-%%d
datetimeformat = %%Y-%%m-%%d %%H:%%M
longdatetimeformat = %%Y-%%m-%%d %%H:%%M
local_timezone = Europe/Berlin
default_timezone = Europe/Berlin

[sqlite]
path = %s
`, folder, database)
}
