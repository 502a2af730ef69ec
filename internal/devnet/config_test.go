package devnet

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhichDevnetsCanHaveInstances(t *testing.T) {
	good := Config{
		Operators: 3, Wallets: 1, Seats: 3, BlockTime: 250 * time.Millisecond, Scenario: "calm", Dir: "/net", Screen: &recording{},
		Instances: 3, Lease: 4 * time.Second, Chaos: true,
	}
	require.NoError(t, good.Validate())
	for want, spoil := range map[string]func(*Config){
		"there are none that could be struck":   func(c *Config) { c.Instances = 0 },
		"17 is not within 1 and 16":             func(c *Config) { c.Instances = 17 },
		"scenario restart is about one node":    func(c *Config) { c.Scenario = "restart" },
		"lease ttl 1s is not within":            func(c *Config) { c.Lease = time.Second },
		"leave nobody to go on":                 func(c *Config) { c.Instances = 1 },
		"only calm can be struck":               func(c *Config) { c.Scenario = "impostor" },
		"is too short for leases of 10s to end": func(c *Config) { c.Lease = 0 },
	} {
		c := good
		spoil(&c)
		require.ErrorContains(t, c.Validate(), want)
	}
	require.Equal(t, 229*time.Millisecond, ChaosBlockTime(4*time.Second))
}
