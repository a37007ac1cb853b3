package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what /metrics shows, in a registry of this process's own.
type metrics struct {
	registry *prometheus.Registry

	connections  *prometheus.GaugeVec     // protocol
	refused      *prometheus.CounterVec   // protocol, reason
	logins       *prometheus.CounterVec   // protocol, outcome
	commands     *prometheus.HistogramVec // command
	statuses     *prometheus.CounterVec   // command, status
	messages     *prometheus.CounterVec   // protocol, outcome
	bytes        *prometheus.CounterVec   // protocol
	receiving    *prometheus.HistogramVec // protocol
	attempts     *prometheus.CounterVec   // hop, outcome
	reports      *prometheus.CounterVec   // kind
	davSeconds   *prometheus.HistogramVec // method
	davStatuses  *prometheus.CounterVec   // method, status
	database     *prometheus.HistogramVec // operation
	dbErrors     *prometheus.CounterVec   // operation
	blobs        *prometheus.HistogramVec // operation
	blobErrors   *prometheus.CounterVec   // operation
	certificates *prometheus.GaugeVec     // file, name
	sites        *prometheus.GaugeVec     // site
	kept         *prometheus.CounterVec   // site
	foreign      *prometheus.GaugeVec     // site
	clock        *prometheus.GaugeVec     // against
	differences  *prometheus.GaugeVec     // site, part, check
	looked       *prometheus.GaugeVec     // site
	missing      *prometheus.GaugeVec     // site
	queue        *prometheus.GaugeVec     // what
}

// Buckets of durations, in seconds: from a key read to a slow object store.
var buckets = []float64{.0002, .0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 10}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "fachwerk", Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "fachwerk", Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "fachwerk", Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(v)
		return v
	}
	m.connections = gauge("connections", "Open connections.", "protocol")
	m.refused = counter("connections_refused_total", "Connections turned away.", "protocol", "reason")
	m.logins = counter("logins_total", "Attempts to sign in.", "protocol", "outcome")
	m.commands = histogram("imap_command_seconds", "Time taken by IMAP commands.", "command")
	m.statuses = counter("imap_commands_total", "IMAP commands by their answer.", "command", "status")
	m.messages = counter("messages_total", "Messages on their way in.", "protocol", "outcome")
	m.bytes = counter("message_bytes_total", "Bytes of accepted messages.", "protocol")
	m.receiving = histogram("message_seconds", "From the last byte of a message to the reply.", "protocol")
	m.attempts = counter("queue_attempts_total", "Delivery attempts from the queue.", "hop", "outcome")
	m.reports = counter("queue_reports_total", "Delivery status notifications sent.", "kind")
	m.davSeconds = histogram("dav_request_seconds", "Time taken by DAV requests, bodies included.", "method")
	m.davStatuses = counter("dav_requests_total", "DAV requests by their answer.", "method", "status")
	m.database = histogram("database_seconds", "Time taken by transactions.", "operation")
	m.dbErrors = counter("database_errors_total", "Transactions that failed, conflicts included.", "operation")
	m.blobs = histogram("blob_seconds", "Time taken by blob operations, retries included.", "operation")
	m.blobErrors = counter("blob_errors_total", "Blob operations that failed after retries.", "operation")
	m.queue = gauge("queue_length", "Messages and waiting recipients in the queue.", "what")
	m.sites = gauge("site_ready", "1 where a site's database and object store answered when last asked, else 0.", "site")
	m.kept = counter("objects_kept_total", "Attempts to delete an object whose time had come, which the object store refused.", "site")
	m.foreign = gauge("blobs_foreign", "1 where a site's blob store bears the mark of another database, or of a later state of this one: no object is deleted.", "site")
	m.clock = gauge("clock_ahead_seconds", "How far another clock is ahead of this machine's; 0 where no difference shows.", "against")
	m.differences = gauge("location_differences", "What of a site is not as declared: the number of differences.", "site", "part", "check")
	m.looked = gauge("location_verified_timestamp_seconds", "When a site was compared with its declaration last.", "site")
	m.missing = gauge("location_missing", "What must be seen of a site before it is verified, and was not lately: how many things. While any is, writes of tenants that demand it are refused.", "site")
	m.certificates = gauge("certificate_expiry_timestamp_seconds", "When a certificate in use expires, as Unix time.", "file", "name")
	m.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// counting returns what the heads call for connections, refusals and logins.
func (m *metrics) counting(protocol string) (connections func(int), refused, logins func(string)) {
	gauge := m.connections.WithLabelValues(protocol)
	return func(delta int) { gauge.Add(float64(delta)) },
		func(reason string) { m.refused.WithLabelValues(protocol, reason).Inc() },
		func(outcome string) { m.logins.WithLabelValues(protocol, outcome).Inc() }
}

func (m *metrics) command(name, status string, took time.Duration) {
	m.commands.WithLabelValues(name).Observe(took.Seconds())
	m.statuses.WithLabelValues(name, status).Inc()
}

func (m *metrics) message(protocol string) func(outcome string, recipients int, bytes int64, took time.Duration) {
	return func(outcome string, _ int, bytes int64, took time.Duration) {
		m.messages.WithLabelValues(protocol, outcome).Inc()
		m.receiving.WithLabelValues(protocol).Observe(took.Seconds())
		if outcome == "accepted" {
			m.bytes.WithLabelValues(protocol).Add(float64(bytes))
		}
	}
}
