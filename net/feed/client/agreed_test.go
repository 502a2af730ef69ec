package client

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// What all confirm is what the one confirms who confirms least, of each stay for itself.
func TestAllConfirmNoMoreThanTheOneWhoConfirmsLeast(t *testing.T) {
	own := Archive{Mailbox: "a", Stays: []feed.Stay{{Instance: "alpha"}, {Moves: 1, Instance: "beta"}}}
	far := Comparison{Confirmed: 9, Confirms: true, Earlier: []Confirmed{{0, "alpha", 3}}}
	near := Comparison{Confirmed: 7, Confirms: true, Earlier: []Confirmed{{0, "alpha", 5}}}
	none := Comparison{Earlier: []Confirmed{{0, "alpha", 1}}}
	present := Comparison{Confirmed: 8, Confirms: true}
	for name, at := range map[string]struct {
		list []Comparison
		want []Confirmed
	}{
		"nobody":                 {nil, nil},
		"one":                    {[]Comparison{far}, []Confirmed{{0, "alpha", 3}, {1, "beta", 9}}},
		"two":                    {[]Comparison{far, near}, []Confirmed{{0, "alpha", 3}, {1, "beta", 7}}},
		"the other way round":    {[]Comparison{near, far}, []Confirmed{{0, "alpha", 3}, {1, "beta", 7}}},
		"one of an earlier stay": {[]Comparison{far, none}, []Confirmed{{0, "alpha", 1}}},
		"one of the present one": {[]Comparison{present, near}, []Confirmed{{1, "beta", 7}}},
	} {
		require.Equal(t, at.want, Agreed(own, at.list), name)
	}
}
