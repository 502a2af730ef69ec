package rpcfault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Bounds of what a client may ask in one message. A longer message ends the connection, a larger batch is refused.
const (
	maxMessage = 1 << 20 // bytes
	maxBatch   = 256     // questions
)

// JSON-RPC's own error codes, and geth's for everything else.
const (
	codeParse         = -32700
	codeInvalid       = -32600
	codeUnknownMethod = -32601
	codeParams        = -32602
	codeInternal      = -32603
	codeServer        = -32000
	codeLimit         = -32005
)

var null = json.RawMessage("null")

// question is one request.
type question struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// answer is one response, or the params of a notification with its method.
type answer struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *failure        `json:"error,omitempty"`
}

// failure is a JSON-RPC error.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// Error implements error.
func (f *failure) Error() string { return fmt.Sprintf("%s (%d)", f.Message, f.Code) }

// parse reads a request or a batch of them.
func parse(message []byte) (questions []question, batch bool, err error) {
	message = bytes.TrimLeft(message, " \t\r\n")
	if len(message) == 0 || message[0] != '[' {
		var q question
		if err := json.Unmarshal(message, &q); err != nil {
			return nil, false, &failure{Code: codeParse, Message: "parse error"}
		}
		return []question{q}, false, nil
	}
	if err := json.Unmarshal(message, &questions); err != nil {
		return nil, true, &failure{Code: codeParse, Message: "parse error"}
	}
	if len(questions) == 0 || len(questions) > maxBatch {
		return nil, true, &failure{Code: codeInvalid, Message: "batch is empty or too large"}
	}
	return questions, true, nil
}

// params reads the positional parameters; none is an empty list.
func (q question) params() ([]json.RawMessage, error) {
	if len(q.Params) == 0 || bytes.Equal(q.Params, null) {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(q.Params, &list); err != nil {
		return nil, &failure{Code: codeParams, Message: "parameters are not a list"}
	}
	return list, nil
}

// answered makes the response to a question from a result or an error.
func (q question) answered(result json.RawMessage, err error) answer {
	a := answer{Version: "2.0", ID: q.ID, Result: result}
	if len(a.ID) == 0 {
		a.ID = null
	}
	var told *failure
	switch {
	case errors.As(err, &told):
		a.Result, a.Error = nil, told
	case err != nil:
		a.Result, a.Error = nil, &failure{Code: codeInternal, Message: err.Error()}
	case len(result) == 0:
		a.Result = null
	}
	return a
}

// encode writes answers as they were asked for. Everything in them was decoded from JSON or is plain data.
func encode(answers []answer, batch bool) []byte {
	var text []byte
	var err error
	if batch {
		text, err = json.Marshal(answers)
	} else {
		text, err = json.Marshal(answers[0])
	}
	if err != nil {
		return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":null,"error":{"code":%d,"message":"answer cannot be encoded"}}`, codeInternal)
	}
	return text
}
