package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// build is what the binary knows of its making.
type build struct {
	Version  string `json:"version"`            // of the module; (devel) for a build from a working tree
	Revision string `json:"revision,omitempty"` // commit
	Time     string `json:"time,omitempty"`     // of the commit, RFC 3339
	Modified bool   `json:"modified"`           // the working tree differed from the commit
	Go       string `json:"go"`
	Platform string `json:"platform"` // os/architecture
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "tell the version of this program",
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0); err != nil {
				return err
			}
			b := readBuild(debug.ReadBuildInfo())
			return say(c, b, "%v\n", b)
		},
	}
}

func readBuild(info *debug.BuildInfo, ok bool) build {
	b := build{Version: "(unknown)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.time":
			b.Time = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

// String returns one line: "walletnode v1.2.3 (commit 0123456789ab, modified) go1.26 linux/amd64".
func (b build) String() string {
	commit := ""
	if b.Revision != "" {
		commit = " (commit " + b.Revision[:min(len(b.Revision), 12)]
		if b.Modified {
			commit += ", modified"
		}
		commit += ")"
	}
	return fmt.Sprintf("walletnode %s%s %s %s", b.Version, commit, b.Go, b.Platform)
}
