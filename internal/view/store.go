package view

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
)

// StoreState is a store's size, what it holds and how long it keeps it.
type StoreState struct {
	Path              string        `json:"path"`
	Bytes             int64         `json:"bytes"`
	FreeBytes         int64         `json:"free_bytes"` // of bytes: hold nothing and are used again
	LogBytes          int64         `json:"log_bytes"`  // of the write-ahead log beside it
	Running           bool          `json:"running"`    // a node has it
	Process           *string       `json:"process"`    // that node's process
	Schema            int64         `json:"schema"`
	ChainID           *string       `json:"chain_id"` // null before the first start
	Genesis           *string       `json:"genesis"`
	Oldest            *chain.Height `json:"oldest_window"` // null if no window was opened
	Newest            *chain.Height `json:"newest_window"`
	RetentionWindows  int           `json:"retention_windows"`
	RetentionEvidence int           `json:"retention_evidence"` // in windows
	Counts            StoreCounts   `json:"counts"`
	LastBackup        *Backup       `json:"last_backup"` // null if none was made
}

// StoreCounts are how many records of each kind a store holds.
type StoreCounts struct {
	Windows    int64 `json:"windows"`
	Missed     int64 `json:"missed_ranges"`
	Results    int64 `json:"results"`
	Open       int64 `json:"open_results"`
	Statements int64 `json:"statements"`
	Faults     int64 `json:"faults"`
	Attributed int64 `json:"attributed_faults"`
	Actions    int64 `json:"actions"`
	Pending    int64 `json:"pending_actions"`
	Wallets    int64 `json:"wallets"`
	Archived   int64 `json:"archived_wallets"`
}

// Backup is a copy of a store that was made.
type Backup struct {
	File string `json:"file"`
	Time string `json:"time"`
}

// NewStoreState shows a store's figures, who has it (store.Running) and its retention.
func NewStoreState(f store.Figures, process string, running bool, retention store.Retention) StoreState {
	s := StoreState{
		Path: f.Path, Bytes: f.Bytes, FreeBytes: f.Free, LogBytes: f.Log, Running: running, Schema: f.Schema,
		Process: pointer(process), ChainID: pointer(f.ChainID), Genesis: pointer(f.Genesis),
		Oldest: pointer(f.Oldest), Newest: pointer(f.Newest),
		RetentionWindows: retention.Windows, RetentionEvidence: retention.Evidence,
		Counts: StoreCounts{
			Windows: f.Windows, Missed: f.Missed, Results: f.Results, Open: f.Open, Statements: f.Statements,
			Faults: f.Faults, Attributed: f.Attributed, Actions: f.Actions, Pending: f.Pending,
			Wallets: f.Wallets, Archived: f.ArchivedWallets,
		},
	}
	if b := f.LastBackup; b != nil {
		s.LastBackup = &Backup{b.File, Time(b.At)}
	}
	return s
}
