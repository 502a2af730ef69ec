package ethereum

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/walletnode/walletnode/chain"
)

var errTooMany = fmt.Errorf("more than %d headers asked for at once", chain.MaxBatch)

// Look makes one poll in one batch of requests; with ask.Peers, a second batch asks for the peers, apart from the first
// because gateways are known to refuse a whole batch for an admin method in it. Safe and finalized header and the
// headers asked for are left empty where the endpoint does not have them or refuses to tell. The newest header, the
// chain's ID or the sync state missing is an error, and so is an answer anywhere that is none to its question; errors
// that the endpoint is to blame for are *chain.EndpointError. Hashes are computed here.
func (c *Client) Look(ctx context.Context, ask chain.Ask) (chain.Sight, error) {
	questions, err := lookQuestions(ask)
	if err != nil {
		return chain.Sight{}, err
	}
	took, err := c.batch(ctx, questions)
	if err != nil {
		return chain.Sight{}, err
	}
	sight, err := readSight(ask, questions)
	if err != nil {
		return chain.Sight{}, err
	}
	sight.Took = took
	if ask.Peers {
		sight.Peers = c.peers(ctx)
	}
	return sight, nil
}

// The order of a poll's questions; the headers by number follow. The newest block is asked for after those that are not
// above it: endpoints answer in order, and one whose chain moves meanwhile is not to look as if its tags were out of order.
const (
	askChainID = iota
	askFinalized
	askSafe
	askHead
	askSyncing
	askedAlways
)

func lookQuestions(ask chain.Ask) ([]question, error) {
	questions := []question{
		askChainID:   {method: "eth_chainId"},
		askFinalized: blockQuestion("finalized"),
		askSafe:      blockQuestion("safe"),
		askHead:      blockQuestion("latest"),
		askSyncing:   {method: "eth_syncing"},
	}
	if ask.To == 0 {
		return questions, nil
	}
	numbers, err := numberQuestions(ask.From, ask.To)
	return append(questions, numbers...), err
}

// numberQuestions asks for the headers of from .. to by number.
func numberQuestions(from, to chain.Height) ([]question, error) {
	if to < from {
		return nil, nil
	}
	if to-from >= chain.MaxBatch {
		return nil, errTooMany
	}
	questions := make([]question, 0, to-from+1)
	for n := range to - from + 1 {
		questions = append(questions, blockQuestion(hexutil.EncodeUint64(uint64(from+n))))
	}
	return questions, nil
}

// blockQuestion asks for a block by number or tag, without its transactions' content.
func blockQuestion(block string) question {
	return question{method: "eth_getBlockByNumber", args: []any{block, false}}
}

// readSight puts the answers of a poll together.
func readSight(ask chain.Ask, answers []question) (chain.Sight, error) {
	var sight chain.Sight
	var id hexutil.Uint64
	if err := answers[askChainID].decode(&id); err != nil {
		return sight, err
	}
	sight.ChainID = uint64(id)
	var err error
	if sight.Syncing, err = answers[askSyncing].syncing(); err != nil {
		return sight, err
	}
	head, err := answers[askHead].header()
	switch {
	case err != nil:
		return sight, err
	case head == nil:
		return sight, malformed(errors.New("endpoint has no newest block"))
	}
	sight.Head = head.Header
	disputes := []*wireHeader{head}

	for i := range answers[askedAlways:] {
		header, err := answers[askedAlways+i].told()
		if err != nil {
			return sight, err
		}
		if header == nil {
			continue
		}
		if want := ask.From + chain.Height(i); header.Height != want { //nolint:gosec // at most MaxBatch
			return sight, malformed(fmt.Errorf("asked for block %d, got %d", want, header.Height))
		}
		sight.Headers = append(sight.Headers, header.Header)
		disputes = append(disputes, header)
	}
	for tag, into := range map[int]*chain.Header{askSafe: &sight.Safe, askFinalized: &sight.Finalized} {
		header, err := answers[tag].told()
		if err != nil {
			return sight, err
		}
		if header != nil {
			*into = header.Header
			disputes = append(disputes, header)
		}
	}
	sight.Disputed = firstDisputed(disputes)
	return sight, nil
}

// firstDisputed returns the lowest height of a disputed header; 0 for none.
func firstDisputed(headers []*wireHeader) chain.Height {
	var first chain.Height
	for _, h := range headers {
		if h.disputed() && (first == 0 || h.Height < first) {
			first = h.Height
		}
	}
	return first
}

// header reads a header; nil if the endpoint does not have the block.
func (q *question) header() (*wireHeader, error) {
	if q.err != nil {
		return nil, q.err
	}
	if bytes.Equal(bytes.TrimSpace(q.answer), []byte("null")) {
		return nil, nil
	}
	header := new(wireHeader) // decoded without the detour of json.Unmarshal, which goes through a block twice more
	if err := header.UnmarshalJSON(q.answer); err != nil {
		return nil, fmt.Errorf("%s: %w", q.method, malformed(err))
	}
	return header, nil
}

// told reads a header that the endpoint may not know or not tell: nil then. What it does tell must be a header.
func (q *question) told() (*wireHeader, error) {
	if q.err != nil {
		var failure *chain.EndpointError
		if errors.As(q.err, &failure) && failure.Trouble == chain.TroubleMalformed {
			return nil, q.err
		}
		return nil, nil // not told is an outcome, whatever the words
	}
	return q.header()
}

// syncing reads the sync state: false, or an object that says how far it is.
func (q *question) syncing() (bool, error) {
	if q.err != nil {
		return false, q.err
	}
	switch text := bytes.TrimSpace(q.answer); {
	case bytes.Equal(text, []byte("false")):
		return false, nil
	case bytes.Equal(text, []byte("true")), bytes.HasPrefix(text, []byte("{")) && json.Valid(text):
		return true, nil
	}
	return false, malformed(errors.New("eth_syncing: neither false nor a progress"))
}

// Headers reads the headers of from .. to by number in one batch, at most chain.MaxBatch of them, ascending. Hashes are
// computed here, and each has the height asked for; links between them are not checked. Heights that the endpoint does
// not have are left out. A failed request within the batch is an error, lest it be taken for that.
func (c *Client) Headers(ctx context.Context, from, to chain.Height) ([]chain.Header, error) {
	questions, err := numberQuestions(from, to)
	if err != nil || len(questions) == 0 {
		return nil, err
	}
	if _, err := c.batch(ctx, questions); err != nil {
		return nil, err
	}
	return c.readHeaders(from, questions)
}

// readHeaders reads the answers to numberQuestions.
func (c *Client) readHeaders(from chain.Height, answers []question) ([]chain.Header, error) {
	headers := make([]chain.Header, 0, len(answers))
	for i := range answers {
		header, err := answers[i].header()
		if err != nil {
			return nil, err
		}
		if header == nil {
			continue
		}
		if want := from + chain.Height(i); header.Height != want { //nolint:gosec // at most MaxBatch
			return nil, malformed(fmt.Errorf("asked for block %d, got %d", want, header.Height))
		}
		c.reportDispute(header)
		headers = append(headers, header.Header)
	}
	return headers, nil
}
