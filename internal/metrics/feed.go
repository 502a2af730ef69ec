package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Feed is what the node hands to signers and tools; a node has it.
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
	shown
	source Feed

	records, seals, missing, blamed, refused, restarts, losses, unread *prometheus.Desc
}

func newFeed(source Feed) *feeding {
	f := &feeding{source: source}
	f.records = f.add("feed_records_total", "Facts, of this and the other instances, that were taken into this instance's feed.")
	f.seals = f.add("feed_epochs_sealed_total", "Windows of the feed that were sealed; one of each window, if nothing passed, too.")
	f.missing = f.add("feed_stages_missing_total", "Stages of the feed that did not commit to a window by the deadline.")
	f.blamed = f.add("feed_stages_blamed_total", "Stages of the feed that dropped, altered, swapped or repeated records, by what they signed.")
	f.refused = f.add("feed_facts_refused_total", "Facts of other instances that are not signed as they must be; that instance's wait until it is mended.")
	f.restarts = f.add("feed_restarts_total", "Times that the feed was made anew from what is stored, as when a session was lost.")
	f.losses = f.add("feed_losses_total", "Mailboxes whose subscribers were told of a loss, because the database had forgotten what they had been told.")
	f.unread = f.add("feed_mailbox_unread", "Entries that wait for their acknowledgement, of mailboxes that are at this instance.", "mailbox")
	return f
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
