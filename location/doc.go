// Package location knows where data may lie: the declared sites, and the
// placement function that every write path asks before it stores anything.
//
// There is no default site and no default region: a site that is not declared
// whole does not exist, and a tenant whose home is not this site's database is
// refused (fail closed).
package location
