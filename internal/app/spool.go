package app

import (
	"fmt"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"fachwerk/internal/app/config"
	"fachwerk/internal/budget"
	"fachwerk/internal/store"
)

// spoolShares are what all that is being received may take of disk and memory. How much
// is free is asked of the file system: files without a name are in no sum over a folder.
//
// One message needs its size twice, as it came and as it is stored.
func spoolShares(c config.Spool, message config.Size) (disk, memory *budget.Pool, err error) {
	limit := int64(c.Limit)
	if limit == 0 {
		var fs syscall.Statfs_t
		if err := syscall.Statfs(c.Dir, &fs); err != nil {
			return nil, nil, fmt.Errorf("spool.dir: how much is free there: %w", err)
		}
		limit = int64(fs.Bavail) * fs.Bsize / 2
	}
	return budget.NewPool(limit, 2*int64(message)), budget.NewPool(int64(c.Memory), 0), nil
}

// spools tells what is on its way in.
func (m *metrics) spools(s *store.Store) {
	for _, kind := range []string{"disk", "memory"} {
		share := func() store.SpoolShare {
			disk, memory := s.SpoolUse()
			if kind == "disk" {
				return disk
			}
			return memory
		}
		labels := prometheus.Labels{"of": kind}
		tell := func(name, help string, value func(store.SpoolShare) int64) {
			m.registry.MustRegister(prometheus.NewGaugeFunc(
				prometheus.GaugeOpts{Namespace: "fachwerk", Name: name, Help: help, ConstLabels: labels},
				func() float64 { return float64(value(share())) }))
		}
		tell("spool_bytes", "What is being received takes so much.", func(s store.SpoolShare) int64 { return s.Used })
		tell("spool_limit_bytes", "What is being received may take so much.", func(s store.SpoolShare) int64 { return s.Limit })
		m.registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Namespace: "fachwerk", Name: "spool_refused_total",
				Help: "How often there was no room: of disk the sender was asked to come back later, of memory the disk was taken.", ConstLabels: labels},
			func() float64 { return float64(share().Refused) }))
	}
}
