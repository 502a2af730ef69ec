// Package pb is the generated code of the .proto files beside it, and nothing else. Whoever reads bytes from the
// network calls package wire, or proposal for coordination messages: they check what protobuf does not.
//
// Generation needs protoc (Debian: apt-get install protobuf-compiler); twice gives no difference.
package pb

//go:generate ./generate.sh
