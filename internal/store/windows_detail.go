package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
)

// WindowDetail is all that is stored of one window.
type WindowDetail struct {
	Block   chain.Height
	Opened  *coordination.Opened // nil if the window was not opened
	Missed  *coordination.Missed // the range of missed windows it lies in, nil if none
	Wallets []WalletDetail       // in the order of wallet IDs
}

// WalletDetail is all that is stored of one wallet in one window.
type WalletDetail struct {
	WindowRow
	Own        *coordination.OwnProposal // what this operator said as leader; nil if it said nothing
	Statements []coordination.Statement  // in the order of arrival
	Records    []faults.Record
	Action     *Action // nil if there is none
}

// WindowDetail returns one window, of all wallets or of those named; ErrNotFound if nothing is stored of it.
func (r Reader) WindowDetail(ctx context.Context, block chain.Height, wallets ...chain.WalletID) (WindowDetail, error) {
	detail := WindowDetail{Block: block}
	err := r.snapshot(ctx, func(tx *sql.Tx) error {
		if err := readOpening(ctx, tx, &detail); err != nil {
			return err
		}
		if len(wallets) == 0 {
			return readWallets(ctx, tx, &detail, nil)
		}
		for _, wallet := range wallets {
			if err := readWallets(ctx, tx, &detail, &wallet); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && detail.Opened == nil && detail.Missed == nil && len(detail.Wallets) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return WindowDetail{}, wrap("read window", err)
	}
	return detail, nil
}

// readOpening fills in how the window was opened, or that it was missed.
func readOpening(ctx context.Context, tx *sql.Tx, detail *WindowDetail) error {
	opened, err := scanOpened(tx.QueryRowContext(ctx, `SELECT block, opened_at, hash, opened_time FROM windows WHERE block = $1`, height(detail.Block)))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if opened.At != 0 { // 0 is the mark of StartAfter
		detail.Opened = &opened
	}
	missed, err := selectMissed(ctx, tx, WindowFilter{From: detail.Block, To: detail.Block, Limit: 1})
	if len(missed) > 0 {
		detail.Missed = missed[0].Missed
	}
	return err
}

// readWallets fills in the rows of one wallet, or of all: five queries, however many wallets there are.
func readWallets(ctx context.Context, tx *sql.Tx, detail *WindowDetail, wallet *chain.WalletID) error {
	block := detail.Block
	results, err := selectResults(ctx, tx, WindowFilter{Wallet: wallet, From: block, To: block})
	if err != nil {
		return err
	}
	records, err := selectFaults(ctx, tx, faultConditions(faults.Filter{Wallet: wallet, From: block, To: block}), 0)
	if err != nil {
		return err
	}
	statements, err := selectStatements(ctx, tx, block, wallet)
	if err != nil {
		return err
	}
	actions, err := selectActions(ctx, tx, ActionFilter{Wallet: wallet, From: block, To: block})
	if err != nil {
		return err
	}
	own, err := selectOwn(ctx, tx, block, wallet)
	if err != nil {
		return err
	}
	detail.Wallets = append(detail.Wallets, join(results, records, statements, actions, own)...)
	return nil
}

// join gives each result what belongs to its wallet.
func join(results []WindowRow, records []faults.Record, statements []coordination.Statement, actions []Action, own []ownRow) []WalletDetail {
	rows := make([]WalletDetail, len(results))
	at := make(map[chain.WalletID]*WalletDetail, len(results))
	for i, result := range results {
		rows[i].WindowRow = result
		at[result.Wallet] = &rows[i]
	}
	for _, record := range records {
		if row := at[record.Wallet]; row != nil {
			row.Records = append(row.Records, record)
		}
	}
	for _, statement := range statements {
		if row := at[statement.Wallet]; row != nil {
			row.Statements = append(row.Statements, statement)
		}
	}
	for _, action := range actions {
		if row := at[action.Wallet]; row != nil {
			row.Action = &action
		}
	}
	for _, said := range own {
		if row := at[said.wallet]; row != nil {
			row.Own = &said.own
		}
	}
	return rows
}

type ownRow struct {
	wallet chain.WalletID
	own    coordination.OwnProposal
}

func selectOwn(ctx context.Context, db querier, block chain.Height, wallet *chain.WalletID) ([]ownRow, error) {
	var where conditions
	where.scope("block", "block", wallet, block, block)
	rows, err := db.QueryContext(ctx, `SELECT wallet, payload, envelope, sent_at, sent_time FROM own_proposals`+where.sql(), where.args...)
	return collect(rows, err, func(row scanner) (o ownRow, err error) {
		err = row.Scan(fixed(o.wallet[:]), &o.own.Payload, &o.own.Envelope, (*height)(&o.own.SentAt), (*instant)(&o.own.SentTime))
		return o, err
	})
}
