package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Feed is what the node hands to signers and tools; *node.Node has it.
type Feed interface {
	// Fed is asked at each scrape and must not block.
	Fed() FeedCounts
}

// FeedCounts are an instance's feed's.
type FeedCounts struct {
	Records, Seals, Missing, Blamed, Refused, Restarts, Losses uint64            // since the start
	Unread                                                     map[string]uint64 // entries of each mailbox that is here
}

// feeding is the collector of the feed.
type feeding struct {
	source Feed

	records, seals, missing, blamed, refused, restarts, losses, unread *prometheus.Desc
}

func newFeed(source Feed) *feeding {
	return &feeding{
		source:   source,
		records:  describe("feed_records_total", "Facts, of this and the other instances, that were taken into this instance's feed."),
		seals:    describe("feed_epochs_sealed_total", "Windows of the feed that were sealed; one of each window, if nothing passed, too."),
		missing:  describe("feed_stages_missing_total", "Stages of the feed that did not commit to a window by the deadline."),
		blamed:   describe("feed_stages_blamed_total", "Stages of the feed that dropped, altered, swapped or repeated records, by what they signed."),
		refused:  describe("feed_facts_refused_total", "Facts of other instances that are not signed as they must be; that instance's wait until it is mended."),
		restarts: describe("feed_restarts_total", "Times that the feed was made anew from what is stored, as when a session was lost."),
		losses:   describe("feed_losses_total", "Mailboxes whose subscribers were told of a loss, because the database had forgotten what they had been told."),
		unread:   describe("feed_mailbox_unread", "Entries that wait for their acknowledgement, of mailboxes that are at this instance.", "mailbox"),
	}
}

// Describe implements prometheus.Collector.
func (f *feeding) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.records, f.seals, f.missing, f.blamed, f.refused, f.restarts, f.losses, f.unread} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (f *feeding) Collect(ch chan<- prometheus.Metric) {
	now := f.source.Fed()
	counter(ch, f.records, now.Records)
	counter(ch, f.seals, now.Seals)
	counter(ch, f.missing, now.Missing)
	counter(ch, f.blamed, now.Blamed)
	counter(ch, f.refused, now.Refused)
	counter(ch, f.restarts, now.Restarts)
	counter(ch, f.losses, now.Losses)
	for _, mailbox := range slices.Sorted(maps.Keys(now.Unread)) {
		ch <- prometheus.MustNewConstMetric(f.unread, prometheus.GaugeValue, float64(now.Unread[mailbox]), mailbox)
	}
}
