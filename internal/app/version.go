package app

import "runtime/debug"

// Version is the module's version, with the commit it was built from where that
// is known.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "development"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && version == "development" {
			version += " " + s.Value[:12]
		}
	}
	return version
}
