package feed

// maxLane is the most records of a lane that a proof shows: some hundred for each wallet of a receiver that serves hundreds.
const maxLane = 1 << 14

// Stretch is what a mailbox got of one receiver in an epoch, all of it.
type Stretch struct {
	Seal Seal
	Who  *Subscriptions
	Lane []Record
}

// An instance takes in what an origin tells in the origin's order and leaves out nothing. The one exception is what was collected while it
// was away: then it takes in what is left two epochs later at the earliest (instance.resumes). So a mailbox that has two items of an origin
// from one epoch, or from two that follow each other, has what lies between them, as far as it goes to the mailbox in these epochs, and they
// are of one series. (That the mailbox was arriving, or was full, or its outbox missing, is signed in them, too.)

// checkOmits refuses stretches that need not hold the item, or do.
func (p Proof) checkOmits() error {
	item, first, last := p.Items[0].Item, p.Epochs[0].Seal, p.Epochs[len(p.Epochs)-1].Seal
	if IsEcho(item.Source) {
		return refuse("what a move repeats has another number")
	}
	if len(p.Epochs) == 2 && (first.Actor != last.Actor || last.Epoch != first.Epoch+1 || last.Previous != first.Hash()) {
		return refuse("the epochs shown do not follow each other")
	}
	for _, s := range p.Epochs {
		if err := s.lacks(p.Mailbox, item); err != nil {
			return err
		}
	}
	before, after := p.Against[0], p.Against[1]
	if err := before.in(first); err != nil {
		return err
	}
	if err := after.in(last); err != nil {
		return err
	}
	for _, piece := range p.Against {
		if piece.Mailbox != p.Mailbox || piece.Record.Item.Source != item.Source {
			return refuse("record %d is of another mailbox or source", piece.Record.Seq)
		}
	}
	if !sameSeries(before.Record.Item.Number, after.Record.Item.Number) {
		return refuse("%s may have ended a series between the records shown", item.Source)
	}
	if before.Record.Item.Number >= item.Number || after.Record.Item.Number <= item.Number || before.Record.Seq >= after.Record.Seq {
		return refuse("item %d of %s does not lie between the records shown", item.Number, item.Source)
	}
	if p.Seq != after.Record.Seq {
		return refuse("it is about what comes before record %d and shows %d", p.Seq, after.Record.Seq)
	}
	return nil
}

// lacks refuses an epoch in which the item does not go to the mailbox, or that does not show all that came for it, or shows the item.
func (s Stretch) lacks(mailbox string, item Item) error {
	if s.Who.Hash() != s.Seal.Subscriptions || !s.Who.Reaches(mailbox, item) {
		return refuse("item %d of %s does not go to %s in epoch %d", item.Number, item.Source, mailbox, s.Seal.Epoch)
	}
	if s.Seal.blamed(s.Seal.Actor, False) {
		return refuse("what the stages said of epoch %d is not in its seal", s.Seal.Epoch)
	}
	if head, named := s.Seal.HeadOf(mailbox); !named || head.Closed {
		return refuse("%s holds less than what came for it in epoch %d, and says so", mailbox, s.Seal.Epoch)
	}
	outbox := s.Seal.keeper(mailbox)
	c, ok := s.Seal.CommitmentOf(outbox)
	if !ok {
		return refuse("%v committed to nothing", outbox)
	}
	leaves := make([]Hash, len(s.Lane))
	for i, rec := range s.Lane {
		if leaves[i] = rec.Hash(); rec.Item.Source == item.Source && rec.Item.Number == item.Number {
			return refuse("%s has item %d of %s as record %d", mailbox, item.Number, item.Source, rec.Seq)
		}
	}
	t := find(c.Out, Label{Way: ByLane, Name: mailbox, Shard: s.Seal.shardOf(item)})
	if t.Count != uint64(len(leaves)) || t.Root != RootOf(leaves) {
		return refuse("what is shown of epoch %d is not what %v committed to for %s", s.Seal.Epoch, outbox, mailbox)
	}
	return nil
}

// shardOf is which of the seal's receivers has an item's wallet.
func (s Seal) shardOf(item Item) uint16 {
	return uint16(ShardOf(item.Wallet, max(1, s.stage(Receiver))))
}

// accuseOmits traces what is missing through each epoch: the first stage that admits to have carried something else is to blame, else
// the instance as a whole.
func (p Proof) accuseOmits() (answers []Answer, who Actor) {
	for _, s := range p.Epochs {
		answers, who = Trace(s.Seal, p.Mailbox, s.Seal.shardOf(p.Items[0].Item), p.Items[0].Item.Source)
		if who.Stage != 0 {
			break
		}
	}
	return answers, who
}
