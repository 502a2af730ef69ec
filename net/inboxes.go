package net

import "github.com/walletnode/walletnode/chain"

// inboxes makes the inboxes of channels and topics: what all of them have in common. It does not change; the ledgers, of what one author
// may have in all of them together, have mutexes of their own.
type inboxes struct {
	schedule Schedule
	inspect  Inspector
	ear      Ear
	keys     *authors
	held     *ledger // of the wallets' channels, and what is relayed in all
	parcels  *ledger // of topics
}

func newInboxes(cfg Config, deps Deps, self chain.Operator, keys *authors) *inboxes {
	return &inboxes{
		schedule: cfg.Schedule, inspect: deps.Inspect, ear: Ear{self, deps.Spoken},
		keys: keys, held: newLedger(maxHeld), parcels: newLedger(maxHeld),
	}
}

func (i *inboxes) ofWallet(w chain.Wallet) *Inbox {
	return newInbox(w, i.schedule, i.inspect, i.held, i.keys, i.ear)
}

func (i *inboxes) ofTopic(cfg TopicConfig) *TopicInbox {
	return newTopicInbox(cfg, i.parcels, i.held, i.keys)
}
