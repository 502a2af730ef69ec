package view

import (
	"encoding/json"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

// Mailboxes are those of the operator's feed, by name.
type Mailboxes struct {
	Mailboxes []Mailbox `json:"mailboxes"`
}

// Mailbox is one subscriber's place in the feed.
type Mailbox struct {
	Mailbox  string           `json:"mailbox"`
	Instance string           `json:"instance"` // that has it; empty while none does
	URLs     []string         `json:"urls"`     // where that is reached
	Self     bool             `json:"self"`     // it is the one that answers
	MovingTo string           `json:"moving_to"`
	Wallets  []chain.WalletID `json:"wallets"` // whose records it gets; none for all
	Kinds    []string         `json:"kinds"`   // which records it gets; none for all
	// First is the oldest entry that can be read, one more than Last if there is none. These are of the instance that has it, as far as this one
	// knows them.
	First        feed.Number `json:"first"`
	Begins       string      `json:"-"` // the instance that delivered First; empty: the one that has it
	Last         feed.Number `json:"last"`
	Acknowledged feed.Number `json:"acknowledged"` // up to which its subscriber needs the entries no more
	Closed       bool        `json:"closed"`       // it was full, and ends with a gap
}

// MailboxHome says which instance has a mailbox.
type MailboxHome struct {
	Mailbox string   `json:"mailbox"`
	Owner   string   `json:"owner"` // the instance
	URLs    []string `json:"urls"`  // where it is reached, the preferred one first
}

// MailboxRead is the last entry that a subscriber needs no more.
type MailboxRead struct {
	Mailbox string      `json:"mailbox"`
	Number  feed.Number `json:"number"`
}

// MailboxMove is where a mailbox is asked to go on, from the next epoch on.
type MailboxMove struct {
	Mailbox string `json:"mailbox"`
	To      string `json:"to"` // an instance
}

// FeedHeads are what is left of an instance's sealed epochs, ascending: of old ones nothing else is.
type FeedHeads struct {
	Instance string     `json:"instance"`
	Heads    []FeedHead `json:"heads"`
	More     bool       `json:"more"` // there are later ones
}

// FeedHead is what an instance says that it sealed an epoch with.
type FeedHead struct {
	Epoch feed.Epoch `json:"epoch"`
	Seal  string     `json:"seal"` // its hash
}

// FeedHeadsHeld is what a subscriber keeps beside what its instances say they sealed.
type FeedHeadsHeld struct {
	Same    int               `json:"same"`    // epochs
	Unknown int               `json:"unknown"` // epochs that their instance has no head of any more
	Differ  []FeedHeadDiffers `json:"differ"`
}

// FeedHeadDiffers is an epoch of which the subscriber was given another seal than the one that its instance names.
type FeedHeadDiffers struct {
	Instance string     `json:"instance"`
	Epoch    feed.Epoch `json:"epoch"`
	Kept     string     `json:"kept"` // hash of the seal
	Told     string     `json:"told"`
}

// FeedLine is one thing that is told of a mailbox that is followed: an entry, that an epoch is complete, what another subscriber got, or
// that the instance has lost data.
type FeedLine struct {
	Entry    *FeedEntry      `json:"entry,omitempty"`
	Epoch    *FeedEpoch      `json:"epoch,omitempty"`
	Compared *FeedComparison `json:"compared,omitempty"`
	Lost     *FeedLoss       `json:"lost,omitempty"`
}

// FeedLoss is an instance's signed word that its data was put back: what was told of the mailbox after the seal is void, and what is left of it
// comes again under other numbers.
type FeedLoss struct {
	Mailbox  string      `json:"mailbox"`
	Instance string      `json:"instance"`
	Left     feed.Number `json:"left"`   // the last entry that the instance still has
	Sealed   *feed.Epoch `json:"sealed"` // the last epoch that it sealed, which stands; null if it sealed none
	Goes     feed.Number `json:"goes"`   // the number after which the mailbox goes on
}

// NewFeedLoss describes a loss.
func NewFeedLoss(h feed.Handover) FeedLoss {
	l := FeedLoss{Mailbox: h.Mailbox, Instance: h.From, Left: h.Number, Goes: h.Goes()}
	if h.Follows {
		l.Sealed = &h.Before
	}
	return l
}

// FeedEntry is one entry of a mailbox: a record, or the gap that closed the mailbox.
type FeedEntry struct {
	Mailbox  string          `json:"mailbox"`
	Number   feed.Number     `json:"number"` // the mailbox's own
	Instance string          `json:"instance"`
	Epoch    feed.Epoch      `json:"epoch"`
	Record   feed.Seq        `json:"record"` // the instance's number; of a gap, the first record that was not kept
	Wallet   *chain.WalletID `json:"wallet"` // null of a gap, and of what concerns every wallet: that a window has opened
	Kind     string          `json:"kind"`   // proposal, result, fault, action or gap
	Source   string          `json:"source"`
	// Event is what a result or a fault says, Action what an action's record says, Payload any other record's bytes.
	Event   *Event      `json:"event,omitempty"`
	Action  *ActionNews `json:"action,omitempty"`
	Payload []byte      `json:"payload,omitempty"`
	Wrong   string      `json:"wrong"` // why there is none of them; empty if nothing is wrong
}

// FeedEpoch is what a subscriber verified by an epoch's seal.
type FeedEpoch struct {
	Instance string      `json:"instance"`
	Epoch    feed.Epoch  `json:"epoch"`
	Seal     string      `json:"seal"`    // its hash
	Records  uint64      `json:"records"` // of the instance
	Blames   []FeedBlame `json:"blames"`
}

// FeedBlame is who did something wrong.
type FeedBlame struct {
	Actor    string   `json:"actor"` // instance, or instance/stage
	Instance string   `json:"instance"`
	Stage    string   `json:"stage"` // empty: the instance as a whole
	Reason   string   `json:"reason"`
	Record   feed.Seq `json:"record"` // 0 where none is known
}

// NewFeedBlame shows a blame.
func NewFeedBlame(b feed.Blame) FeedBlame {
	stage := ""
	if b.Actor.Stage != 0 {
		stage = b.Actor.Stage.String()
	}
	return FeedBlame{Actor: b.Actor.String(), Instance: b.Actor.Instance, Stage: stage, Reason: b.Reason.String(), Record: b.Seq}
}

// NewFeedEpoch shows a seal and who is to blame by it.
func NewFeedEpoch(s feed.Seal, blames []feed.Blame) FeedEpoch {
	return FeedEpoch{Instance: s.Actor.Instance, Epoch: s.Epoch, Seal: s.Hash().String(), Records: s.Count, Blames: each(blames, NewFeedBlame)}
}

// NewFeedEntry shows an entry. wrong is why its payload is left out, nil if it is not.
func NewFeedEntry(instance string, e feed.Entry, payload []byte, wrong error) FeedEntry {
	doc := FeedEntry{Mailbox: e.Mailbox, Number: e.Number, Instance: instance, Epoch: e.Epoch(), Record: e.Record.Seq, Kind: "gap"}
	if wrong != nil {
		doc.Wrong = wrong.Error()
	}
	if e.Gap != nil {
		doc.Record = e.Gap.First
		return doc
	}
	item := e.Record.Item
	doc.Kind, doc.Source = item.Kind.String(), item.Source
	if item.Wallet != (chain.WalletID{}) {
		doc.Wallet = &item.Wallet
	}
	switch item.Kind {
	case feed.KindResult, feed.KindFault:
		doc.Event = decoded[Event](payload)
	case feed.KindAction:
		doc.Action = decoded[ActionNews](payload)
	case feed.KindProposal:
	}
	if doc.Event == nil && doc.Action == nil {
		doc.Payload = payload
	}
	return doc
}

// decoded reads what a payload says; nil if it is no such document, as of a later version.
func decoded[T any](payload []byte) *T {
	doc := new(T)
	if json.Unmarshal(payload, doc) != nil {
		return nil
	}
	return doc
}

// FeedVerdict is what exports come to, by a list of keys alone.
type FeedVerdict struct {
	Verdict  string        `json:"verdict"` // agree, blamed or unusable
	Detail   string        `json:"detail"`  // why it is unusable
	Exports  []FeedExport  `json:"exports"`
	Blames   []FeedBlame   `json:"blames"`   // by each export alone
	Findings []FeedFinding `json:"findings"` // where they differ, one for each wallet
}

// FeedExport is what was verified.
type FeedExport struct {
	Instance string     `json:"instance"`
	Mailbox  string     `json:"mailbox"`
	Epochs   int        `json:"epochs"`
	First    feed.Epoch `json:"first_epoch"`
	Last     feed.Epoch `json:"last_epoch"`
	Entries  int        `json:"entries"`
}

// NewFeedExport shows an export.
func NewFeedExport(x feed.Export) FeedExport {
	doc := FeedExport{Instance: x.Instance, Mailbox: x.Mailbox, Epochs: len(x.Epochs)}
	for i, k := range x.Epochs {
		if i == 0 {
			doc.First = k.Epoch
		}
		doc.Last, doc.Entries = k.Epoch, doc.Entries+len(k.Entries)
	}
	return doc
}

// FeedComparison is what comparing with another subscriber came to.
type FeedComparison struct {
	Peer     string      `json:"peer"`
	Verdict  string      `json:"verdict"`  // agree, blamed or unclear
	Detail   string      `json:"detail"`   // why it ended early; empty if it did not
	Mailbox  string      `json:"mailbox"`  // the other's
	Instance string      `json:"instance"` // that has it
	Epochs   int         `json:"epochs"`   // of one instance, that both got alike
	Items    int         `json:"items"`    // of two instances, that both got alike
	Untold   int         `json:"untold"`   // epochs of which heads alone are left, and both want different things
	Verified *feed.Epoch `json:"verified"` // the last epoch up to which all is alike; null if none
	// Earlier is the same of stays at instances that had one's own mailbox before.
	Earlier  []FeedVerified `json:"earlier,omitempty"`
	Blames   []FeedBlame    `json:"blames"`
	Findings []FeedFinding  `json:"findings"`
	Proofs   []string       `json:"proofs"` // files
}

// FeedVerified is how far what an instance told before a move is alike.
type FeedVerified struct {
	Instance string     `json:"instance"`
	Moves    int        `json:"moves"` // of the mailbox, before it was there
	Verified feed.Epoch `json:"verified"`
}

// NewFeedComparison shows a comparison.
func NewFeedComparison(c feedclient.Comparison) FeedComparison {
	doc := FeedComparison{
		Peer: c.Peer, Verdict: c.Verdict().String(), Mailbox: c.Mailbox, Instance: c.Instance, Epochs: c.Epochs, Items: c.Items, Untold: c.Untold,
		Blames: each(c.Blames, NewFeedBlame), Findings: each(c.Findings, NewFeedFinding), Proofs: append([]string{}, c.Proofs...),
	}
	if c.Confirms {
		doc.Verified = &c.Confirmed
	}
	for _, e := range c.Earlier {
		doc.Earlier = append(doc.Earlier, FeedVerified{Instance: e.Instance, Moves: e.Moves, Verified: e.Until})
	}
	if c.Wrong != nil {
		doc.Detail = c.Wrong.Error()
	}
	return doc
}

// FeedFinding is a difference.
type FeedFinding struct {
	Wallet  *chain.WalletID `json:"wallet"` // null of two seals of one epoch, and where heads alone are left
	Epoch   feed.Epoch      `json:"epoch"`
	Record  feed.Seq        `json:"record"`
	Fault   string          `json:"fault"`   // empty where nobody can be blamed: a mailbox was full, or an outbox owes what it missed
	Accused string          `json:"accused"` // instance, or instance/stage
	Trace   []FeedAnswer    `json:"trace"`   // what the stages say, from the outbox back
	// Item is what mailboxes of two instances differ in, or a proof about them. Of a proof that is checked alone, epoch and record are the accused
	// instance's: where it has another item, or that before which the item belongs; 0 where its origin signed two.
	Item *FeedItem `json:"item,omitempty"`
	// Heads says that an epoch differs of which one side has no more than the heads.
	Heads bool `json:"heads,omitempty"`
}

// FeedItem is a source's item that mailboxes of two instances do not have alike.
type FeedItem struct {
	Source   string     `json:"source"`
	Number   uint64     `json:"number"`   // the source's own
	Instance string     `json:"instance"` // that lacks it, has another one of that number, or has it out of order; the finding's epoch and record are the other's. Empty if its origin signed two
	Mailbox  string     `json:"mailbox"`  // its subscriber
	Epoch    feed.Epoch `json:"epoch"`    // in which that one has another item of the number, or the next one; or the last one that is known
	Lacks    bool       `json:"lacks"`
	Strays   bool       `json:"strays"` // it has the item out of its order or repeated: so say the finding's epoch and record, which are that one's
	After    uint64     `json:"after"`  // the last number of the source that it has, where it has none after it up to that epoch, and went on; else 0
	Record   feed.Seq   `json:"record"` // of that one: the other item, or what the item belongs before; 0 without a proof
}

// FeedAnswer is what a stage says by what it signed: it accepts the blame, or passes it on with its in-root.
type FeedAnswer struct {
	Actor   string `json:"actor"`
	Accepts bool   `json:"accepts"`
	InRoot  string `json:"in_root"`
	OutRoot string `json:"out_root"`
}

// NewFeedFinding shows a difference.
func NewFeedFinding(f feed.Finding) FeedFinding {
	doc := FeedFinding{Wallet: &f.Wallet, Epoch: f.Epoch, Record: f.Seq, Trace: each(f.Trace, newFeedAnswer), Heads: f.Heads}
	if f.Heads {
		doc.Wallet = nil
	}
	if e := f.Elsewhere; e != nil {
		doc.Item = &FeedItem{Source: f.Origin.Source, Number: f.Origin.Number, Instance: e.Instance, Mailbox: e.Mailbox, Epoch: e.Epoch, Lacks: e.Lacks, Strays: e.Strays, After: e.After}
	}
	if f.Proof != nil && doc.Item != nil {
		doc.Item.Record = f.Proof.Seq
	}
	if f.Proof != nil {
		doc.Fault, doc.Accused = f.Proof.Fault.String(), f.Proof.Accused.String()
		if f.Proof.Fault == feed.TwoSeals {
			doc.Wallet = nil
		}
	}
	return doc
}

func newFeedAnswer(a feed.Answer) FeedAnswer {
	return FeedAnswer{Actor: a.Actor.String(), Accepts: a.Accepts, InRoot: a.In.String(), OutRoot: a.Out.String()}
}

// NewFeedProof shows a proof as the difference that it proves.
func NewFeedProof(p feed.Proof) FeedFinding {
	f := feed.Finding{Seq: p.Seq, Proof: &p}
	var instance string
	f.Epoch, instance = p.At()
	var signed bool
	if f.Origin, signed = p.Origin(); signed {
		f.Wallet = p.Items[0].Item.Wallet
		f.Elsewhere = &feed.Elsewhere{Instance: instance, Mailbox: p.Has.Mailbox, Epoch: f.Epoch}
		if p.Fault == feed.Omits {
			f.Elsewhere.Mailbox, f.Elsewhere.Lacks = p.Mailbox, true
		}
	} else if p.Fault != feed.TwoSeals {
		f.Wallet = p.Has.Record.Item.Wallet
	}
	return NewFeedFinding(f)
}
