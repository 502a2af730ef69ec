package scheme

import (
	"bytes"
	"errors"

	"github.com/walletnode/walletnode/chain"
)

// Message is what one seat has for another, or for all.
type Message struct {
	From, To chain.Seat // To is 0 for everybody
	Data     []byte
}

// Step is what a seat says at the end of a round.
type Step struct {
	Out  []Message
	Done bool // there is a result, and Out is empty
}

// MaxMessage is more than the bytes that any message of any scheme takes: CMP's proofs about a modulus are 80 kB.
const MaxMessage = 96 << 10

// A message's data is a round of the library's in one byte, whether it is for everybody in another, the name of the library's
// session, what was broadcast in the round before (not in the first round), and the library's own message. The library's
// envelope names its sender, receiver and protocol as well, and lets a peer choose them; here they follow from the place where
// a message arrives.
const (
	frameBroadcast = 0
	frameDirect    = 1

	firstRound = 2  // of the library's, that has messages
	nameBytes  = 32 // of each hash: 128 bits of security against collisions
)

type frame struct {
	round  int
	direct bool
	ssid   []byte
	echo   []byte // a hash of all that was broadcast in the round before, as the sender saw it; empty in the first round
	body   []byte
}

func (f frame) encode() []byte {
	data := make([]byte, 0, 2+2*nameBytes+len(f.body))
	data = append(data, byte(f.round), frameBroadcast)
	if f.direct {
		data[1] = frameDirect
	}
	data = append(data, f.ssid[:nameBytes]...)
	if f.round > firstRound {
		data = append(data, f.echo[:nameBytes]...)
	}
	return append(data, f.body...)
}

var (
	errLength  = errors.New("it is too short, or too long")
	errRound   = errors.New("it is of another round")
	errSession = errors.New("it is of another session")
	errForm    = errors.New("it has not the form that the scheme demands")
	errTwice   = errors.New("there are two of them")
	errMissing = errors.New("there is none")
	errKind    = errors.New("it is for another receiver than it says")
)

// decode reads a message of a round of a session. What it returns is a part of data.
func decode(data []byte, round int, ssid []byte) (frame, error) {
	head := 2 + nameBytes
	if round > firstRound {
		head += nameBytes
	}
	if len(data) < 2 || len(data) > MaxMessage {
		return frame{}, errLength
	}
	if int(data[0]) != round {
		return frame{}, errRound
	}
	if data[1] > frameDirect {
		return frame{}, errForm
	}
	if len(data) < head {
		return frame{}, errLength
	}
	if !bytes.Equal(data[2:2+nameBytes], ssid[:nameBytes]) {
		return frame{}, errSession
	}
	return frame{
		round:  round,
		direct: data[1] == frameDirect,
		ssid:   data[2 : 2+nameBytes],
		echo:   data[2+nameBytes : head],
		body:   data[head:],
	}, nil
}
