package ethereum

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// call makes one request over the shared connection and decodes its answer. An error that the endpoint is to blame for
// is a *chain.EndpointError.
func (c *Client) call(ctx context.Context, result any, method string, args ...any) error {
	if err := c.throttle.wait(ctx); err != nil {
		return err
	}
	timed, cancel := context.WithTimeout(ctx, c.config.CallTimeout)
	defer cancel()
	conn, err := c.connection(timed)
	if err != nil {
		return c.troubled(timed, err)
	}
	var answer json.RawMessage // decoded here, so that what cannot be read is told from what did not arrive
	if err := conn.CallContext(timed, &answer, method, args...); err != nil {
		if timed.Err() != nil && ctx.Err() == nil {
			c.drop(conn)
		}
		return fmt.Errorf("%s: %w", method, c.troubled(timed, err))
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("%s: %w", method, malformed(err))
	}
	return nil
}

// question is one request of a batch and its answer: a JSON value, or an error.
type question struct {
	method string
	args   []any
	answer json.RawMessage
	err    error
}

// batch makes several requests at once and fills in their answers. An error is that of the whole batch. took is the time
// from the request to the answer. It is for what every endpoint has at hand: a batch that is not answered before the
// deadline, the caller's or ours, is taken for a sign that the connection is dead.
func (c *Client) batch(ctx context.Context, questions []question) (took time.Duration, err error) {
	conn, took, err := c.exchange(ctx, questions)
	if conn != nil && errors.Is(err, context.DeadlineExceeded) {
		c.drop(conn)
	}
	return took, err
}

// exchange is batch for what an endpoint may leave without an answer and be well. It returns the connection that it
// used, nil if there was none.
func (c *Client) exchange(ctx context.Context, questions []question) (conn *rpc.Client, took time.Duration, err error) {
	c.throttle.count(len(questions))
	ctx, cancel := context.WithTimeout(ctx, c.config.CallTimeout)
	defer cancel()
	if conn, err = c.connection(ctx); err != nil {
		return nil, 0, c.troubled(ctx, err)
	}
	elements := make([]rpc.BatchElem, len(questions))
	for i := range questions {
		q := &questions[i]
		elements[i] = rpc.BatchElem{Method: q.method, Args: q.args, Result: &q.answer}
	}
	asked := time.Now()
	if err := conn.BatchCallContext(ctx, elements); err != nil {
		return conn, 0, fmt.Errorf("batch: %w", c.troubled(ctx, err))
	}
	took = time.Since(asked)
	for i, element := range elements {
		if element.Error != nil {
			questions[i].err = fmt.Errorf("%s: %w", element.Method, c.troubled(ctx, element.Error))
		}
	}
	return conn, took, nil
}

// decode reads the answer to a question of a batch.
func (q *question) decode(into any) error {
	if q.err != nil {
		return q.err
	}
	if err := json.Unmarshal(q.answer, into); err != nil {
		return fmt.Errorf("%s: %w", q.method, malformed(err))
	}
	return nil
}
