package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

// routesOf says for every command what the API has for it: a path, or after "-" why there is none.
var routesOf = map[string]string{
	"status":             "GET /v1/status",
	"wait-ready":         "GET /readyz",
	"windows list":       "GET /v1/windows",
	"windows show":       "GET /v1/windows/{block}",
	"windows next":       "GET /v1/windows/next",
	"windows watch":      "GET /v1/windows/watch",
	"windows verify":     "- it compares with an endpoint of the asker's own choice, which the node must not be made to call; what it reads of the node is /v1/windows/{block}",
	"proposals list":     "GET /v1/proposals",
	"proposals show":     "GET /v1/proposals/{block}",
	"faults list":        "GET /v1/faults",
	"faults show":        "GET /v1/faults/{id}",
	"faults summary":     "GET /v1/faults/summary",
	"faults export":      "GET /v1/faults/export",
	"actions list":       "GET /v1/actions",
	"actions show":       "GET /v1/actions/{block}",
	"evidence list":      "GET /v1/evidence/proofs",
	"evidence show":      "GET /v1/evidence/proofs/{id}",
	"evidence compare":   "POST /v1/evidence/compare/{operator}",
	"actions retry":      "POST /v1/actions/{block}/retry",
	"wallets list":       "GET /v1/wallets",
	"wallets show":       "GET /v1/wallets/{id}",
	"wallets proof":      "- it judges what the asker's store or file has, whether or not a node runs",
	"wallets record":     "- it writes a file of the asker's, from the store on its machine, whether or not a node runs",
	"wallets create":     "POST /v1/keygens",
	"wallets pending":    "GET /v1/keygens",
	"wallets accept":     "POST /v1/keygens/{session}/accept",
	"wallets decline":    "POST /v1/keygens/{session}/decline",
	"wallets serving":    "GET /v1/wallets/{id}/serving",
	"wallets halted":     "GET /v1/halts",
	"wallets resume":     "POST /v1/wallets/{id}/resume",
	"instances list":     "GET /v1/instances",
	"instances show":     "GET /v1/instances/{id}",
	"instances drain":    "POST /v1/instances/{id}/drain",
	"instances undrain":  "POST /v1/instances/{id}/undrain",
	"instances resign":   "POST /v1/instances/{id}/resign",
	"signers list":       "GET /v1/signers",
	"signers show":       "GET /v1/signers",
	"signers retire":     "POST /v1/signers/{id}/state",
	"signers fail":       "POST /v1/signers/{id}/state",
	"signers activate":   "POST /v1/signers/{id}/state",
	"signers move":       "POST /v1/signers/{id}/wallets",
	"bans list":          "GET /v1/bans",
	"bans add":           "POST /v1/bans",
	"bans remove":        "DELETE /v1/bans/{subject}",
	"feed mailboxes":     "GET /v1/feed/mailboxes",
	"feed follow":        "GET /v1/feed/mailboxes/{mailbox}",
	"feed move":          "POST /v1/feed/mailboxes/{mailbox}/move",
	"feed export":        "GET /v1/feed/mailboxes/{mailbox}/export",
	"feed keys":          "GET /v1/feed/keys",
	"feed heads":         "GET /v1/feed/heads",
	"peers list":         "GET /v1/peers",
	"peers show":         "GET /v1/peers/{id}",
	"peers ping":         "GET /v1/peers/{id}/ping",
	"endpoints list":     "GET /v1/endpoints",
	"endpoints history":  "GET /v1/endpoints/{name}/history",
	"endpoints reload":   "POST /v1/endpoints/reload",
	"endpoints cordon":   "POST /v1/endpoints/{name}/cordon",
	"endpoints uncordon": "POST /v1/endpoints/{name}/uncordon",
	"explain":            "GET /v1/explain",
	"store status":       "GET /v1/store",
	"debug log-level":    "PUT /v1/log-level",

	"start":                  "- it is the node",
	"init":                   "- it is for before the first start",
	"config validate":        "- it reads a file of the asker's",
	"config print":           "- it reads a file of the asker's",
	"config sample":          "- it reads nothing",
	"check all":              "- it tries a configuration, mostly before a start; a running node's checks are at /readyz",
	"check config":           "- as check all",
	"check chain":            "- as check all",
	"check peers":            "- as check all",
	"check store":            "- as check all",
	"check clock":            "- as check all",
	"check ports":            "- as check all",
	"check instances":        "- as check all",
	"wallets import":         "- it writes",
	"wallets archive":        "- it writes",
	"keys new":               "- it writes",
	"keys import":            "- it writes",
	"keys list":              "- it reads key files, which the node must not tell of",
	"keys inspect":           "- it reads key files, which the node must not tell of",
	"keys passwd":            "- it writes",
	"keys delegate":          "- it writes",
	"store backup":           "- it writes a file of the asker's",
	"store prune":            "- it writes",
	"evidence export":        "- it writes a file of the asker's, from what /v1/evidence/proofs/{id} and /v1/faults/{id} have",
	"evidence verify":        "- it reads files of the asker's",
	"feed verify":            "- it reads files of the asker's",
	"feed compare":           "- it reads a directory of the asker's, and asks another subscriber",
	"message decode":         "- it reads what it is given",
	"message encode":         "- it reads what it is given",
	"debug bundle":           "- it writes a file, from what many routes have",
	"signer init":            "- it is for a signer's machine, before its first start",
	"signer run":             "- it is another process than the node",
	"signer keys list":       "- it asks the signer on its own machine, not the node",
	"signer protection show": "- as signer keys list",
	"signer export":          "- shares leave a signer on its own machine only",
	"signer import":          "- as signer export",
	"signer client new":      "- it makes files of the asker's",
	"signer client add":      "- it writes a file of the signer's machine",
	"signer client list":     "- it reads a file of the signer's machine",

	"devnet":          "- it runs nodes of its own",
	"version":         "- it tells of the program; the node's version is in /v1/status",
	"completion bash": "- it prints a script",
	"completion zsh":  "- it prints a script",
	"completion fish": "- it prints a script",
}

// leaves lists the commands that do something.
func leaves(parent string, commands []*cli.Command) (list []string) {
	for _, c := range commands {
		path := strings.TrimSpace(parent + " " + c.Name)
		if len(c.Subcommands) > 0 {
			list = append(list, leaves(path, c.Subcommands)...)
		} else if c.Name != "help" && !c.Hidden {
			list = append(list, path)
		}
	}
	return list
}

func TestEveryCommandThatReadsHasARouteOrAReasonWhyNot(t *testing.T) {
	raw, err := os.ReadFile("../../internal/api/openapi.json")
	require.NoError(t, err)
	var document struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(raw, &document))
	commands := leaves("", newApp(nil, nil, nil).Commands)
	named := make([]string, 0, len(routesOf))
	served := map[string]bool{ // for programs alone
		"GET /healthz": true, "GET /v1/openapi.json": true, "GET /v1/directory": true,
		"GET /v1/goroutines": true, "GET /v1/log-level": true, // of debug bundle
		"GET /v1/keygens/{session}":                     true, // of wallets create --wait
		"GET /v1/actions/{block}/signings":              true, // of actions show, too
		"POST /v1/feed/mailboxes/{mailbox}/acknowledge": true, // of feed follow --state
	}
	for command, route := range routesOf {
		named = append(named, command)
		if _, reason, none := strings.Cut(route, "- "); none {
			require.NotEmpty(t, reason, command)
			continue
		}
		method, path, _ := strings.Cut(route, " ")
		require.Contains(t, document.Paths, path, command)
		require.Contains(t, document.Paths[path], strings.ToLower(method), command)
		served[route] = true
	}
	require.ElementsMatch(t, commands, named)
	for path, operations := range document.Paths {
		for method := range operations {
			require.True(t, served[strings.ToUpper(method)+" "+path], "%s %s answers no command", method, path)
		}
	}
}
