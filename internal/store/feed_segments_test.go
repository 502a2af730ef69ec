package store

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

func recordsOf(n int, size int) (list []pipeline.Accepted) {
	for i := range n {
		payload := make([]byte, size)
		copy(payload, fmt.Sprint(i))
		rec := feed.Record{Seq: feed.Seq(i + 1), Epoch: 3, Item: feed.NewItem("node", uint64(i+1), walletA, feed.KindResult, payload)}
		list = append(list, pipeline.Accepted{Record: rec, Payload: payload})
	}
	return list
}

func TestSegmentsAreBounded(t *testing.T) {
	sizes := func(n, size int) (all []int) {
		for _, some := range segments(recordsOf(n, size), sizeOfAccepted) {
			all = append(all, len(some))
		}
		return all
	}
	require.Equal(t, []int{segmentItems, segmentItems, 1}, sizes(2*segmentItems+1, 10))
	require.Equal(t, []int{4, 4, 1}, sizes(9, segmentBytes/4))
	require.Equal(t, []int{1, 1}, sizes(2, segmentBytes), "one that is as long as that stands alone")
	require.Empty(t, sizes(0, 1))
}

func TestASegmentIsReadAsItWasWritten(t *testing.T) {
	list := recordsOf(5, 20)
	list = append(list[:1], list[3:]...) // what is between was collected
	records, payloads := encodeRecords(list)
	back, err := decodeAccepted(span{1, 5}, records, payloads)
	require.NoError(t, err)
	require.Equal(t, list, back)
	for _, wrong := range []span{{1, 4}, {2, 5}, {0, 5}} {
		_, err = decodeAccepted(wrong, records, payloads)
		require.ErrorIs(t, err, errSegment)
	}
	_, err = decodeAccepted(span{1, 5}, records, payloads[:len(payloads)-24])
	require.ErrorIs(t, err, errSegment, "a payload is missing")
	_, err = decodeAccepted(span{5, 5}, append(records[len(records)/3*2:], records...), payloads)
	require.Error(t, err, "numbers go back")

	facts := []Fact{
		{Origin: "a", Number: 7, Window: 900, Wallet: walletA, Kind: feed.KindResult, Payload: []byte("one"), Signature: feed.Signature{1}},
		{Origin: "a", Number: 8, Window: 1800, Wallet: walletB, Kind: feed.KindFault, Payload: []byte("two")},
	}
	read, err := decodeFacts("a", span{7, 8}, encodeFacts(facts))
	require.NoError(t, err)
	require.Equal(t, facts, read)
	_, err = decodeFacts("a", span{7, 9}, encodeFacts(facts))
	require.ErrorIs(t, err, errSegment)
}

func FuzzSegments(f *testing.F) {
	list := recordsOf(3, 20)
	records, payloads := encodeRecords(list)
	first := feed.Entry{Mailbox: "m", Number: 1, Record: list[0].Record}
	seqs, entries := encodeEntries([]feed.Entry{first, {Mailbox: "m", Number: 2, Previous: first.Hash(), Record: list[1].Record}})
	for _, seed := range [][]byte{records, payloads, entries, seqs, encodeFacts([]Fact{{Number: 1, Kind: feed.KindResult, Payload: []byte("x")}}), {0, 0, 0, 9}} {
		f.Add(seed, uint64(1), uint64(3))
	}
	f.Fuzz(func(t *testing.T, stored []byte, from, to uint64) {
		at := span{natural(from), natural(to)}
		if list, err := decodeAccepted(at, stored, payloads); err == nil {
			again, _ := encodeRecords(list)
			require.Equal(t, stored, again)
		}
		if list, err := decodeEntries("m", at, stored); err == nil {
			_, again := encodeEntries(list)
			require.Equal(t, stored, again)
		}
		if list, err := decodeFacts("a", at, stored); err == nil {
			again, err := decodeFacts("a", at, encodeFacts(list))
			require.NoError(t, err)
			require.Equal(t, list, again)
		}
		if list, err := decodeSeqs(stored); err == nil {
			require.Len(t, stored, 8*len(list))
		}
	})
}
