package metrics

import "github.com/prometheus/client_golang/prometheus"

// shown is what a collector shows. A collector embeds it, and adds each metric when it is made.
type shown []*prometheus.Desc

// add describes one more of the node's metrics.
func (s *shown) add(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc(prometheus.BuildFQName(prefix, "", name), help, labels, nil)
	*s = append(*s, d)
	return d
}

// Describe implements prometheus.Collector.
func (s *shown) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range *s {
		ch <- d
	}
}
