package view

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASpanNamesTheTwoLargestUnits(t *testing.T) {
	for seconds, want := range map[int64]string{0: "0 s", 59: "59 s", 60: "1 min", 204: "3 min 24 s", 3600: "1 h", 3605: "1 h", 10740: "2 h 59 min", 90061: "1 d 1 h"} {
		require.Equal(t, want, Span(seconds), "%d", seconds)
	}
}
