package scheme

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/taurusgroup/multi-party-sig/pkg/party"
	"github.com/taurusgroup/multi-party-sig/pkg/protocol"
	"github.com/taurusgroup/multi-party-sig/protocols/frost"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// cpu returns the processor time that the process has taken.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var use syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &use))
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkFROST measures key generation and signing through the adapter beside the library alone, by turns in one run: the
// processor's milliseconds for one party, the bytes that all send (a broadcast counted once), the rounds, and how many times
// the library's own time ours is. With -short the last size, nearly a minute of a processor, is left out.
func BenchmarkFROST(b *testing.B) {
	for _, size := range []struct{ threshold, seats int }{{3, 5}, {11, 20}, {51, 100}} {
		if testing.Short() && size.seats > 20 {
			continue
		}
		seats := seatsTo(size.seats)
		signers := seats[:size.threshold]
		digest := [32]byte{1}
		name := fmt.Sprintf("%d-of-%d", size.threshold, size.seats)

		shares := dealt(b, seats, size.threshold)
		configs := map[party.ID]*frost.TaprootConfig{}
		for _, s := range signers {
			config, err := shares[s].frostConfig(signers)
			require.NoError(b, err)
			configs[idOf(s)] = config
		}

		b.Run("keygen/"+name, func(b *testing.B) {
			compare(b, size.seats, func() (int, int) {
				g := newKeygens(b, signer.FROST, seats, size.threshold)
				require.Empty(b, g.play(b))
				return g.bytes, g.rounds
			}, func() (int, int) {
				l := bareFrost(b, seats, size.threshold-1)
				l.play()
				return l.bytes, l.rounds
			})
		})
		b.Run("sign/"+name, func(b *testing.B) {
			compare(b, size.threshold, func() (int, int) {
				g := newSignings(b, shares, signers, digest)
				require.Empty(b, g.play(b))
				return g.bytes, g.rounds
			}, func() (int, int) {
				l := newBare(b, signers, func(self party.ID) protocol.StartFunc {
					return frost.SignTaproot(configs[self], idsOf(signers), digest[:])
				})
				l.play()
				return l.bytes, l.rounds
			})
		})
	}
}

func compare(b *testing.B, parties int, ours, library func() (bytes, rounds int)) {
	b.Helper()
	var ourTime, libraryTime time.Duration
	var bytes, libraryBytes, rounds int
	for b.Loop() {
		at := cpu(b)
		bytes, rounds = ours()
		between := cpu(b)
		libraryBytes, _ = library()
		ourTime, libraryTime = ourTime+between-at, libraryTime+cpu(b)-between
	}
	each := float64(b.N * parties)
	b.ReportMetric(float64(ourTime.Microseconds())/1000/each, "cpu-ms/party")
	b.ReportMetric(float64(libraryTime.Microseconds())/1000/each, "library-cpu-ms/party")
	b.ReportMetric(float64(ourTime)/float64(libraryTime), "ratio")
	b.ReportMetric(float64(bytes), "bytes")
	b.ReportMetric(float64(libraryBytes), "library-bytes")
	b.ReportMetric(float64(rounds), "rounds")
}

// BenchmarkParseShare reads a share of a wallet of 100 seats.
func BenchmarkParseShare(b *testing.B) {
	data, err := dealt(b, seatsTo(100), 51)[1].MarshalBinary()
	require.NoError(b, err)
	for b.Loop() {
		_, err := ParseShare(signer.FROST, data)
		require.NoError(b, err)
	}
}
