// Package walletnode holds the files at the root of the repository that the program carries with it.
package walletnode

import _ "embed"

// SampleConfig is config.toml.sample: every setting with its meaning, its unit and its default.
//
//go:embed config.toml.sample
var SampleConfig string
