package net

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever wallets and topics come and go on either side, and when, in the end each knows whether the other admits it.
func TestEachKnowsWhetherTheOtherAdmitsIt(t *testing.T) {
	for seed := range uint64(6) {
		withCluster(t, func(t *testing.T, c *cluster) {
			random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // the same each time
			patient := func(cfg *Config) { cfg.ProofTimeout = time.Hour }
			all := []*member{c.add(1, patient), c.add(2, patient), c.add(2, patient)}
			w := testWallet(t, 1, 1, 2)
			topics := [][]byte{{1, 2}, {1, 2, 3}, {2, 3}}
			open := make([]map[int]func() error, len(all)) // what ends it
			for i, a := range all {
				open[i] = make(map[int]func() error)
				for _, b := range all[:i] {
					c.connect(a.lh, b.lh)
				}
			}
			for range 60 {
				i, n := random.IntN(len(all)), random.IntN(len(topics)+1)
				switch end := open[i][n]; {
				case end != nil:
					require.NoError(t, end())
					open[i][n] = nil
				case n == len(topics):
					all[i].join(t, w)
					open[i][n] = func() error { return all[i].Leave(w.ID()) }
				default:
					cfg := testTopic(topics[n]...)
					cfg.Name = fmt.Sprintf("%s/%d", testTopicName, n)
					open[i][n] = all[i].opens(t, cfg).Close
				}
				time.Sleep(time.Duration(random.Int64N(2)) * time.Duration(random.Int64N(int64(exchangePause+exchangePause/2))))
			}
			time.Sleep(10 * exchangePause)
			c.settle()
			for _, a := range all {
				for _, b := range all {
					if a != b && c.connected(a.lh, b.lh) {
						require.Equal(t, b.peer(t, a.lh).State == PeerAdmitted, a.peer(t, b.lh).AdmitsUs, "seed %d: %+v", seed, a.peer(t, b.lh))
					}
				}
			}
		})
	}
}
