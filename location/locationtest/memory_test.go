package locationtest

import (
	"testing"

	"fachwerk/location"
)

func TestMemory(t *testing.T) {
	LedgerSuite(t, func(*testing.T) (location.Ledger, location.Of, location.Of) {
		return NewMemory(), location.Of{Tenant: 1}, location.Of{Tenant: 1, Person: 2}
	})
}
