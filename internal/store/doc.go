// Package store keeps every account's collections and items, and everything
// else that belongs to a tenant: who its people are, how they sign in, what
// waits to be sent.
//
// It composes three parts and is the only one that does: package meta keeps
// rows and the journal that orders changes, package content seals bytes and
// holds the keys, package blob keeps large sealed bytes. Packages above import
// this one only; every protocol is a view of what lies here.
//
// There is one of the first and one of the last for each site, and each tenant lives
// at one of them. One site's database holds the directory: which tenants and domains
// there are, and where they live (docs/decisions/0009-sites.md).
//
// A write goes the same way each time:
//
//  1. the tenant is looked up and the placement function is asked ([Store.admit]);
//  2. content is sealed under the account's key and made durable, inline bytes
//     excepted, which travel with the row;
//  3. one transaction locks the account, raises its modseq, checks quota and
//     writes the rows;
//  4. after COMMIT the change is announced to watchers. An announcement is a
//     hint: whoever misses it finds the change by comparing modseqs.
package store
