#!/bin/sh
# Generates the Go code of the .proto files beside it. Needs protoc (Debian: protobuf-compiler); the Go plugin is
# built from the version that go.mod pins. protoc's own version is left out of the result, so that machines
# with different ones generate the same bytes.
set -eu
cd "$(dirname "$0")"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
go build -o "$tools/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go
protoc --plugin="$tools/protoc-gen-go" --go_out=. --go_opt=paths=source_relative ./*.proto
for generated in ./*.pb.go; do
	sed '/^\/\/ \tprotoc  *v/d' "$generated" >"$tools/out"
	cat "$tools/out" >"$generated"
done
