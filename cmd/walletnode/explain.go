package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/wire"
)

// explainCase is one question. Fields beside these are passed over, so that answers can be asked again.
type explainCase struct {
	WalletPublicKey   string        `json:"walletPublicKey"`   // uncompressed, 130 hex digits
	CoordinationBlock *chain.Height `json:"coordinationBlock"` // c
	SafeBlockHash     string        `json:"safeBlockHash"`     // of block c-32
	Operators         []string      `json:"operators"`         // EIP-55 addresses, one per seat
}

// explanation is what follows from a case alone: what every node of the wallet must agree on.
type explanation struct {
	WalletPublicKeyHash string         `json:"walletPublicKeyHash"`
	ChannelName         string         `json:"channelName"`
	WindowIndex         uint64         `json:"windowIndex"` // 0: the block begins no window
	Seed                string         `json:"seed"`
	Leader              chain.Operator `json:"leader"`
	LeaderSeats         []int          `json:"leaderSeats"` // not chain.Seat: encoding/json writes a list of bytes as base64
	Checklist           []string       `json:"checklist"`   // names of actions
}

func explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "derive seed, leader and checklist of windows",
		ArgsUsage: "[FILE|-]",
		Description: "Reads cases as JSON, one array or one object after the other, from FILE or stdin, with the fields\n" +
			"walletPublicKey, coordinationBlock, safeBlockHash (of the block 32 before) and operators (one per seat).\n" +
			"Writes one JSON object per line.\n" +
			"With --wallet and --window it asks the running node, which reads the block from its chain endpoint.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "wallet", Usage: "ask the node about the wallet with this public key `HASH`"},
			&cli.Uint64Flag{Name: "window", Usage: "ask the node about the window of this coordination `BLOCK`"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.IsSet("wallet") || c.IsSet("window") {
				return explainOfNode(c)
			}
			if err := arguments(c, 0, 1); err != nil {
				return err
			}
			in, err := openInput(c)
			if err != nil {
				return err
			}
			defer in.Close() //nolint:errcheck // only read from
			return explainAll(in, c.App.Writer)
		},
	}
}

// openInput returns the file named as the first argument, or stdin if there is none or it is "-".
func openInput(c *cli.Context) (io.ReadCloser, error) {
	if name := c.Args().First(); name != "" && name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, exit(codeUsage, err)
		}
		return file, nil
	}
	return io.NopCloser(c.App.Reader), nil
}

// explainAll answers cases until the first that is wrong; the answers before it are written.
func explainAll(in io.Reader, w io.Writer) (err error) {
	buffered := bufio.NewWriter(w)
	defer func() { err = errors.Join(err, buffered.Flush()) }()
	out := jsonLines(buffered)
	number := 0
	for raw, err := range values(in) {
		number++
		if err != nil {
			return fmt.Errorf("case %d: %w", number, err)
		}
		answer, err := explainOne(raw)
		if err != nil {
			return fmt.Errorf("case %d: %w", number, err)
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return nil
}

// values yields the items of a JSON array, or JSON values one after the other. An error is the last thing it yields.
func values(r io.Reader) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		in := bufio.NewReader(r)
		first, err := firstByte(in)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				yield(nil, err)
			}
			return
		}
		dec := json.NewDecoder(in)
		if first == '[' {
			_, _ = dec.Token() // the bracket that was seen
		}
		for first != '[' || dec.More() {
			var raw json.RawMessage
			if err := dec.Decode(&raw); errors.Is(err, io.EOF) && first != '[' {
				return
			} else if err != nil {
				yield(nil, err)
				return
			}
			if !yield(raw, nil) {
				return
			}
		}
		if err := endOfArray(dec); err != nil {
			yield(nil, err)
		}
	}
}

func endOfArray(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("the array has no end: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the array")
	}
	return nil
}

// firstByte returns the first byte that is not space, and leaves it to be read.
func firstByte(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if !unicode.IsSpace(rune(b)) {
			return b, in.UnreadByte()
		}
	}
}

func explainOne(raw json.RawMessage) (explanation, error) {
	var c explainCase
	if err := json.Unmarshal(raw, &c); err != nil {
		return explanation{}, err
	}
	if c.CoordinationBlock == nil {
		return explanation{}, errors.New("coordinationBlock is missing")
	}
	wallet, err := c.wallet()
	if err != nil {
		return explanation{}, err
	}
	safe, err := chain.ParseHash(c.SafeBlockHash)
	if err != nil {
		return explanation{}, fmt.Errorf("safe %w", err)
	}
	window, _ := coordination.RFC12().Window(*c.CoordinationBlock)
	seed := executor.Seed(wallet.ID(), safe)
	leader := executor.Leader(seed, wallet.Roster())
	seats := []int{}
	for _, seat := range wallet.SeatsOf(leader) {
		seats = append(seats, int(seat))
	}
	names := []string{}
	for _, kind := range executor.Checklist(seed, window.Index) {
		names = append(names, kind.String())
	}
	return explanation{
		WalletPublicKeyHash: wallet.ID().Hex(),
		ChannelName:         wire.ChannelName(wallet.Key()),
		WindowIndex:         window.Index,
		Seed:                hex.EncodeToString(seed[:]),
		Leader:              leader,
		LeaderSeats:         seats,
		Checklist:           names,
	}, nil
}

func (c explainCase) wallet() (chain.Wallet, error) {
	key, err := chain.ParsePublicKey(c.WalletPublicKey)
	if err != nil {
		return chain.Wallet{}, err
	}
	roster := make([]chain.Operator, len(c.Operators))
	var errs []error
	for i, text := range c.Operators {
		if roster[i], err = chain.ParseOperator(text); err != nil {
			errs = append(errs, fmt.Errorf("seat %d: %w", i+1, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return chain.Wallet{}, err
	}
	return chain.NewWallet(key, roster)
}

// explainOfNode asks the running node for an election.
func explainOfNode(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	if !c.IsSet("wallet") || !c.IsSet("window") {
		return usageErrorf("--wallet and --window belong together")
	}
	wallet, err := walletArgument(c)
	if err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		e, err := node.Explain(c.Context, *wallet, chain.Height(c.Uint64("window")))
		if err != nil {
			return lost(err, "wallets list")
		}
		return say(c, e, "window %d (index %d), wallet %v\n  seed      %s\n            from block %d, %v\n  leader    %v, seats %v\n  checklist %s\n",
			e.Window, e.Index, e.Wallet, e.Seed, e.SeedBlock, e.SeedHash, e.Leader, e.LeaderSeats, strings.Join(e.Checklist, ", "))
	})
}
