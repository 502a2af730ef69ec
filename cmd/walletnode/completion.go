package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func completionCommand() *cli.Command {
	shell := func(name, how string, write func(io.Writer, []syntax) error) *cli.Command {
		return &cli.Command{
			Name: name, Usage: "write the completion script of " + name, Description: how,
			Action: func(c *cli.Context) error {
				if err := arguments(c, 0, 0); err != nil {
					return err
				}
				return write(c.App.Writer, grammar())
			},
		}
	}
	return group("completion", "let the shell complete commands, flags and file names",
		shell("bash", "For this shell: source <(walletnode completion bash). For good: write it to\n"+
			"~/.local/share/bash-completion/completions/walletnode.", writeBash),
		shell("zsh", "Write it to a file named _walletnode in a directory of $fpath.", writeZsh),
		shell("fish", "Write it to ~/.config/fish/completions/walletnode.fish.", writeFish),
	)
}

// syntax is what may follow the words of a command.
type syntax struct {
	path  string // the words, separated by blanks; empty for the program itself
	subs  []choice
	flags []choice
	files bool // arguments are names of files
}

// choice is a subcommand or a flag.
type choice struct {
	names []string // of a flag with its hyphens
	about string
	value string // what follows a flag: "", valueFile, valueDirectory or valueOther
}

const (
	valueFile      = "file"
	valueDirectory = "directory"
	valueOther     = "other"
)

// grammar describes every command, from the same tree that parses.
func grammar() []syntax {
	app := newApp(strings.NewReader(""), io.Discard, io.Discard)
	root := syntax{subs: choices(app.Commands), flags: flagChoices(app.Flags)}
	return append([]syntax{root}, below("", app.Commands)...)
}

func below(parent string, commands []*cli.Command) []syntax {
	var all []syntax
	for _, c := range commands {
		s := syntax{
			path:  strings.TrimSpace(parent + " " + c.Name),
			subs:  choices(c.Subcommands),
			flags: flagChoices(c.Flags),
			files: strings.Contains(c.ArgsUsage, "FILE"),
		}
		all = append(append(all, s), below(s.path, c.Subcommands)...)
	}
	return all
}

func choices(commands []*cli.Command) []choice {
	var list []choice
	for _, c := range commands {
		if !c.Hidden {
			list = append(list, choice{names: c.Names(), about: c.Usage})
		}
	}
	return list
}

// placeholder is how the usage of a flag names its value.
var placeholder = regexp.MustCompile("`([^`]+)`")

func flagChoices(flags []cli.Flag) []choice {
	var list []choice
	for _, f := range flags {
		documented, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		c := choice{about: placeholder.ReplaceAllString(documented.GetUsage(), "$1")}
		for _, name := range f.Names() {
			c.names = append(c.names, hyphens(name)+name)
		}
		if documented.TakesValue() {
			c.value = valueOther
			switch m := placeholder.FindStringSubmatch(documented.GetUsage()); {
			case m != nil && m[1] == "FILE":
				c.value = valueFile
			case m != nil && m[1] == "DIRECTORY":
				c.value = valueDirectory
			}
		}
		list = append(list, c)
	}
	return append(list, choice{names: []string{"--help", "-h"}, about: "show help"})
}

func hyphens(name string) string {
	if len(name) == 1 {
		return "-"
	}
	return "--"
}

// names joins the names of choices.
func names(list []choice) string {
	var all []string
	for _, c := range list {
		all = append(all, c.names...)
	}
	return strings.Join(all, " ")
}

// steps writes the cases by which a script for bash or zsh follows the words on the line: flags that take a value, and
// the way from one command to the next. Flags of the program may stand anywhere.
func steps(out *strings.Builder, all []syntax) {
	for _, s := range all {
		for _, f := range s.flags {
			if f.value == "" {
				continue
			}
			patterns := make([]string, len(f.names))
			for i, name := range f.names {
				patterns[i] = fmt.Sprintf("%q", s.path+"|"+name)
				if s.path == "" {
					patterns[i] = fmt.Sprintf("*%q", "|"+name)
				}
			}
			fmt.Fprintf(out, "        %s) value=%s ;;\n", strings.Join(patterns, " | "), f.value)
		}
		for _, sub := range s.subs {
			for _, name := range sub.names {
				fmt.Fprintf(out, "        %q) at=%q ;;\n", s.path+"|"+name, strings.TrimSpace(s.path+" "+sub.names[0]))
			}
		}
	}
}

func writeBash(w io.Writer, all []syntax) error {
	var out strings.Builder
	out.WriteString(`# bash completion of walletnode, written by "walletnode completion bash"
_walletnode() {
    local cur=${COMP_WORDS[COMP_CWORD]} at= value= subs= flags= files= word i IFS=$' \t\n'
    COMPREPLY=()
    [[ $cur == "=" ]] && cur=
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        [[ $word == "=" ]] && continue
        if [[ -n $value ]]; then
            value=
            continue
        fi
        case "$at|$word" in
`)
	steps(&out, all)
	out.WriteString("        esac\n    done\n    case \"$at\" in\n")
	for _, s := range all {
		fmt.Fprintf(&out, "    %q) subs=%q flags=%q files=%s ;;\n", s.path, names(s.subs), names(append(slices.Clone(s.flags), globals(all, s)...)), yes(s.files))
	}
	out.WriteString(`    esac
    if [[ $value == file || $value == directory || -z $value && -n $files && $cur != -* ]]; then
        local how=-f
        [[ $value == directory ]] && how=-d
        compopt -o filenames 2>/dev/null
        IFS=$'\n'
        COMPREPLY=($(compgen "$how" -- "$cur"))
    elif [[ -z $value && $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    elif [[ -z $value ]]; then
        COMPREPLY=($(compgen -W "$subs" -- "$cur"))
    fi
}
complete -F _walletnode walletnode
`)
	_, err := io.WriteString(w, out.String())
	return err
}

// globals returns the program's own flags where they are not listed already.
func globals(all []syntax, s syntax) []choice {
	if s.path == "" {
		return nil
	}
	return all[0].flags[:len(all[0].flags)-1] // all but --help
}

// yes is a shell's truth.
func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func writeZsh(w io.Writer, all []syntax) error {
	var out strings.Builder
	// "path" and "words" mean something else to zsh; the word under the cursor is PREFIX.
	out.WriteString(`#compdef walletnode
# zsh completion of walletnode, written by "walletnode completion zsh"
_walletnode() {
    local at= value= files= word
    local -a subs flags
    integer i
    for ((i = 2; i < CURRENT; i++)); do
        word=${words[i]}
        if [[ -n $value ]]; then
            value=
            continue
        fi
        case "$at|$word" in
`)
	steps(&out, all)
	out.WriteString("        esac\n    done\n    case $value in\n    file) _files; return ;;\n    directory) _files -/; return ;;\n    other) return ;;\n    esac\n    case \"$at\" in\n")
	for _, s := range all {
		fmt.Fprintf(&out, "    %q)\n        subs=(%s)\n        flags=(%s)\n        files=%s\n        ;;\n",
			s.path, described(s.subs), described(append(slices.Clone(s.flags), globals(all, s)...)), yes(s.files))
	}
	out.WriteString(`    esac
    if [[ $PREFIX == -* ]]; then
        _describe -o flag flags
    elif [[ -n $files ]]; then
        _files
    else
        _describe command subs
    fi
}
if [[ ${funcstack[1]} == _walletnode ]]; then
    _walletnode "$@"
else
    compdef _walletnode walletnode
fi
`)
	_, err := io.WriteString(w, out.String())
	return err
}

// described lists choices as 'name:what it is'.
func described(list []choice) string {
	var all []string
	for _, c := range list {
		for _, name := range c.names {
			all = append(all, "'"+strings.ReplaceAll(name+":"+c.about, "'", `'\''`)+"'")
		}
	}
	return strings.Join(all, " ")
}

func writeFish(w io.Writer, all []syntax) error {
	var out strings.Builder
	out.WriteString(`# fish completion of walletnode, written by "walletnode completion fish"
function __walletnode_at --description 'whether the words of the command so far are these, or with "in" begin with them'
    set -l at
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
`)
	fmt.Fprintf(&out, "            case %s\n", strings.Join(valued(all), " "))
	out.WriteString(`                set skip yes
            case '-*'
            case '*'
                set -a at $word
        end
    end
    test "$at" = "$argv[2]"; or test "$argv[1]" = in; and string match -q -- "$argv[2]*" "$at"
end
complete -c walletnode -f
`)
	for _, s := range all {
		for _, sub := range s.subs {
			for _, name := range sub.names {
				fmt.Fprintf(&out, "complete -c walletnode -n '__walletnode_at is \"%s\"' -a %s -d %s\n", s.path, name, fishQuote(sub.about))
			}
		}
		if s.files {
			fmt.Fprintf(&out, "complete -c walletnode -n '__walletnode_at in \"%s\"' -F\n", s.path)
		}
		for _, f := range s.flags {
			fmt.Fprintf(&out, "complete -c walletnode -n '__walletnode_at in \"%s\"'", s.path)
			for _, name := range f.names {
				if bare, long := strings.CutPrefix(name, "--"); long {
					out.WriteString(" -l " + bare)
				} else {
					out.WriteString(" -s " + strings.TrimPrefix(name, "-"))
				}
			}
			out.WriteString(map[string]string{"": "", valueOther: " -x", valueFile: " -rF", valueDirectory: " -xa '(__fish_complete_directories)'"}[f.value])
			fmt.Fprintf(&out, " -d %s\n", fishQuote(f.about))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// valued lists the flags of all commands that take a value.
func valued(all []syntax) []string {
	var list []string
	for _, s := range all {
		for _, f := range s.flags {
			if f.value != "" {
				list = append(list, f.names...)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
