package locationtest

import (
	"context"
	"slices"
	"sync"
	"time"

	"fachwerk/location"
)

// Memory is a ledger for tests of what uses one.
type Memory struct {
	mu      sync.Mutex
	last    map[string][]location.Observation
	history map[string][]location.Observation // oldest first
	reports map[location.Of][]location.Kept
}

var _ location.Ledger = (*Memory)(nil)

// NewMemory makes an empty ledger.
func NewMemory() *Memory {
	return &Memory{last: map[string][]location.Observation{}, history: map[string][]location.Observation{}, reports: map[location.Of][]location.Kept{}}
}

// SaveObservations implements location.Ledger.
func (m *Memory) SaveObservations(_ context.Context, site string, run []location.Observation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last[site] = slices.Clone(location.Standing(m.last[site], run))
	for _, o := range run {
		again := slices.ContainsFunc(m.history[site], func(h location.Observation) bool {
			return h.Part == o.Part && h.Check == o.Check && h.Subject == o.Subject && h.Since.Equal(o.Since)
		})
		if o.New() && !again {
			m.history[site] = append(m.history[site], o)
		}
	}
	return nil
}

// LastObservations implements location.Ledger.
func (m *Memory) LastObservations(_ context.Context, site string) ([]location.Observation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.last[site]), nil
}

// History implements location.Ledger.
func (m *Memory) History(_ context.Context, site string, before time.Time, limit int) (list []location.Observation, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range slices.Backward(m.history[site]) {
		if o.At.Before(before) && len(list) < limit {
			list = append(list, o)
		}
	}
	return list, nil
}

// SaveReport implements location.Ledger.
func (m *Memory) SaveReport(_ context.Context, of location.Of, r location.Kept) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Number != int64(len(m.reports[of]))+1 {
		return location.ErrOutdated
	}
	m.reports[of] = append(m.reports[of], r)
	return nil
}

// LastReport implements location.Ledger.
func (m *Memory) LastReport(_ context.Context, of location.Of) (location.Kept, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.reports[of]
	if len(list) == 0 {
		return location.Kept{}, location.ErrNoReport
	}
	return list[len(list)-1], nil
}

// Reports implements location.Ledger.
func (m *Memory) Reports(_ context.Context, of location.Of, before int64, limit int) (list []location.Kept, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range slices.Backward(m.reports[of]) {
		if (before == 0 || r.Number < before) && len(list) < limit {
			list = append(list, r)
		}
	}
	return list, nil
}
