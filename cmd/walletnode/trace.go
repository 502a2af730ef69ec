package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/walletnode/walletnode/internal/view"
)

// writeTrace shows one window to a person: how it was opened, and for each wallet what was said and how it ended.
func writeTrace(w io.Writer, t view.Trace) error {
	var out strings.Builder
	fmt.Fprintf(&out, "window %d\n", t.Window)
	if o := t.Opened; o != nil {
		fmt.Fprintf(&out, "  opened    at block %d, %s\n", o.At, o.Time)
		fmt.Fprintf(&out, "  hash      %v\n", o.Hash)
	}
	if m := t.Missed; m != nil {
		fmt.Fprintf(&out, "  missed    with windows %d to %d, noted at block %d\n", m.First, m.Last, m.NotedAt)
		fmt.Fprintf(&out, "  reason    %s\n", reasonText(m.Reason))
	}
	fmt.Fprintf(&out, "  seed      from block %d\n", t.Seed)
	for _, wallet := range t.Wallets {
		describeWallet(&out, wallet)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func describeWallet(out *strings.Builder, t view.WalletTrace) {
	fmt.Fprintf(out, "\nwallet %s\n", cell(t.Wallet))
	if t.Role != nil {
		fmt.Fprintf(out, "  role      %s\n", *t.Role)
	}
	if t.Leader != nil {
		fmt.Fprintf(out, "  leader    %v\n", *t.Leader)
		fmt.Fprintf(out, "  seed      %s\n", cell(t.Seed))
		fmt.Fprintf(out, "  checklist %s\n", strings.Join(t.Checklist, ", "))
	}
	fmt.Fprintf(out, "  opened    at block %s\n", block(t.OpenedAt))
	if own := t.Own; own != nil {
		fmt.Fprintf(out, "  sent      at block %d, %s: %s\n", own.SentAt, cell(own.SentTime), own.Message)
	}
	for _, s := range t.Statements {
		fmt.Fprintf(out, "  received  at block %d, %s, from %v: %s: %s\n", s.ArrivedAt, s.ReceivedAt, s.Author, strings.ReplaceAll(s.Verdict, "_", " "), s.Message)
	}
	describeEnd(out, t)
}

func describeEnd(out *strings.Builder, t view.WalletTrace) {
	if t.State == view.WindowOpen {
		out.WriteString("  open      not finished yet\n")
	} else if t.Reason != nil {
		fmt.Fprintf(out, "  reason    %s\n", reasonText(*t.Reason))
	}
	if t.Detail != "" {
		fmt.Fprintf(out, "  detail    %s\n", printable(t.Detail))
	}
	if t.Action != nil {
		fmt.Fprintf(out, "  agreed    %s %s\n", *t.Action, t.Proposal)
	}
	if o := t.Order; o != nil {
		fmt.Fprintf(out, "  action    blocks %d to %d, outcome %s\n", o.Start, o.Expiry, cell(o.Outcome))
		if o.Detail != "" {
			fmt.Fprintf(out, "            %s\n", printable(o.Detail))
		}
		if o.Revoked {
			out.WriteString("            revoked\n")
		}
	}
	for _, f := range t.Faults {
		fmt.Fprintf(out, "  fault     %s %s of %v, %s\n", f.ID, f.Kind, f.Culprit, f.Verdict())
		fmt.Fprintf(out, "            our view: %s\n", eyesight(f.Observer))
	}
}
