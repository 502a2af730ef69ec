package view

import "github.com/walletnode/walletnode/chain"

// Instances is the operator's instances as one of them sees them.
type Instances struct {
	// Self is the instance that answers; empty if it is the only one, on an embedded database.
	Self       string     `json:"self"`
	Shared     bool       `json:"shared"`     // on a database that instances share
	Generation string     `json:"generation"` // of the database; empty on an embedded one
	At         string     `json:"at"`         // when this was read
	AgeMS      int64      `json:"age_ms"`     // how long ago that was
	Stale      bool       `json:"stale"`      // older than two seconds: the database does not answer
	Instances  []Instance `json:"instances"`
	// Unowned is how many active wallets nobody serves at this moment.
	Unowned int `json:"unowned"`
}

// Instance is one of the operator's instances.
type Instance struct {
	ID      string   `json:"id"`
	Boot    string   `json:"boot"` // names its session
	State   string   `json:"state"`
	URLs    []string `json:"urls"`
	Version string   `json:"version"`
	Healthy bool     `json:"healthy"`
	Detail  string   `json:"detail"` // why it is not healthy
	Standby bool     `json:"standby"`
	// Draining says that it gives its wallets away; Wish what it is asked to do: "", "drain" or "resign".
	Draining bool             `json:"draining"`
	Wish     string           `json:"wish"`
	LeaseMS  int64            `json:"lease_ms"` // left of its lease; 0 if it is over
	AgeS     int64            `json:"age_s"`    // of its session
	Barred   uint64           `json:"barred_through"`
	Wallets  []chain.WalletID `json:"wallets"` // that it serves
	Self     bool             `json:"self"`
}

// The states of an instance.
const (
	InstanceServing  = "serving"  // it has wallets
	InstanceIdle     = "idle"     // it could have wallets and has none
	InstanceStandby  = "standby"  // it is kept in reserve
	InstanceIll      = "ill"      // it cannot serve wallets now
	InstanceDraining = "draining" // it gives its wallets away, or has done so
	InstanceDead     = "dead"     // its lease is over
)

// Wish is what an instance was asked to do.
type Wish struct {
	Instance string `json:"instance"`
	Wish     string `json:"wish"`    // "drain", "resign", or "" for nothing
	Removed  bool   `json:"removed"` // it was dead and was to resign: nothing is kept of it
}

// Owner says who is responsible for a wallet.
type Owner struct {
	Wallet chain.WalletID `json:"wallet"`
	Owner  string         `json:"owner"` // an instance's id; empty on an embedded database
	URLs   []string       `json:"urls"`  // where it is reached
	Epoch  uint64         `json:"epoch"`
	Halted string         `json:"halted"` // why the wallet is stopped; empty if it is not
}

// Bans is who is kept away.
type Bans struct {
	Bans []Ban `json:"bans"`
}

// Ban keeps an operator or a peer away.
type Ban struct {
	Operator string  `json:"operator"` // empty for a peer's
	Peer     string  `json:"peer"`     // empty for an operator's
	Reason   string  `json:"reason"`
	By       string  `json:"by"`
	Since    string  `json:"since"`
	Until    *string `json:"until"` // null for as long as nobody lifts it
}

// Halts is which wallets are stopped.
type Halts struct {
	Halts []Halt `json:"halts"`
}

// Halt is one wallet that is stopped on all instances.
type Halt struct {
	Wallet chain.WalletID `json:"wallet"`
	Window chain.Height   `json:"window"`
	Reason string         `json:"reason"`
	By     string         `json:"by"`
	Since  string         `json:"since"`
}
