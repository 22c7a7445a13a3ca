package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are those of a server.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	rejected   *prometheus.CounterVec
	inFlight   prometheus.Gauge
	ready      prometheus.Gauge
	rows       *prometheus.CounterVec
	batches    *prometheus.HistogramVec
	batchTimes *prometheus.HistogramVec
	waits      *prometheus.HistogramVec
	queues     *prometheus.GaugeVec
	models     *prometheus.GaugeVec
}

// modelMetrics are those of one model.
type modelMetrics struct {
	rows       prometheus.Counter
	sizes      prometheus.Observer
	batchTimes prometheus.Observer
	wait       prometheus.Observer
	queue      prometheus.Gauge
}

// timeBuckets are seconds, from a small network to a slow queue.
var timeBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newMetrics(m *memory) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "isrlu", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "isrlu", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "isrlu", Name: name, Help: help, Buckets: buckets}, labels)
	}
	a := &metrics{
		registry: prometheus.NewRegistry(),
		requests: counter("http_requests_total", "Requests that were answered, by endpoint, model (empty if none) and status; 499 is a client that left.", "endpoint", "model", "code"),
		durations: histogram("http_request_duration_seconds", "From when the header of a request was read to the end of its answer.",
			timeBuckets, "endpoint", "model"),
		rejected:   counter("rejected_total", "Requests that were rejected because of load, by reason.", "reason"),
		rows:       counter("rows_total", "Samples that were run.", "model"),
		batches:    histogram("batch_rows", "Samples of a batch.", prometheus.ExponentialBuckets(1, 2, 11), "model"),
		batchTimes: histogram("batch_duration_seconds", "Time that the engine took for a batch.", timeBuckets, "model"),
		waits:      histogram("queue_duration_seconds", "Time from when a request was queued to when its first sample was run.", timeBuckets, "model"),
		queues:     gauge("queue_rows", "Samples that wait.", "model"),
		models:     gauge("model_info", "Models that are served; always 1.", "model", "version", "platform", "instances", "max_batch"),
	}
	a.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "isrlu", Name: "requests_in_flight", Help: "Requests that are being answered, of all endpoints."})
	a.ready = prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "isrlu", Name: "ready", Help: "1 if the server is ready, 0 if it is to end."})
	held := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "isrlu", Name: "request_memory_bytes", Help: "Memory that requests hold, as counted against the limit."},
		func() float64 { return float64(m.used.Load()) })
	for _, reason := range rejections {
		a.rejected.WithLabelValues(reason)
	}
	a.registry.MustRegister(a.requests, a.durations, a.rejected, a.inFlight, a.ready, a.rows, a.batches, a.batchTimes, a.waits, a.queues, a.models, held,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return a
}

// of returns the metrics of a model, which appear at once.
func (a *metrics) of(m *Model) *modelMetrics {
	a.models.WithLabelValues(m.Name, Version, m.Platform, strconv.Itoa(len(m.Engines)), strconv.Itoa(m.Engines[0].Batch())).Set(1)
	return &modelMetrics{
		rows: a.rows.WithLabelValues(m.Name), sizes: a.batches.WithLabelValues(m.Name), batchTimes: a.batchTimes.WithLabelValues(m.Name),
		wait: a.waits.WithLabelValues(m.Name), queue: a.queues.WithLabelValues(m.Name),
	}
}

// batch counts a batch that was run.
func (m *modelMetrics) batch(rows int, took time.Duration) {
	m.rows.Add(float64(rows))
	m.sizes.Observe(float64(rows))
	m.batchTimes.Observe(took.Seconds())
}

// request counts a request that was answered.
func (a *metrics) request(c *call, took time.Duration) {
	a.requests.WithLabelValues(c.endpoint, c.model, strconv.Itoa(c.status)).Inc()
	a.durations.WithLabelValues(c.endpoint, c.model).Observe(took.Seconds())
	if c.rejected != "" {
		a.rejected.WithLabelValues(c.rejected).Inc()
	}
}

func (a *metrics) handler() http.Handler {
	return promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{})
}
