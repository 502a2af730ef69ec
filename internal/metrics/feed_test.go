package metrics

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheFeedIsShownAsItIsAtTheScrape(t *testing.T) {
	n := &node{fed: FeedCounts{Unread: map[string]uint64{"tools": 0}}}
	r := newRecorder(n)
	require.Equal(t, "0", series(t, r)["feed_stages_blamed_total"])
	n.fed = FeedCounts{Records: 1, Seals: 2, Missing: 3, Blamed: 4, Refused: 5, Restarts: 6, Losses: 8, Unread: map[string]uint64{"tools": 7}}
	after := series(t, r)
	for name, want := range map[string]string{
		"feed_records_total": "1", "feed_epochs_sealed_total": "2", "feed_stages_missing_total": "3", "feed_stages_blamed_total": "4",
		"feed_facts_refused_total": "5", "feed_restarts_total": "6", `feed_mailbox_unread{mailbox="tools"}`: "7",
		"feed_losses_total": "8",
	} {
		require.Equal(t, want, after[name], name)
	}
	require.NotContains(t, series(t, New(Sources{Clock: n})), "feed_records_total", "a node without a feed")
}
