package bitcoin

import (
	"bytes"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/wire"
)

// Serialize writes a transaction as nodes relay it, with its signatures.
func Serialize(tx *wire.MsgTx) []byte { return written(tx.SerializeSize(), tx.Serialize) }

// bare writes what a transaction's hash is made of: everything but the witnesses.
func bare(tx *wire.MsgTx) []byte { return written(tx.SerializeSizeStripped(), tx.SerializeNoWitness) }

func written(size int, write func(io.Writer) error) []byte {
	buffer := bytes.NewBuffer(make([]byte, 0, size))
	if err := write(buffer); err != nil {
		panic(fmt.Sprintf("write a transaction to memory: %v", err)) // memory does not fail
	}
	return buffer.Bytes()
}
