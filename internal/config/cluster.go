package config

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/walletnode/walletnode/internal/cluster"
)

// Shared reports whether the database is one that many instances of the operator share.
func (c Config) Shared() bool {
	return c.Store.DSN != "" && !strings.HasPrefix(c.Store.DSN, sqliteScheme)
}

// InstanceID returns the name of this instance: Cluster.InstanceID, or this host's name if it is empty. An error says that
// the host's name makes none.
func (c Config) InstanceID() (string, error) {
	if c.Cluster.InstanceID != "" {
		return c.Cluster.InstanceID, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("read this host's name, which is to be cluster.instance_id: %w", err)
	}
	return instanceIDOf(host)
}

// maxInstanceID is the longest name of an instance in bytes.
const maxInstanceID = 63

// instanceIDOf makes the name of an instance of a host's name: in lower case, with a dash for what cannot be in it.
func instanceIDOf(host string) (string, error) {
	plain := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}
	name := strings.TrimLeft(strings.Map(plain, strings.ToLower(host)), "-._")
	name = name[:min(len(name), maxInstanceID)]
	if _, err := cluster.ParseInstanceID(name); err != nil {
		return "", fmt.Errorf("this host's name, %q, is no name for an instance: set cluster.instance_id", host)
	}
	return name, nil
}

// Timing is the rhythm of the instance's session.
func (c Cluster) Timing() cluster.Timing {
	return cluster.Timing{TTL: c.LeaseTTL, Renewal: c.LeaseRenewal, Margin: c.LeaseMargin}
}

// checkCluster are the rules of many instances that need more than one key.
func (c Config) checkCluster(broken Complaints) Complaints {
	if !c.Shared() {
		return c.checkAlone()
	}
	if broken.names("cluster.lease_ttl") || broken.names("cluster.lease_renewal") || broken.names("cluster.lease_margin") {
		return nil
	}
	if err := c.Cluster.Timing().Validate(); err != nil {
		return Complaints{c.complaint("cluster.lease_ttl", err.Error())}
	}
	return nil
}

// checkAlone refuses what means nothing to an instance that shares no database: whoever sets it believes that it has
// siblings, and two nodes with one key and a database each would contradict each other. Bootstrap is for commands, which
// may reach other nodes from here.
func (c Config) checkAlone() (wrong Complaints) {
	had, plain := reflect.ValueOf(c.Cluster), reflect.ValueOf(Default().Cluster)
	for i, key := range keysOf(had.Type()) {
		value := had.Field(i)
		if list := value.Kind() == reflect.Slice; key == "bootstrap" || list && value.Len() == 0 || reflect.DeepEqual(value.Interface(), plain.Field(i).Interface()) {
			continue
		}
		wrong = append(wrong, c.complaint("cluster."+key,
			"needs a database that instances share: set store.dsn to postgres://..., or remove this"))
	}
	return wrong
}

// noClusterURLs is the state of an instance beside others that nobody is told how to reach.
const noClusterURLs = "no_cluster_urls"

func (c Config) warnURLs() []Warning {
	if !c.Shared() || len(c.Cluster.URLs) > 0 {
		return nil
	}
	return []Warning{{noClusterURLs, c.complaint("cluster.urls",
		"not set on a shared database: no client that asks another instance finds the way to this one")}}
}
