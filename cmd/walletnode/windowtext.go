package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/walletnode/walletnode/internal/store"
)

// writeWindow shows one window to a person: how it was opened, and for each wallet what was said and how it ended.
func writeWindow(w io.Writer, d store.WindowDetail) error {
	var out strings.Builder
	fmt.Fprintf(&out, "window %d\n", d.Block)
	if o := d.Opened; o != nil {
		fmt.Fprintf(&out, "  opened    at block %d, %s\n", o.At, rfc3339(o.Time))
		fmt.Fprintf(&out, "  hash      %v\n", o.Hash)
	}
	if m := d.Missed; m != nil {
		fmt.Fprintf(&out, "  missed    with windows %d to %d, noted at block %d\n", m.First, m.Last, m.NotedAt)
		fmt.Fprintf(&out, "  reason    %s\n", reasonText(m.Reason))
	}
	for _, wallet := range d.Wallets {
		describeWallet(&out, wallet)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func describeWallet(out *strings.Builder, d store.WalletDetail) {
	fmt.Fprintf(out, "\nwallet %v\n", d.Wallet)
	if d.Role != "" {
		fmt.Fprintf(out, "  role      %s\n", d.Role)
	}
	if !d.Leader.IsZero() {
		fmt.Fprintf(out, "  leader    %v\n", d.Leader)
		fmt.Fprintf(out, "  seed      %s\n", hex.EncodeToString(d.Seed[:]))
	}
	fmt.Fprintf(out, "  opened    at block %d\n", d.OpenedAt)
	if own := d.Own; own != nil {
		fmt.Fprintf(out, "  sent      at block %d: %s\n", own.SentAt, messageJSON(own.Payload))
	}
	for _, s := range d.Statements {
		fmt.Fprintf(out, "  received  at block %d from %v: %s\n", s.ArrivedAt, s.Author, messageJSON(s.Payload))
	}
	describeEnd(out, d)
}

func describeEnd(out *strings.Builder, d store.WalletDetail) {
	if d.Open {
		out.WriteString("  open      not finished yet\n")
	} else {
		fmt.Fprintf(out, "  reason    %s\n", reasonText(d.Reason))
	}
	if d.Detail != "" {
		fmt.Fprintf(out, "  detail    %s\n", printable(d.Detail))
	}
	if d.Proposal != nil {
		fmt.Fprintf(out, "  agreed    %v %s\n", d.Proposal.Kind(), proposalJSON(d.Proposal))
	}
	if a := d.Action; a != nil {
		fmt.Fprintf(out, "  action    blocks %d to %d, outcome %s\n", a.Start, a.Expiry, orDash(a.Outcome))
		if a.Detail != "" {
			fmt.Fprintf(out, "            %s\n", printable(a.Detail))
		}
		if a.Revoked {
			out.WriteString("            revoked\n")
		}
	}
	for _, record := range d.Records {
		fmt.Fprintf(out, "  fault     %s %s of %v, %s\n", record.ID, record.Kind, record.Culprit, verdict(record.Fault))
	}
}

// printable keeps what a peer or a contract wrote from moving the terminal's cursor: control characters are escaped.
func printable(s string) string {
	quoted := fmt.Sprintf("%q", s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
