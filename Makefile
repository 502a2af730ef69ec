# check is what .ci/run runs, less the installation and the long fuzzing.
.PHONY: check test lint fmt generate

check: fmt lint test

test:
	go test -race -shuffle=on ./...

lint:
	go vet ./...
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...

fmt:
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 fmt ./...

generate:
	go generate ./...
