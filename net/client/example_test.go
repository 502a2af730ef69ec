package client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/client"
)

// A tool asks who serves a wallet. It is given two instances to begin with and finds the one that is responsible, also while
// the wallet changes hands.
func Example() {
	operator, err := chain.ParseOperator("0xbC32b0FCDb9b55F5ECE07BA7F8059bA42D331F4C")
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(client.Config{
		Bootstrap: []string{"https://node-1.example:9602", "https://node-2.example:9602"},
		Operator:  operator,
		Token:     "the word of api.token_file",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	wallet := chain.WalletID{1}
	response, err := c.Wallet(ctx, wallet, client.Request{Method: http.MethodGet, Path: "/v1/wallets/" + wallet.String() + "/serving"})
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(answer))
}
