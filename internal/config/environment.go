package config

import (
	"maps"
	"slices"
	"strings"
)

// envPrefix begins every variable of the node.
const envPrefix = "WALLETNODE_"

// PasswordVariable holds the password of the operator's key where no file does. It is a secret, so it is no key
// of the configuration.
const PasswordVariable = envPrefix + "OPERATOR_PASSWORD"

// NewPasswordVariable holds the password that a key is to be given in place of the one it has.
const NewPasswordVariable = envPrefix + "OPERATOR_NEW_PASSWORD"

// VerifyEndpointVariable holds the endpoint that "windows verify" reads from, where its URL is not for everybody's eyes.
const VerifyEndpointVariable = envPrefix + "VERIFY_ENDPOINT"

// Variable returns the environment variable of a key: ethereum.call_timeout is WALLETNODE_ETHEREUM_CALL_TIMEOUT.
func Variable(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// applyEnvironment stores the values of variables ("NAME=value") in c. Lists are separated by commas. A variable
// that is set to nothing counts as not set. A variable nobody knows is passed over, because platforms add their
// own (WALLETNODE_SERVICE_HOST), unless it is almost one of ours: then it is a typo.
func applyEnvironment(c *Config, environ []string) Complaints {
	known := map[string]field{}
	for _, f := range fields(c) {
		if !strings.Contains(f.key, "[") { // what stands in a list of tables has no variable
			known[Variable(f.key)] = f
		}
	}
	names := append(slices.Sorted(maps.Keys(known)), PasswordVariable, NewPasswordVariable, VerifyEndpointVariable)
	onlyInFile := map[string]string{}
	for _, list := range lists() {
		onlyInFile[Variable(list)] = list
	}
	var wrong Complaints
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || value == "" {
			continue
		}
		origin := Origin{Source: FromEnvironment, Name: name}
		if list, is := onlyInFile[name]; is {
			wrong = append(wrong, Complaint{origin, list, "a list of tables can stand in a file only"})
			continue
		}
		f, ok := known[name]
		if !ok {
			if best, near := suggest(name, names); near && best != name {
				wrong = append(wrong, Complaint{origin, "", "unknown variable (did you mean " + best + "?)"})
			}
			continue
		}
		if err := parse(f.value, value); err != nil {
			wrong = append(wrong, Complaint{origin, f.key, err.Error()})
		}
		c.origins[f.key] = origin
	}
	return wrong
}
