package config

import (
	"reflect"
	"slices"
	"strings"
)

// Diff is what one configuration has that another has not. Endpoints are told apart by their names.
type Diff struct {
	Added, Removed, Changed []string // chain endpoints
	// Restart are the keys of everything else: what a running node does not take over.
	Restart []string
}

// Diff compares c with a later configuration. What a file of headers holds is no part of either.
func (c Config) Diff(later Config) Diff {
	var d Diff
	before, after := byName(c.ChainEndpoints()), byName(later.ChainEndpoints())
	for _, e := range later.ChainEndpoints() {
		switch old, there := before[e.Name]; {
		case !there:
			d.Added = append(d.Added, e.Name)
		case !reflect.DeepEqual(old, e):
			d.Changed = append(d.Changed, e.Name)
		}
	}
	for _, e := range c.ChainEndpoints() {
		if _, there := after[e.Name]; !there {
			d.Removed = append(d.Removed, e.Name)
		}
	}
	was := c.Settings()
	for _, now := range later.Settings() {
		if ofEndpoints(now.Key) || strings.HasPrefix(now.Key, signersKey+"[") || strings.HasPrefix(now.Key, mailboxesKey+"[") ||
			strings.HasPrefix(now.Key, subscribersKey+"[") {
			continue
		}
		at := slices.IndexFunc(was, func(s Setting) bool { return s.Key == now.Key })
		if !reflect.DeepEqual(was[at].Value, now.Value) { // a key outside the lists is always there
			d.Restart = append(d.Restart, now.Key)
		}
	}
	if !slices.Equal(c.Signers, later.Signers) {
		d.Restart = append(d.Restart, signersKey)
	}
	if !reflect.DeepEqual(c.Feed.Mailboxes, later.Feed.Mailboxes) {
		d.Restart = append(d.Restart, mailboxesKey)
	}
	if !reflect.DeepEqual(c.Feed.Subscribers, later.Feed.Subscribers) {
		d.Restart = append(d.Restart, subscribersKey)
	}
	return d
}

// WithEndpoints returns c with the chain endpoints of a later configuration, and nothing else of it.
func (c Config) WithEndpoints(later Config) Config {
	e, m := later.Ethereum, later.Ethereum.Multi
	c.Ethereum.URL, c.Ethereum.RequestsPerSecond = e.URL, e.RequestsPerSecond
	c.Ethereum.Multi.PrimaryVoteGroup, c.Ethereum.Multi.Endpoints = m.PrimaryVoteGroup, slices.Clone(m.Endpoints)
	return c
}

// ofEndpoints reports whether a key describes a chain endpoint: what WithEndpoints takes over.
func ofEndpoints(key string) bool {
	switch key {
	case "ethereum.url", "ethereum.requests_per_second", multiKey + ".primary_vote_group":
		return true
	}
	return strings.HasPrefix(key, endpointsKey)
}

func byName(endpoints []Endpoint) map[string]Endpoint {
	all := make(map[string]Endpoint, len(endpoints))
	for _, e := range endpoints {
		all[e.Name] = e
	}
	return all
}
