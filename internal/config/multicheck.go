package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/walletnode/walletnode/internal/secretfile"
)

const (
	multiKey     = "ethereum.multi"
	endpointsKey = multiKey + ".endpoints"
)

// checkMulti are the rules that need more than one key of the many endpoints, or the file that one names. Endpoints are
// compared even where they are off, so that turning them on brings no surprise.
func (c Config) checkMulti() Complaints {
	m := c.Ethereum.Multi
	wrong := append(c.checkNames(), c.checkURLs()...)
	if !m.Enabled {
		return wrong
	}
	if m.PollDeadline > m.PollInterval {
		wrong = append(wrong, c.complaint(multiKey+".poll_deadline", "want at most poll_interval: a poll would outlast its turn"))
	}
	if m.PeersInterval < m.PollInterval {
		wrong = append(wrong, c.complaint(multiKey+".peers_interval", "want at least poll_interval: peers are asked for with a poll"))
	}
	wrong = append(append(wrong, c.checkGroups()...), c.checkRates()...)
	return append(wrong, c.checkHeadersFiles()...)
}

// pollRequests is what a poll takes of an endpoint's rate: nine questions, now and then three about peers.
const pollRequests = 12

// checkRates demands that polls take half of an endpoint's rate at most. They do not wait for it, and everything else has
// to do with what they leave.
func (c Config) checkRates() (wrong Complaints) {
	least := 2 * pollRequests / c.Ethereum.Multi.PollInterval.Seconds()
	for i, e := range c.ChainEndpoints() {
		key := "ethereum.requests_per_second"
		if i > 0 && c.Ethereum.Multi.Endpoints[i-1].RPS != c.Ethereum.RequestsPerSecond {
			key = itemKey(endpointsKey, i-1) + ".rps"
		} else if i > 0 {
			continue // told of the primary already
		}
		if e.RPS > 0 && e.RPS < least {
			wrong = append(wrong, c.complaint(key, fmt.Sprintf(
				"%v requests per second do not suffice for polls: want at least %.3g, or a longer %s.poll_interval", e.RPS, least, multiKey)))
		}
	}
	return wrong
}

func (c Config) checkNames() (wrong Complaints) {
	seen := map[string]string{primaryName: "ethereum.url"}
	for i, e := range c.Ethereum.Multi.Endpoints {
		key := itemKey(endpointsKey, i) + ".name"
		switch first, twice := seen[e.Name]; {
		case e.Name == "":
		case twice:
			wrong = append(wrong, c.complaint(key, fmt.Sprintf("%q is the name of %s already", e.Name, first)))
		default:
			seen[e.Name] = itemKey(endpointsKey, i)
		}
	}
	return wrong
}

// checkURLs finds endpoints that are one. Their URLs are not repeated: they can hold an access key.
func (c Config) checkURLs() (wrong Complaints) {
	seen := map[string]string{}
	if c.Ethereum.URL != "" {
		seen[sameURL(c.Ethereum.URL)] = "ethereum.url"
	}
	for i, e := range c.Ethereum.Multi.Endpoints {
		key := itemKey(endpointsKey, i) + ".url"
		switch first, twice := seen[sameURL(e.URL)]; {
		case e.URL == "":
		case twice:
			wrong = append(wrong, c.complaint(key, "the same URL as "+first+": one endpoint cannot check itself"))
		default:
			seen[sameURL(e.URL)] = itemKey(endpointsKey, i) + ".url"
		}
	}
	return wrong
}

// defaultPorts are those a URL need not name.
var defaultPorts = map[string]string{"http": "80", "ws": "80", "https": "443", "wss": "443"}

// sameURL returns one text for every way to write a URL of one endpoint.
func sameURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return s
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if u.Port() == defaultPorts[u.Scheme] {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	u.Path, u.Fragment = strings.TrimSuffix(u.Path, "/"), ""
	return u.String()
}

// checkGroups demands that a majority means something.
func (c Config) checkGroups() Complaints {
	if len(c.Ethereum.Multi.Endpoints) == 0 {
		return Complaints{c.complaint(multiKey+".enabled", "enabled, and there is no [["+endpointsKey+"]]: one endpoint cannot check itself")}
	}
	if groups := voteGroups(c.ChainEndpoints()); len(groups) == 1 { // never none: the primary votes
		return Complaints{c.complaint(endpointsKey, fmt.Sprintf("all endpoints that vote are in one vote group, %q: it would agree with itself", groups[0]))}
	}
	return nil
}

// maxHeadersFile is the largest file of HTTP headers, in bytes: ten tokens of the longest kind.
const maxHeadersFile = 16 << 10

// checkHeadersFiles opens the files as the node will: each holds an access token.
func (c Config) checkHeadersFiles() (wrong Complaints) {
	for i, e := range c.Ethereum.Multi.Endpoints {
		if e.HeadersFile == "" {
			continue
		}
		if _, err := secretfile.Read("headers", e.HeadersFile, maxHeadersFile); err != nil {
			wrong = append(wrong, c.complaint(itemKey(endpointsKey, i)+".headers_file", err.Error()))
		}
	}
	return wrong
}

// Warning is something that is allowed and unwise. State names it: even_vote_groups, no_cluster_urls, no_signers.
type Warning struct {
	State string
	Complaint
}

// evenVoteGroups is the state of an even number of vote groups: half of them against half is no majority, so that the
// last group adds something that can fail and bears no failure more.
const evenVoteGroups = "even_vote_groups"

// Warnings returns what an operator should know of a valid configuration.
func (c Config) Warnings() []Warning {
	return slices.Concat(c.warnGroups(), c.warnURLs(), c.warnSigners())
}

func (c Config) warnGroups() []Warning {
	groups := voteGroups(c.ChainEndpoints())
	if !c.Ethereum.Multi.Enabled || len(groups)%2 != 0 {
		return nil
	}
	why := fmt.Sprintf("%d vote groups, an even number: %d of them may fail, as of %d; split in half they agree on nothing",
		len(groups), len(groups)/2-1, len(groups)-1)
	return []Warning{{evenVoteGroups, c.complaint(endpointsKey, why)}}
}
