// Package config reads the one configuration file of an installation and the
// environment variables that override it.
//
// Every key of the file has an environment variable of the same name in
// capitals behind FACHWERK_: metadata.direct_dsn is FACHWERK_METADATA_DIRECT_DSN,
// the name of the first site FACHWERK_SITES_0_NAME. Nothing is guessed: an
// unknown key or variable is refused with the nearest name that is known, and a
// value that cannot be used is refused with the key and what to do about it.
package config
