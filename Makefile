# check is the part of .ci/run that one runs while writing: format, linter, tests.
.PHONY: check test lint fmt generate pictures bench chaos histories weather vuln

check: fmt lint test

test:
	go test -race -shuffle=on -timeout=45m ./...

lint:
	go vet ./...
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...

fmt:
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 fmt ./...

generate:
	go generate ./...

# pictures takes those of README anew from devnets that run; Linux, Chromium and PostgreSQL's server programs, four minutes.
pictures:
	go run ./internal/pictures

# bench measures what docs/benchmarks.md tells; about twenty minutes. Ratios within one run are what counts.
bench:
	go test ./internal/bench -run '^$$' -bench 'Election|Joined' -benchtime 1x
	go test ./net -run '^$$' -bench 'Message|Topic' -benchtime 5x
	go test ./net -run '^$$' -bench RepeatedHeads -benchtime 5x
	go test ./internal/store -run '^$$' -bench WindowOf1000Wallets
	go test ./internal/store -run '^$$' -bench FencedClaim -benchtime 2000x
	go test ./internal/node -run '^$$' -bench 'TakeOver|HandOver|Ban' -benchtime 100x -timeout 20m
	go test ./internal/bench -run '^$$' -bench Fanout -benchtime 3x -timeout 30m
	go test ./internal/bench -run '^$$' -bench Polling -benchtime 1x
	go test ./proposal/action/signer/scheme -run '^$$' -bench . -benchtime 1x
	go test ./proposal/action/signer/vault -run '^$$' -bench Signing11
	go test ./faults/evidence/heads -run '^$$' -bench Window -benchtime 20x
	go test ./internal/store -run '^$$' -bench 'Heads|Quotes' -benchtime 10x
	go test ./faults/evidence/compare -run '^$$' -bench Comparison -benchtime 20x
	go test ./internal/node -run '^$$' -bench SecondProposal -benchtime 50x
	go test ./net/feed -run '^$$' -bench VerifyWitnesses
	go test ./net/feed/pipeline -run '^$$' -bench Records -benchtime 60x
	go test ./internal/store -run '^$$' -bench Feed -benchtime 100x
	go test ./internal/node -run '^$$' -bench WholePath -benchtime 20x
	go test ./internal/node -run '^$$' -bench SharedPath -benchtime 5x
	go test ./internal/bench -run '^$$' -bench Operators -benchtime 1x -timeout 30m
	go test ./internal/bench -run '^$$' -bench Reconcile -benchtime 10x -timeout 30m

# chaos strikes an operator's three instances at random in fifty windows, half an hour; see docs/instances.md.
chaos:
	go run ./cmd/walletnode devnet --chaos 50

# histories lives through ten thousand windows of evidence under weather without a cheat, and through sixty cheats; half an hour on one core.
histories:
	go test ./internal/sim -run Histories -v -timeout 6h -args -histories 100 -history-windows 100 -cheats 60 -cheat-window 8

# weather has whole nodes live through ten thousand windows in bad weather, in virtual time: an hour and a half on one core. See
# docs/invariants.md.
weather:
	go test ./internal/sim -run HouseUnderWeather -v -timeout 12h -args -houses 700 -house-shrink -house-seed $${SEED:-1}

# vuln asks https://vuln.go.dev for known weaknesses of what the program calls; see docs/dependencies.md.
vuln:
	go run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...
