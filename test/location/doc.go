// Package location proves with real servers that a site is found when it is not
// as declared: a PostgreSQL with a standby on another address, a database behind the
// same name that is another, changed certificates, an S3 service elsewhere.
package location
