package telemetry

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// scrapeWait is how long a scrape waits for the shards; then it has the books of an earlier answer, and says so.
const scrapeWait = 2 * time.Second

// Build says which program it is.
type Build struct{ Version, Commit string }

// NewRegistry returns all that a scrape has: what Table says of the run, the build, and what client_golang says of the
// process and of Go.
func NewRegistry(m *Monitor, build Build) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(newCollector(m, build), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// collector reads the books at each scrape.
type collector struct {
	monitor *Monitor
	build   Build
	table   []Metric
	descs   []*prometheus.Desc // of the table
	info    *prometheus.Desc
	age     *prometheus.Desc
}

func newCollector(m *Monitor, build Build) *collector {
	c := &collector{monitor: m, build: build, table: Table()}
	for _, metric := range c.table {
		c.descs = append(c.descs, prometheus.NewDesc(metric.Name, metric.Help, metric.Labels, nil))
	}
	c.info = prometheus.NewDesc("weir_build_info", "1, for the program with these labels.",
		[]string{"version", "commit", "goversion"}, nil)
	c.age = prometheus.NewDesc("weir_books_age_seconds",
		"How old the other values of this scrape are; grows while a shard does not answer.", nil, nil)
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.info
	ch <- c.age
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector. Where no shard has answered so far, only the build is known.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(c.info, prometheus.GaugeValue, 1, c.build.Version, c.build.Commit, runtime.Version())
	books, age, _ := c.monitor.Look(scrapeWait)
	if books == nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, age.Seconds())
	for i, metric := range c.table {
		metric.read(books, func(n uint64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(c.descs[i], metric.valueType(), metric.value(n), labels...)
		})
	}
}
