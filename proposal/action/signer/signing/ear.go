package signing

import (
	"context"
	"log/slog"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// ear hears a topic for a run, which is free to do other things meanwhile. What it has taken and the run has not, whoever has the
// topic next hears.
type ear struct {
	topic   Topic
	heard   chan signer.Said // unbuffered; the run takes from it
	unheard *signer.Said     // what listen had taken when it ended
}

func newEar(topic Topic) *ear { return &ear{topic: topic, heard: make(chan signer.Said)} }

// listen hands over what is said until ctx ends.
func (e *ear) listen(ctx context.Context, log *slog.Logger) {
	for {
		said, err := e.topic.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				log.Error("Nothing can be heard about the wallet's signature any more", "error", err)
			}
			return
		}
		select {
		case e.heard <- said:
		case <-ctx.Done():
			e.unheard = &said
			return
		}
	}
}

// rest returns the topic with what nobody has looked at, after listen has returned.
func (e *ear) rest() Topic {
	if e.unheard == nil {
		return e.topic
	}
	return &regained{e.topic, e.unheard}
}

// regained is a topic of which one message was taken that nobody has looked at.
type regained struct {
	Topic
	said *signer.Said // nil once it was taken again
}

// Next implements signer.Channel.
func (t *regained) Next(ctx context.Context) (signer.Said, error) {
	if said := t.said; said != nil {
		t.said = nil
		return *said, nil
	}
	return t.Topic.Next(ctx)
}
