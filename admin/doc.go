// Package admin is the control API: JSON over HTTP for whoever operates an
// installation, to make and change tenants, domains, issuers, accounts and grants and
// to see where data lies.
//
// It has a listener of its own (listen.admin), which is off unless configured, takes
// access tokens with the operator role and nothing else, and knows no cookie and no
// origin but its own. [Server] speaks HTTP; what is to be done it asks of a [Backend],
// which the command line stands on too. openapi.yaml describes every route and every
// member of every answer; package admintest proves that it does.
package admin
