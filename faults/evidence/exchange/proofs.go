package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

const (
	idSize = 32 // bytes of a proof's ID
	// maxTold is how many proofs one message tells, and how many others' are acknowledged; the rest waits for the next window.
	maxTold = 64
	// maxNews holds a message of as many.
	maxNews = 2*maxTold*(idSize+2) + 16
	// maxProof is the most bytes of a proof that is fetched, given or stored: two statements of the greatest size that is kept and relayed, 64
	// KiB, and what is around them. Longer ones could be made of messages that the network carries and nobody keeps.
	maxProof = 2*(64<<10) + 4<<10
	// newsPause is the pause between two messages, so that what comes up together is told together.
	newsPause = 30 * time.Second
)

// news says which proofs an operator has.
type news struct {
	window chain.Height // the newest one that was over
	told   []string     // IDs; as far as it knows not all others have these
	held   []string     // others have told of these
}

func (n news) encode() []byte {
	raw := &pb.ProofNews{Window: uint64(n.window)}
	for _, id := range n.told {
		raw.Told = append(raw.Told, rawID(id))
	}
	for _, id := range n.held {
		raw.Held = append(raw.Held, rawID(id))
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(raw)
	if err != nil { // only text that is no UTF-8, and there is none
		panic(fmt.Sprintf("encode news: %v", err))
	}
	return data
}

func rawID(id string) []byte {
	raw, err := hex.DecodeString(id)
	if err != nil { // IDs are of our making, or were checked when they were read
		panic(fmt.Sprintf("ID of a proof: %v", err))
	}
	return raw
}

func readNews(data []byte) (news, error) {
	if len(data) > maxNews {
		return news{}, fmt.Errorf("news of proofs: %d bytes, more than %d", len(data), maxNews)
	}
	raw := new(pb.ProofNews)
	if err := proto.Unmarshal(data, raw); err != nil {
		return news{}, fmt.Errorf("news of proofs: %w", err)
	}
	if len(raw.GetTold()) > maxTold || len(raw.GetHeld()) > maxTold {
		return news{}, fmt.Errorf("news of proofs: of %d and %d, more than %d", len(raw.GetTold()), len(raw.GetHeld()), maxTold)
	}
	n := news{window: chain.Height(raw.GetWindow())}
	for _, id := range slices.Concat(raw.GetTold(), raw.GetHeld()) {
		if len(id) != idSize {
			return news{}, fmt.Errorf("news of proofs: an ID of %d bytes", len(id))
		}
	}
	for _, id := range raw.GetTold() {
		n.told = append(n.told, hex.EncodeToString(id))
	}
	for _, id := range raw.GetHeld() {
		n.held = append(n.held, hex.EncodeToString(id))
	}
	return n, nil
}

// announceAll tells of proofs, at once when there is a new one, and after each window in which they are due until all others have them.
func (s *Service) announceAll(ctx context.Context) {
	settle := duration + s.spread()
	var window chain.Height
	for {
		h := s.cfg.Clock.Height()
		if h > settle && (h-settle)/frequency*frequency > window {
			window = (h - settle) / frequency * frequency
			s.mu.Lock()
			clear(s.acks)
			s.mu.Unlock()
		}
		if err := s.announce(ctx, window); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("Could not tell other operators which proofs there are", "error", err)
		}
		if wait(ctx, newsPause) != nil {
			return
		}
		until, stop := context.WithCancel(ctx)
		arrived := make(chan struct{})
		go func() {
			defer close(arrived)
			_ = s.cfg.Clock.Until(until, window+frequency+settle) // an error says that until has ended
		}()
		select {
		case <-arrived:
		case <-s.proved:
		case <-ctx.Done():
		}
		stop()
		<-arrived
	}
}

// announce tells what is to be told now, in place of what was told before.
func (s *Service) announce(ctx context.Context, window chain.Height) error {
	untold, err := s.cfg.Log.Untold(ctx, window, s.rarely(), maxTold)
	if err != nil {
		return err
	}
	circle := s.company.now()
	n := news{window: window}
	var errs []error
	for _, p := range untold {
		lacks := func(op chain.Operator) bool { return !slices.Contains(p.Holders, op) }
		if slices.ContainsFunc(circle.witnesses(p.Slot, s.self), lacks) {
			n.told = append(n.told, p.ID)
			continue
		}
		errs = append(errs, s.cfg.Log.Told(ctx, p.ID))
	}
	s.mu.Lock()
	for id := range s.acks {
		if !slices.Contains(n.told, id) {
			n.held = append(n.held, id)
		}
	}
	s.mu.Unlock()
	slices.Sort(n.held)
	if len(n.told)+len(n.held) == 0 {
		s.news.hush(ctx)
		return errors.Join(errs...)
	}
	data := n.encode()
	s.news.hush(ctx, data)
	s.news.say(ctx, data) // what cannot be sent now stands until it can
	return errors.Join(errs...)
}

// rarely is after how many windows a proof that not all have is told once more, before twice as many, and so on; nobody says which client
// it runs, so it goes on for who may never ask. It is another number for each operator, evidence.Span to twice that: of many who have the
// proof one or another tells it soon, whenever somebody comes back.
func (s *Service) rarely() uint64 {
	digest := sha256.Sum256(s.self[:])
	return evidence.Span + uint64(digest[0])%evidence.Span
}

// hearNews takes what another operator says about proofs.
func (s *Service) hearNews(ctx context.Context, said Said) {
	if said.By == s.self {
		return
	}
	n, err := readNews(said.Data)
	if err != nil {
		s.tally.count(func(c *Counters) { c.NewsRefused++ })
		s.cfg.Logger.Debug("News of proofs are refused", "operator", said.By, "error", err)
		return
	}
	again := false
	for _, id := range n.told {
		here, err := s.holds(ctx, id, said.By)
		switch {
		case err != nil:
			s.cfg.Logger.Error("Could not look after a proof", "proof", id, "error", err)
			return
		case here:
			again = s.acknowledge(id) || again
		default:
			s.wants.add(id, said.By)
		}
	}
	for _, id := range n.held {
		if _, err := s.holds(ctx, id, said.By); err != nil {
			s.cfg.Logger.Error("Could not look after a proof", "proof", id, "error", err)
			return
		}
	}
	if again {
		s.Proved()
	}
}

// holds notes that an operator has a proof, and reports whether it is here, or one of the same misdeed.
func (s *Service) holds(ctx context.Context, id string, by chain.Operator) (bool, error) {
	kept := s.wants.kept(id)
	if kept == "" {
		return false, nil // it is of no use here
	}
	return s.cfg.Log.Holds(ctx, kept, by)
}

// acknowledge has an ID among those that are said to be here; false if it is.
func (s *Service) acknowledge(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acks[id] || len(s.acks) >= maxTold {
		return false
	}
	s.acks[id] = true
	return true
}
