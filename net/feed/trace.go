package feed

// Answer is what a stage says when a stream is held against it, by what it signed: it accepts the blame, or passes it on with
// its in-root to the one before it.
type Answer struct {
	Actor   Actor
	Accepts bool
	In, Out Hash // the roots that it signed
}

// Trace asks the stages about what a mailbox got from one receiver, from the outbox back to the inbox, until one accepts. If none
// does the instance is to blame as a whole: its stages' words fit each other, and not what it delivered.
func Trace(s Seal, mailbox string, shard uint16, source string) ([]Answer, Actor) {
	whole := s.Actor.Instance
	lane := Label{Way: ByLane, Name: mailbox, Shard: shard}
	steps := []struct {
		actor Actor
		label Label
	}{
		{s.keeper(mailbox), lane},
		{Actor{Instance: whole, Stage: Receiver, Index: shard}, lane},
		{Actor{Instance: whole, Stage: Router}, Label{Way: ByShard, Shard: shard}},
		{Actor{Instance: whole, Stage: Inbox}, Label{Way: BySource, Name: source}},
	}
	var answers []Answer
	for _, step := range steps {
		c, ok := s.CommitmentOf(step.actor)
		a := Answer{Actor: step.actor, Accepts: true} // who did not commit cannot pass anything on
		if ok {
			a.In, a.Out = c.InRoot(), c.OutRoot()
			a.Accepts = find(c.In, step.label) != find(c.Out, step.label) || s.blamed(step.actor, False)
		}
		answers = append(answers, a)
		if a.Accepts {
			return answers, a.Actor
		}
	}
	return answers, s.Actor.whole()
}
