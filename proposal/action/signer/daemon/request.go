package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// maxBody bounds a request: the largest honest one carries the messages of 100 operators in a key generation.
const maxBody = 16 << 20

// request is a request whose path, query and body can be read strictly: what was not asked for is refused, so that a client
// that means something by it learns that it is not heard.
type request struct {
	path  func(name string) string
	query url.Values
	body  []byte
}

func malformed(err error) error { return fmt.Errorf("%w: %w", signer.ErrMalformed, err) }

// readRequest reads a request to its end, and refuses parameters that the route does not have.
func readRequest(w http.ResponseWriter, r *http.Request, route route) (request, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return request{}, malformed(err)
	}
	for name, values := range query {
		if !slices.ContainsFunc(route.parameters, func(p parameter) bool { return p.query && p.name == name }) {
			return request{}, malformed(fmt.Errorf("there is no parameter %.40q", name))
		}
		if len(values) > 1 {
			return request{}, malformed(fmt.Errorf("%s: given %d times", name, len(values)))
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return request{}, errTooLarge
	case err != nil:
		return request{}, malformed(fmt.Errorf("read the request: %w", err))
	case route.body == nil && len(body) > 0:
		return request{}, malformed(errors.New("this route takes no body"))
	}
	return request{r.PathValue, query, body}, nil
}

func (q request) wallet() (chain.WalletID, error) {
	wallet, err := chain.ParseWalletID(q.path("wallet"))
	if err != nil {
		return wallet, malformed(err)
	}
	return wallet, nil
}

// readable returns the wallet of the path, if the client may read about it.
func (q request) readable(c client) (chain.WalletID, error) {
	wallet, err := q.wallet()
	if err != nil {
		return wallet, err
	}
	return wallet, c.may(wallet, RoleRead)
}

func (q request) session() (signer.SessionID, error) {
	id, err := signer.ParseSessionID(q.path("session"))
	if err != nil {
		return id, malformed(err)
	}
	return id, nil
}

func (q request) round() (int, error) {
	text := q.path("r")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxRounds || strconv.Itoa(n) != text {
		return 0, malformed(fmt.Errorf("round: %.40q is not a number from 1 to %d", text, maxRounds))
	}
	return n, nil
}

// page reads which keys are asked for.
func (q request) page() (after *chain.WalletID, limit int, err error) {
	limit = defaultPage
	if text := q.query.Get("limit"); q.query.Has("limit") {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxPage {
			return nil, 0, malformed(fmt.Errorf("limit: %.40q is not a number from 1 to %d", text, maxPage))
		}
	}
	if !q.query.Has("after") {
		return nil, limit, nil
	}
	wallet, err := chain.ParseWalletID(q.query.Get("after"))
	if err != nil {
		return nil, 0, malformed(fmt.Errorf("after: %w", err))
	}
	return &wallet, limit, nil
}

// decode reads the body: one JSON document without unknown fields, and nothing behind it.
func (q request) decode(document any) error {
	decoder := json.NewDecoder(bytes.NewReader(q.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(document); err != nil {
		return malformed(fmt.Errorf("decode JSON: %w", err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return malformed(errors.New("something follows the JSON document"))
	}
	return nil
}

// generation reads the session of a key generation, which its wallet is named after.
func (q request) generation() (signer.SessionID, error) {
	session, err := q.session()
	if err != nil {
		return signer.SessionID{}, err
	}
	wallet, err := q.wallet()
	if err != nil {
		return signer.SessionID{}, err
	}
	if wallet != session.Placeholder() {
		return signer.SessionID{}, malformed(fmt.Errorf("the wallet of this session goes by %v until it has a key", session.Placeholder()))
	}
	return session, nil
}

// generateRound reads what is asked of a key generation.
func (q request) generateRound() (signer.GenerateRound, error) {
	session, err := q.generation()
	if err != nil {
		return signer.GenerateRound{}, err
	}
	round, err := q.round()
	if err != nil {
		return signer.GenerateRound{}, err
	}
	var body GenerateBody
	if err := q.decode(&body); err != nil {
		return signer.GenerateRound{}, err
	}
	if (body.Open != nil) != (round == 1) {
		return signer.GenerateRound{}, malformed(errOpening)
	}
	return signer.GenerateRound{Session: session, Round: round, Term: body.Term, Open: body.Open, In: body.In}, nil
}

var errOpening = errors.New("open stands in round 1, and nowhere else")

// signRound reads what is asked of a signing session.
func (q request) signRound() (signer.SignRound, error) {
	var body SignBody
	session, err := q.session()
	if err != nil {
		return signer.SignRound{}, err
	}
	round, err := q.round()
	if err != nil {
		return signer.SignRound{}, err
	}
	if err := q.decode(&body); err != nil {
		return signer.SignRound{}, err
	}
	if (body.Open != nil) != (round == 1) {
		return signer.SignRound{}, malformed(errOpening)
	}
	return signer.SignRound{Session: session, Round: round, Term: body.Term, Open: body.Open, In: body.In}, nil
}
