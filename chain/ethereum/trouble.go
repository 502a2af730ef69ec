package ethereum

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	stdnet "net"
	stdhttp "net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/ethereum/go-ethereum/rpc"
	"github.com/gorilla/websocket"

	"github.com/walletnode/walletnode/chain"
)

// troubled says what an error of a request tells of the endpoint. Two kinds tell nothing of it and stay as they are:
// that we gave up or closed the client ourselves, and that a contract reverted, which is its answer.
func (c *Client) troubled(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled), errors.Is(err, errClosed):
		return presentable(err)
	case reverted(err):
		return presentable(err)
	}
	return &chain.EndpointError{Trouble: c.troubleOf(ctx, err), Err: presentable(err)}
}

// malformed is the error of an answer that is no answer to the question.
func malformed(err error) error {
	return &chain.EndpointError{Trouble: chain.TroubleMalformed, Err: presentable(err)}
}

// troubleOf finds the trouble of a request that failed. Where neither the endpoint said anything nor a kind of failure
// is known by its type, the connection broke.
func (c *Client) troubleOf(ctx context.Context, err error) chain.Trouble {
	if trouble := troubleSaid(err); trouble != "" {
		return trouble
	}
	if trouble := troubleOnTheWay(err); trouble != "" {
		return trouble
	}
	switch {
	case ctx.Err() != nil: // a connection closed because the deadline passed may tell of the closing only
		return chain.TroubleTimeout
	case unreadable(err), c.transport == schemeHTTP && emptyAnswer(err):
		return chain.TroubleMalformed
	}
	return chain.TroubleRefused
}

// troubleOnTheWay tells the failures that keep a question from reaching the endpoint or an answer from coming back;
// empty for any other. Looking up a name may time out too: that is still the name's trouble.
func troubleOnTheWay(err error) chain.Trouble {
	var (
		name        *stdnet.DNSError
		operation   *stdnet.OpError
		verify      *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		host        x509.HostnameError
		certificate x509.CertificateInvalidError
		record      tls.RecordHeaderError
		timed       interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &name):
		return chain.TroubleDNS
	case errors.As(err, &verify), errors.As(err, &authority), errors.As(err, &host), errors.As(err, &certificate),
		errors.As(err, &record), errors.Is(err, stdhttp.ErrSchemeMismatch):
		return chain.TroubleTLS
	// An alert, ours or theirs, has no type that is exported; crypto/tls names its two operations so.
	case errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error"):
		return chain.TroubleTLS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timed) && timed.Timeout():
		return chain.TroubleTimeout
	}
	return ""
}

// unreadable reports whether an answer came that is not in the protocol's form, or too large.
func unreadable(err error) bool {
	var (
		syntax   *json.SyntaxError
		kind     *json.UnmarshalTypeError
		tooLarge *stdhttp.MaxBytesError
	)
	return errors.As(err, &syntax) || errors.As(err, &kind) || errors.As(err, &tooLarge) ||
		headersTooLarge(err) || errors.Is(err, websocket.ErrReadLimit) || errors.Is(err, rpc.ErrNoResult) || errors.Is(err, rpc.ErrMissingBatchResponse)
}

// headersTooLarge reports whether the answer to an upgrade or to a request began with more than is read of it.
func headersTooLarge(err error) bool {
	var located *url.Error
	return errors.Is(err, errHandshakeTooLarge) || errors.As(err, &located) && headerTooLargeText.MatchString(located.Err.Error())
}

// emptyAnswer reports whether an HTTP answer had no body, or half of one. A connection that breaks before the answer
// shows as a url.Error.
func emptyAnswer(err error) bool {
	var located *url.Error
	return !errors.As(err, &located) && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
}

// troubleSaid tells what the endpoint said itself, with an HTTP status or a JSON-RPC error; empty if it said nothing.
func troubleSaid(err error) chain.Trouble {
	var status rpc.HTTPError
	if errors.As(err, &status) {
		return troubleOfStatus(status.StatusCode, status.Body)
	}
	if code := handshakeStatus(err); code != 0 {
		return troubleOfStatus(code, nil)
	}
	var said rpc.Error
	if errors.As(err, &said) {
		return troubleOfCode(said.ErrorCode(), said.Error())
	}
	return ""
}

// troubleOfStatus reads an HTTP status that is no success. Some vendors put the JSON-RPC error into the body of a 400.
func troubleOfStatus(status int, body []byte) chain.Trouble {
	switch status {
	case stdhttp.StatusUnauthorized, stdhttp.StatusForbidden, stdhttp.StatusProxyAuthRequired:
		return chain.TroubleAuth
	case stdhttp.StatusTooManyRequests, stdhttp.StatusPaymentRequired: // the quota of a second, and of a month
		return chain.TroubleRateLimited
	case stdhttp.StatusRequestTimeout, stdhttp.StatusGatewayTimeout:
		return chain.TroubleTimeout
	case stdhttp.StatusNotFound, stdhttp.StatusMethodNotAllowed, stdhttp.StatusUpgradeRequired:
		return chain.TroubleMalformed // something answers, and it is no JSON-RPC endpoint
	}
	if code, text, ok := bodyError(body); ok {
		return troubleOfCode(code, text)
	}
	return chain.TroubleServer
}

// bodyError reads the JSON-RPC error in the body of a failed HTTP request.
func bodyError(body []byte) (code int, text string, ok bool) {
	var answer struct {
		Error *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Error == nil {
		return 0, "", false
	}
	return answer.Error.Code, answer.Error.Message, true
}

// handshakeStatusText finds the status in go-ethereum's error of a refused WebSocket handshake, which keeps it in its
// text alone.
var handshakeStatusText = regexp.MustCompile(`\(HTTP status ([1-5][0-9][0-9])\b`)

// handshakeStatus returns the HTTP status with which a WebSocket handshake was refused; 0 for any other error.
func handshakeStatus(err error) int {
	if !errors.Is(err, websocket.ErrBadHandshake) {
		return 0
	}
	found := handshakeStatusText.FindStringSubmatch(err.Error())
	if found == nil {
		return 0
	}
	status, _ := strconv.Atoi(found[1])
	return status
}

// The words by which vendors tell what their codes do not. Codes below -32000 are every vendor's own, and -32000 is
// what all of them use for anything; so words are looked at wherever a code is not plain.
var (
	wordsRateLimited = regexp.MustCompile(`(?i)rate.?limit|too many requests|\bquota\b|compute units|throughput|credits|` +
		`(request|usage|capacity|daily|monthly|plan)s?.{0,20}(limit|exceeded)`)
	wordsAuth = regexp.MustCompile(`(?i)unauthori[sz]ed|unauthenticated|must be authenticated|forbidden|access denied|` +
		`(invalid|missing|wrong|expired).{0,10}(api|access|auth|project|key|token)`)
	wordsUnsupported = regexp.MustCompile(`(?i)(unsupported|unknown|disabled|invalid) method|not supported|unsupported|` +
		`method.{0,80}(not (found|available|allowed|whitelisted|enabled|exist)|is disabled|does not exist)`)
	wordsTimeout = regexp.MustCompile(`(?i)timed?.?out|deadline exceeded`)
	wordsNoBlock = regexp.MustCompile(`(?i)(header|block|hash).{0,80}not found|unknown block|could not be found|not find (block|header)`)
	wordsRevert  = regexp.MustCompile(`(?i)\brevert(ed)?\b`)
)

// troubleOfCode reads a JSON-RPC error: first the codes with one meaning (JSON-RPC 2.0, EIP-1474, and HTTP statuses that
// some vendors use as codes), then words.
func troubleOfCode(code int, text string) chain.Trouble {
	switch code {
	case -32601, -32004:
		return chain.TroubleUnsupported
	case stdhttp.StatusTooManyRequests, -32005, -32029:
		return chain.TroubleRateLimited
	case stdhttp.StatusUnauthorized, stdhttp.StatusForbidden:
		return chain.TroubleAuth
	case -32700: // it could not read our question, which is well-formed
		return chain.TroubleMalformed
	}
	switch {
	case wordsRateLimited.MatchString(text):
		return chain.TroubleRateLimited
	case wordsAuth.MatchString(text):
		return chain.TroubleAuth
	case wordsUnsupported.MatchString(text), code == -32600, code == -32602:
		return chain.TroubleUnsupported
	case wordsTimeout.MatchString(text):
		return chain.TroubleTimeout
	}
	return chain.TroubleServer
}

// codeNotFound is EIP-1474's code for what the endpoint does not have.
const codeNotFound = -32001

// unknownBlock reports whether the endpoint says that it does not have the block that a call is to be made at.
func unknownBlock(err error) bool {
	var said rpc.Error
	return errors.As(err, &said) && (said.ErrorCode() == codeNotFound || wordsNoBlock.MatchString(said.Error()))
}

// codeReverted is the code of a call that the contract reverted, in go-ethereum and those who follow it.
const codeReverted = 3

// reverted reports whether an error of eth_call is the contract's own, whatever reason it gives or leaves out. It is
// less strict than refusalIn, for nobody is blamed by it.
func reverted(err error) bool {
	var said rpc.Error
	if !errors.As(err, &said) {
		return false
	}
	if said.ErrorCode() == codeReverted || wordsRevert.MatchString(said.Error()) {
		return true
	}
	var carrier rpc.DataError
	return errors.As(err, &carrier) && len(revertData(carrier.ErrorData())) >= 4
}
