package check

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Differences between this machine's clock and another.
const (
	// noticed is as much as two well-kept clocks and a slow answer can differ by.
	noticed = 15 * time.Second
	// tolerated is by how much the clocks of two operators may differ: beyond, each refuses the other's delegation.
	tolerated = 2 * time.Minute
)

const setClock = "set this machine's clock and keep it set: timedatectl set-ntp true, or chronyc makestep"

// clock compares this machine's clock with two others that are at hand without a time service: the endpoint's machine and
// the chain itself.
func (r *run) clock(ctx context.Context) {
	var ahead time.Duration // of the endpoint's machine
	machine := r.step("endpoint_clock", func() verdict {
		var err error
		ahead, err = r.compare(ctx)
		if err != nil {
			return skip("the endpoint's machine does not tell its time: %v", err)
		}
		return judgeDifference(ahead, "the clock of the endpoint's machine")
	})
	r.step("chain_clock", func() verdict {
		if err := r.ask(ctx); err != nil {
			return skip("the endpoint does not answer: %v", err)
		}
		return r.judgeHead(machine.status == Pass)
	})
}

// judgeDifference judges by how much this machine is ahead (or, below zero, behind).
func judgeDifference(ahead time.Duration, of string) verdict {
	way := "ahead of"
	if ahead < 0 {
		way = "behind"
	}
	switch by := ahead.Abs(); {
	case by > tolerated:
		return fail(setClock, "this machine is %v %s %s", rough(by), way, of)
	case by > noticed:
		return warn(setClock, "this machine is %v %s %s", rough(by), way, of)
	}
	return pass("within %v of %s", noticed, of)
}

// judgeHead compares with the head's time. A head from the future shows that this machine is behind. An old one shows
// either that it is ahead or that the endpoint lags: confirmed says that another clock has told which.
func (r *run) judgeHead(confirmed bool) verdict {
	limit := r.Config.Ethereum.MaxHeaderAge
	age := r.headAt.Sub(r.head.Time)
	switch {
	case limit == 0:
		return skip("the chain's time is not real (ethereum.max_header_age is 0)")
	case age < 0:
		return judgeDifference(age, "the chain's newest block")
	case age > limit && confirmed:
		return fail("the clock is right, so the endpoint lags behind (walletnode check chain)", "the newest block is %v old", rough(age))
	case age > limit:
		return fail("compare date -u with a clock you trust; if it is wrong: "+setClock+"; if it is right, the endpoint lags behind",
			"this machine is %v ahead of the chain's newest block, or the endpoint is %v behind", rough(age), rough(age))
	}
	return pass("the newest block is %v old", rough(age))
}

var errNoHTTP = errors.New("it is not reached by a URL")

// compare asks the endpoint's web server for its time, which nearly every one writes into every answer, whatever it says
// otherwise. The request has no path: access keys stay out of it.
func (r *run) compare(ctx context.Context) (ahead time.Duration, err error) {
	u, err := url.Parse(r.Config.Ethereum.URL)
	if err != nil || u.Host == "" {
		return 0, errNoHTTP
	}
	scheme := map[string]string{"ws": "http", "wss": "https"}[u.Scheme]
	if scheme == "" {
		scheme = u.Scheme
	}
	ctx, cancel := context.WithTimeout(ctx, r.Config.Ethereum.CallTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, scheme+"://"+u.Host+"/", http.NoBody)
	if err != nil {
		return 0, errNoHTTP
	}
	began := r.Now()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request) // no redirects: this machine's answer, and no other's
	if err != nil {
		return 0, errors.New("no answer to a HEAD request")
	}
	defer response.Body.Close() //nolint:errcheck // there is none
	theirs, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return 0, errors.New("no date in its answer")
	}
	ended := r.Now()
	// Whole seconds, cut off: on average half of one later. The answer was made between began and ended.
	return began.Add(ended.Sub(began) / 2).Sub(theirs.Add(time.Second / 2)), nil
}
