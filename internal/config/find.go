package config

import (
	"os"
	"path/filepath"
)

// FileName is the configuration's name in the directories where it is looked for.
const FileName = "config.toml"

// Find returns the configuration file to read where none is named: config.toml in dataDir if that is given, otherwise in
// the working directory, ~/.walletnode or /etc/walletnode, whichever is there first. It returns "" if there is none.
//
// A data directory that is given leaves no other place: a file found elsewhere could belong to another node.
func Find(dataDir string) string {
	places := []string{".", "", "/etc/walletnode"}
	if home, err := os.UserHomeDir(); err == nil {
		places[1] = filepath.Join(home, ".walletnode")
	}
	if dataDir != "" {
		places = []string{dataDir}
	}
	for _, place := range places {
		if place == "" {
			continue
		}
		path := filepath.Join(place, FileName)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}
