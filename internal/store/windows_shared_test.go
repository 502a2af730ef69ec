package store

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// pens opens a store for two instances that serve no wallet.
func pens(t *testing.T, crowd several) (a, b *Pen) {
	open := crowd(t)
	return newSibling(t, open(), "a").pen, newSibling(t, open(), "b").pen
}

// account lists what a store holds of windows, oldest first.
func account(t *testing.T, s *Pen) (openedWindows []chain.Height, missed []coordination.Missed) {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), `SELECT block FROM windows ORDER BY block`)
	openedWindows, err = collect(rows, err, func(row scanner) (h chain.Height, err error) { return h, row.Scan((*height)(&h)) })
	require.NoError(t, err)
	rows, err = s.db.QueryContext(t.Context(), `SELECT first_block, last_block, reason, noted_at FROM missed ORDER BY first_block`)
	missed, err = collect(rows, err, func(row scanner) (m coordination.Missed, err error) {
		return m, row.Scan((*height)(&m.First), (*height)(&m.Last), (*string)(&m.Reason), (*height)(&m.NotedAt))
	})
	require.NoError(t, err)
	return openedWindows, missed
}

func lost(first, last uint64) coordination.Missed {
	return coordination.Missed{First: window(first).Block, Last: window(last).Block, Reason: coordination.ReasonChainStalled, NotedAt: window(last).End}
}

func TestR1AWindowThatASiblingOpenedIsOpenedToo(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			a, b := pens(t, crowd)
			require.NoError(t, a.OpenWindow(t.Context(), opened(2)))
			later := opened(2)
			later.At += 40
			require.NoError(t, b.OpenWindow(t.Context(), later))
			require.NoError(t, a.OpenWindow(t.Context(), opened(2)), "a repetition changes nothing")
			last, err := b.LastWindow(t.Context())
			require.NoError(t, err)
			require.Equal(t, opened(2), last, "as the first one wrote it, to be resumed")
			require.NoError(t, b.OpenWindow(t.Context(), opened(3)))
		})
	}
}

// One instance's chain shows a height that nobody else sees. It opens a window there, and takes all before it for missed.
func TestR1ASiblingFarAheadKeepsNobodyFromThePresentWindow(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			a, b := pens(t, crowd)
			require.NoError(t, a.OpenWindow(t.Context(), opened(1)))
			require.NoError(t, b.RecordMissed(t.Context(), lost(2, 33333)))
			require.NoError(t, b.OpenWindow(t.Context(), opened(33334)))

			require.NoError(t, a.OpenWindow(t.Context(), opened(2)))
			require.NoError(t, a.OpenWindow(t.Context(), opened(5)))
			_, missed := account(t, a)
			require.Equal(t, []coordination.Missed{part(lost(2, 33333), 3, 4), part(lost(2, 33333), 6, 33333)}, missed, "what was opened was not missed")

			for head, want := range map[chain.Height]coordination.Opened{
				window(5).Block + 7:    opened(5),
				window(5).Block:        opened(5),
				window(5).Block - 1:    {Block: window(4).Block},
				window(7).Block + 899:  {Block: window(7).Block},
				window(33334).End:      opened(33334),
				window(2).Block + 1:    opened(2),
				window(1).Block - 1:    {},
				window(33335).End + 70: opened(33334),
			} {
				last, err := a.LastWindowAt(t.Context(), head)
				require.NoError(t, err)
				require.Equal(t, want, last, head)
			}
		})
	}
}

func part(m coordination.Missed, first, last uint64) coordination.Missed {
	m.First, m.Last = window(first).Block, window(last).Block
	return m
}

func TestR1WhatASiblingOpenedIsNotMissed(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			a, b := pens(t, crowd)
			for _, n := range []uint64{1, 4, 5, 8} {
				require.NoError(t, a.OpenWindow(t.Context(), opened(n)))
			}
			require.NoError(t, a.RecordMissed(t.Context(), part(lost(7, 7), 7, 7)))
			all := lost(1, 9)
			stored, err := b.RecordGaps(t.Context(), all)
			require.NoError(t, err)
			require.Equal(t, []coordination.Missed{part(all, 2, 3), part(all, 6, 6), part(all, 9, 9)}, stored)
			want := []coordination.Missed{part(all, 2, 3), part(all, 6, 6), lost(7, 7), part(all, 9, 9)}
			_, missed := account(t, b)
			require.Equal(t, want, missed, "the gaps, and what was known of them before stays")
			stored, err = b.RecordGaps(t.Context(), all)
			require.NoError(t, err)
			require.Empty(t, stored)
			require.NoError(t, a.RecordMissed(t.Context(), lost(2, 6)))
			_, missed = account(t, b)
			require.Equal(t, want, missed, "nothing is left to be stored")

			require.Error(t, a.RecordMissed(t.Context(), lost(12, 11)), "a range that ends before it begins")
			bad := lost(11, 12)
			bad.Reason = "no such reason"
			require.Error(t, a.RecordMissed(t.Context(), bad))
			last, err := a.LastWindow(t.Context())
			require.NoError(t, err)
			require.Equal(t, window(9).Block, last.Block)
		})
	}
}

func TestR1InstancesStartANewStoreTogether(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			a, b := pens(t, crowd)
			require.NoError(t, a.StartAfter(t.Context(), window(2).Block))
			require.NoError(t, b.StartAfter(t.Context(), window(2).Block))
			require.NoError(t, b.StartAfter(t.Context(), window(3).Block), "another one was the first")
			windows, missed := account(t, a)
			require.Equal(t, []chain.Height{window(2).Block}, windows)
			require.Empty(t, missed)
			require.NoError(t, b.RecordMissed(t.Context(), lost(2, 2)))
			_, missed = account(t, a)
			require.Empty(t, missed, "it was nobody's concern")

			// One that lags behind opens the window that the others came too late for.
			require.NoError(t, b.OpenWindow(t.Context(), opened(2)))
			last, err := a.LastWindow(t.Context())
			require.NoError(t, err)
			require.Equal(t, opened(2), last)
		})
	}
}

// Whatever instances write about windows, and in whatever order: each window is either opened or in one range of
// missed ones, and one that somebody opened is opened.
func TestR1WindowsOfManyInstancesAddUp(t *testing.T) {
	const windows = 40
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			a, b := pens(t, crowd)
			var mu sync.Mutex
			wasOpened := make(map[chain.Height]bool)
			var known sync.WaitGroup
			for _, p := range []*Pen{a, b, a, b} {
				known.Go(func() {
					for n := uint64(1); n <= windows; {
						if rand.IntN(3) == 0 {
							to := min(windows, n+rand.Uint64N(5))
							if err := p.RecordMissed(t.Context(), lost(n, to)); err != nil {
								t.Error(err)
							}
							n = to + 1
							continue
						}
						mu.Lock()
						wasOpened[window(n).Block] = true
						mu.Unlock()
						if err := p.OpenWindow(t.Context(), opened(n)); err != nil {
							t.Error(err)
						}
						n++
					}
				})
			}
			known.Wait()
			have, missed := account(t, a)
			times := make(map[chain.Height]int)
			for _, block := range have {
				require.True(t, wasOpened[block])
				times[block]++
			}
			require.Len(t, have, len(wasOpened))
			for _, m := range missed {
				require.LessOrEqual(t, m.First, m.Last)
				for block := m.First; block <= m.Last; block += 900 {
					times[block]++
				}
			}
			require.Len(t, times, windows)
			for block, n := range times {
				require.Equal(t, 1, n, block)
			}
		})
	}
}
