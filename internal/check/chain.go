package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/walletnode/walletnode/chain/ethereum"
)

// ask connects to the endpoint and reads its chain and head, once, for all areas that need them.
func (r *run) ask(ctx context.Context) error {
	if r.asked {
		return r.chainErr
	}
	r.asked = true
	r.chainErr = r.askNow(ctx)
	return r.chainErr
}

var errNoURL = errors.New("ethereum.url is not set")

func (r *run) askNow(ctx context.Context) (err error) {
	e := r.Config.Ethereum
	if e.URL == "" {
		return errNoURL
	}
	endpoint := ethereum.Config{
		URL: e.URL, PollInterval: e.PollInterval, CallTimeout: e.CallTimeout, RequestsPerSecond: e.RequestsPerSecond,
		Proxy: r.Config.Network.Proxy, Bridge: e.Bridge, Validator: e.Validator, // any chain: a wrong one is told, not an error
	}
	if (e.Bridge == common.Address{}) != (e.Validator == common.Address{}) {
		endpoint.Bridge, endpoint.Validator = common.Address{}, common.Address{}
	}
	if r.client, err = ethereum.Dial(ctx, endpoint, r.log); err != nil {
		return err
	}
	if r.chainID, err = r.client.ChainID(ctx); err != nil {
		return err
	}
	r.head, err = r.client.Head(ctx)
	r.headAt = r.Now()
	return err
}

// chain asks the endpoint, and with many of them each, for all that a node asks for at its start.
func (r *run) chain(ctx context.Context) {
	r.primary(ctx)
	if r.Config.Ethereum.Multi.Enabled {
		r.endpoints(ctx)
	}
}

// primary asks the endpoint that ethereum.url names.
func (r *run) primary(ctx context.Context) {
	reached := r.step("endpoint", func() verdict {
		switch err := r.ask(ctx); {
		case errors.Is(err, errNoURL):
			return fail("set it to the JSON-RPC endpoint of an Ethereum node", "%v", err)
		case err != nil && r.Config.Ethereum.Multi.Enabled:
			return warn("see the agreement of the endpoints; the contracts are checked when this one answers", "%v", err)
		case err != nil:
			return fail("check ethereum.url, its access key, and that the endpoint runs and may be reached from here", "%v", err)
		}
		return pass("answers")
	})
	if reached.status != Pass {
		return
	}
	r.add("chain_id", r.checkChainID())
	r.add("head", r.checkHead())
	r.checkContract(ctx, "bridge", "ethereum.bridge", r.Config.Ethereum.Bridge)
	r.checkContract(ctx, "validator", "ethereum.validator", r.Config.Ethereum.Validator)
	r.step("contracts", func() verdict {
		if (r.Config.Ethereum.Bridge == common.Address{}) || (r.Config.Ethereum.Validator == common.Address{}) {
			return skip("ethereum.bridge and ethereum.validator are not both set")
		}
		limits, err := r.client.RedemptionLimits(ctx)
		if err != nil {
			return fail("check that ethereum.bridge is the tBTC Bridge and ethereum.validator the WalletProposalValidator of this chain", "%v", err)
		}
		return pass("both answer; a redemption proposal holds up to %d requests", limits.MaxSize)
	})
}

func (r *run) checkChainID() verdict {
	switch want := r.Config.Ethereum.ChainID; want {
	case 0:
		return warn(fmt.Sprintf("set ethereum.chain_id = %d, so that another endpoint cannot lead the node onto another chain", r.chainID), "chain %d; ethereum.chain_id is 0, which accepts any", r.chainID)
	case r.chainID:
		return pass("chain %d", r.chainID)
	default:
		return fail("check ethereum.url and ethereum.chain_id", "the endpoint serves chain %d, ethereum.chain_id is %d", r.chainID, want)
	}
}

// checkHead judges the head's age as rule R8 does.
func (r *run) checkHead() verdict {
	age, limit := r.headAt.Sub(r.head.Time), r.Config.Ethereum.MaxHeaderAge
	switch {
	case limit == 0:
		return pass("block %d; its age is not judged (ethereum.max_header_age)", r.head.Height)
	case age > limit:
		return fail("the endpoint lags behind or has no peers, unless this machine's clock is ahead (walletnode check clock)",
			"block %d is %v old, and must not be older than %v", r.head.Height, rough(age), limit)
	}
	return pass("block %d, %v old", r.head.Height, rough(max(age, 0)))
}

func (r *run) checkContract(ctx context.Context, name, key string, at common.Address) {
	r.step(name, func() verdict {
		if at == (common.Address{}) {
			return fail("set it to the contract's address on this chain", "%s is not set", key)
		}
		there, err := r.client.HasCode(ctx, at)
		switch {
		case err != nil:
			return fail("ask the endpoint's operator why it does not answer eth_getCode", "%v", err)
		case !there:
			return fail("check "+key+" and that the endpoint serves the right chain", "no contract at %v on chain %d", at, r.chainID)
		}
		return pass("a contract at %v", at)
	})
}

// rough rounds for people.
func rough(d time.Duration) time.Duration { return d.Round(time.Second) }
