package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Flags are the values of the command line, by the key of the configuration they stand for.
type Flags map[string]Flag

// Flag is one value of the command line.
type Flag struct {
	Name  string // with its hyphens, for complaints
	Value string
}

// Load reads file, environment and flags (see the package) and validates the whole. path may be empty: there is no
// file then. environ has the form of os.Environ. What is wrong with the values is returned as Complaints, all at
// once; only a file that cannot be read or is not TOML ends it early.
func Load(path string, environ []string, flags Flags) (Config, error) {
	return load(path, environ, flags, false)
}

// Read does what Load does but forgives what is missing: whatever is set must be right, while a configuration without
// key or endpoint passes. It serves commands that only need to know where the data is.
func Read(path string, environ []string, flags Flags) (Config, error) {
	return load(path, environ, flags, true)
}

func load(path string, environ []string, flags Flags, partial bool) (Config, error) {
	c, wrong, err := read(path, environ, flags)
	if err != nil {
		return Config{}, err
	}
	for _, broken := range c.broken() {
		unread := wrong.names(broken.Key) // a value that could not be read is not judged too
		missing := broken.Origin.Source == FromDefault
		if !unread && (!partial || !missing) {
			wrong = append(wrong, broken)
		}
	}
	if err := wrong.sorted().orNil(); err != nil {
		return Config{}, err
	}
	return c, nil
}

func read(path string, environ []string, flags Flags) (Config, Complaints, error) {
	c := Default()
	c.origins = map[string]Origin{}
	var wrong Complaints
	if path != "" {
		doc, err := readFile(path)
		if err != nil {
			return Config{}, nil, err
		}
		tree, err := parseTOML(path, doc)
		if err != nil {
			return Config{}, nil, err
		}
		wrong = applyTOML(&c, path, doc, tree)
	}
	wrong = append(wrong, applyEnvironment(&c, environ)...)
	wrong = append(wrong, applyFlags(&c, flags)...)
	wrong = append(wrong, expandHome(&c)...)
	for i := range c.Ethereum.Multi.Endpoints {
		c.Ethereum.Multi.Endpoints[i].complete(c.Ethereum.RequestsPerSecond)
	}
	for i := range c.Signers {
		c.Signers[i].complete(func(key string) bool { _, set := c.origins[itemKey(signersKey, i)+"."+key]; return set })
	}
	return c, wrong, nil
}

func applyFlags(c *Config, flags Flags) Complaints {
	var wrong Complaints
	for _, f := range fields(c) {
		flag, given := flags[f.key]
		if !given {
			continue
		}
		origin := Origin{Source: FromFlag, Name: flag.Name}
		if err := parse(f.value, flag.Value); err != nil {
			wrong = append(wrong, Complaint{origin, f.key, err.Error()})
		}
		c.origins[f.key] = origin
	}
	return wrong
}

// expandHome replaces a leading ~/ of the paths by the home directory, as a shell would have done.
func expandHome(c *Config) Complaints {
	var wrong Complaints
	paths := map[string]*string{
		"node.data_dir":            &c.Node.DataDir,
		"operator.key_file":        &c.Operator.KeyFile,
		"operator.password_file":   &c.Operator.PasswordFile,
		"api.token_file":           &c.API.TokenFile,
		"api.tls_cert_file":        &c.API.TLSCertFile,
		"api.tls_key_file":         &c.API.TLSKeyFile,
		"signing.client_cert_file": &c.Signing.ClientCertFile,
		"signing.client_key_file":  &c.Signing.ClientKeyFile,
		"signing.dir":              &c.Signing.Dir,
		"signing.password_file":    &c.Signing.PasswordFile,
		"bitcoin.transactions":     &c.Bitcoin.Transactions,
	}
	for i := range c.Ethereum.Multi.Endpoints {
		paths[itemKey(endpointsKey, i)+".headers_file"] = &c.Ethereum.Multi.Endpoints[i].HeadersFile
	}
	for i := range c.Feed.Subscribers {
		paths[itemKey(subscribersKey, i)+".token_file"] = &c.Feed.Subscribers[i].TokenFile
	}
	for key, path := range paths {
		rest, ok := strings.CutPrefix(*path, "~/")
		if !ok {
			continue
		}
		home, err := os.UserHomeDir()
		if err != nil {
			wrong = append(wrong, Complaint{c.origins[key], key, fmt.Sprintf("no home directory for %q: %v", *path, err)})
			continue
		}
		*path = filepath.Join(home, rest)
	}
	return wrong
}
