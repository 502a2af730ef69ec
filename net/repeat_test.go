package net

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is large is repeated later, for it has cost more; but no later than anything may be.
func TestLargeMessagesAreRepeatedLater(t *testing.T) {
	topic := &Topic{cfg: TopicConfig{Name: "/walletnode/test", PerOperator: 3}, line: line{host: &Host{table: &table{}}}}
	r, begin := newRepeats(), time.Unix(1, 0)
	sizes := []int{100, 10 * repeatBytes, MaxTopicMessage}
	for _, size := range sizes {
		r.keep(topic, make([]byte, size), topic.reach(), begin)
	}
	repeated := map[int][]time.Duration{}
	for after := time.Duration(0); after <= 5*time.Minute; after += time.Second {
		batch, _ := r.due(begin.Add(after))
		for _, m := range batch {
			repeated[len(m.data)] = append(repeated[len(m.data)], after/time.Second)
		}
	}
	require.Equal(t, []time.Duration{5, 15, 35, 55}, repeated[sizes[0]][:4])
	require.Equal(t, []time.Duration{15, 35, 55, 75}, repeated[sizes[1]][:4])
	require.Equal(t, []time.Duration{120, 240}, repeated[sizes[2]])

	topic.approached() // somebody who has heard none of it
	for _, m := range r.kept[topic] {
		m.sent = begin
	}
	batch, _ := r.due(begin.Add(15 * time.Second))
	require.Len(t, batch, 2, "the largest waits longer for whoever is new, too")
}
