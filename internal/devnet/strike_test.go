package devnet

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

var testPace = chaosPace{block: 250 * time.Millisecond, lease: 4 * time.Second}

func TestStrikesAreTheSameForTheSameSeedAndRound(t *testing.T) {
	names := []string{"a", "b", "c"}
	for round := range 20 {
		require.Equal(t, planStrikes(roundSource(7, round), names, testPace), planStrikes(roundSource(7, round), names, testPace))
	}
	require.NotEqual(t, planStrikes(roundSource(7, 0), names, testPace), planStrikes(roundSource(8, 0), names, testPace))
}

// With signers one of the struck instances is struck again while signatures are made: never who was spared, and not the database.
func TestAStrikeWhileSignaturesAreMadeSparesWhoWasSpared(t *testing.T) {
	seen := make(map[StrikeKind]bool)
	for round := range 500 {
		rng := roundSource(3, round)
		strikes := planStrikes(rng, []string{"a", "b", "c"}, testPace)
		s := strikeAtSigning(rng, strikes, testPace)
		seen[s.Kind] = true
		require.True(t, slices.ContainsFunc(strikes, func(o Strike) bool { return o.Instance == s.Instance && o.Instance != "" }))
		require.Greater(t, s.From, lastEnd, "what befell it before is over")
		require.Less(t, s.From, signingBegin+signingSpan)
		require.Greater(t, s.To, s.From)

		c := &chaos{pace: testPace}
		require.Zero(t, c.takenOver(strikes, 900))
		require.EqualValues(t, 900+s.From+32, c.takenOver(append(strikes, s), 900), "a lease of 4 s, and 4 s to notice")
	}
	require.Len(t, seen, len(strikeKinds())-1)
	require.False(t, seen[StrikeDatabase])
}

// What a lost window may be held against: whatever befalls the others, one instance is well all the time, and so is the
// database from well within the active phase on.
func TestOneInstanceIsSparedAndTheDatabaseComesBack(t *testing.T) {
	seen := make(map[StrikeKind]int)
	most := 0
	for round := range 2000 {
		names := []string{"a", "b", "c", "d"}[:2+round%3]
		strikes := planStrikes(roundSource(1, round), names, testPace)
		require.NotEmpty(t, strikes)
		struck := make(map[string][]Strike)
		for _, s := range strikes {
			seen[s.Kind]++
			require.GreaterOrEqual(t, s.From, firstBegin)
			require.Less(t, s.From, s.To)
			if s.Kind == StrikeDatabase {
				require.Empty(t, s.Instance)
				require.LessOrEqual(t, s.To, databaseEnd)
				continue
			}
			require.Contains(t, names, s.Instance)
			require.LessOrEqual(t, s.From, lastBegin)
			require.LessOrEqual(t, s.To, lastEnd)
			struck[s.Instance] = append(struck[s.Instance], s)
		}
		require.Less(t, len(struck), len(names), "one is spared")
		require.NotEmpty(t, struck)
		for _, suffered := range struck {
			require.LessOrEqual(t, len(suffered), maxStrikes)
			for i := 1; i < len(suffered); i++ {
				require.Greater(t, suffered[i].From, suffered[i-1].To, "one after the other")
			}
		}
		most = max(most, len(struck))
	}
	for _, k := range strikeKinds() {
		require.Greater(t, seen[k], 100, "%s", k)
	}
	require.Equal(t, 3, most)
}

func TestAPauseIsShorterThanALeaseAndAStopIsLonger(t *testing.T) {
	for round := range 500 {
		for _, s := range planStrikes(roundSource(3, round), []string{"a", "b"}, testPace) {
			lasts := time.Duration(s.To-s.From) * testPace.block
			switch s.Kind {
			case StrikePause:
				require.Less(t, lasts, testPace.lease*3/4)
			case StrikeStop:
				require.Greater(t, lasts, testPace.lease)
			default:
			}
		}
	}
}

func TestAPlanIsCarriedOutInTheOrderOfHeights(t *testing.T) {
	steps := schedule([]Strike{
		{Kind: StrikeKill, Instance: "a", From: -5, To: 10},
		{Kind: StrikeIsolate, Instance: "b", From: 10, To: 11},
		{Kind: StrikeStop, Instance: "a", From: 11, To: 40},
	}, 900)
	var order []string
	for _, s := range steps {
		word := " begins"
		if s.ends {
			word = " ends"
		}
		order = append(order, string(s.strike.Kind)+word)
	}
	require.Equal(t, []string{"kill begins", "kill ends", "peers lost begins", "peers lost ends", "stop begins", "stop ends"}, order)
	require.Equal(t, chain.Height(895), steps[0].at)
	require.True(t, slices.IsSortedFunc(steps, func(a, b step) int { return int(a.at) - int(b.at) }))
	require.Equal(t, "stop of a, c+11 to c+40", steps[4].strike.String())
	require.Equal(t, "database restart of all, c-3 to c+1", Strike{Kind: StrikeDatabase, From: -3, To: 1}.String())
}

// The few rounds that are played before every change lands strike in each of the ways that the goals speak of.
func TestTheRoundsOfEveryChangeKillStopAndCutOff(t *testing.T) {
	text, err := os.ReadFile("../../.ci/run")
	require.NoError(t, err)
	found := regexp.MustCompile(`devnet --chaos (\d+) --seed (\d+)`).FindSubmatch(text)
	require.NotNil(t, found, "the rounds of chaos were not found")
	rounds, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	seed, err := strconv.ParseUint(string(found[2]), 10, 64)
	require.NoError(t, err)
	lease := 4 * time.Second // as devnet --chaos has it
	pace := chaosPace{block: ChaosBlockTime(lease), lease: lease}
	seen := make(map[StrikeKind]bool)
	for round := range rounds {
		for _, s := range planStrikes(roundSource(seed, round), []string{instanceName(0), instanceName(1), instanceName(2)}, pace) {
			seen[s.Kind] = true
		}
	}
	require.True(t, seen[StrikeKill], "killed (SIGKILL)")
	require.True(t, seen[StrikeStop], "stopped for longer than a lease (SIGSTOP)")
	require.True(t, seen[StrikeIsolate], "cut off from its peers")
	require.True(t, seen[StrikeClose] || seen[StrikeSwallow], "cut off from its database")
}
