package config

import (
	"fmt"
	"slices"
	"strings"
)

// Source tells which of the four places a value came from.
type Source int

// The sources, from the weakest to the strongest.
const (
	FromDefault Source = iota
	FromFile
	FromEnvironment
	FromFlag
)

// Origin is where a key was set.
type Origin struct {
	Source Source
	Name   string // the file's path, the variable, or the flag; empty for a default
	Line   int    // of the key in the file, from 1; 0 elsewhere
	Column int    // of the key in the file, from 1; 0 elsewhere
}

// String returns file:line:column, the variable's name, or the flag's name. It is empty for a default.
func (o Origin) String() string {
	if o.Source == FromFile {
		return fmt.Sprintf("%s:%d:%d", o.Name, o.Line, o.Column)
	}
	return o.Name
}

// Origin returns where a key ("ethereum.url") was set; the zero Origin if it has its default.
func (c Config) Origin(key string) Origin { return c.origins[key] }

// Complaint is one thing that is wrong with a configuration.
type Complaint struct {
	Origin Origin
	Key    string // empty if no key is to blame
	Why    string
}

// String returns "origin: key: why", without the parts that are not known.
func (c Complaint) String() string {
	text := c.Why
	if c.Key != "" {
		text = c.Key + ": " + text
	}
	if at := c.Origin.String(); at != "" {
		text = at + ": " + text
	}
	return text
}

// Complaints is everything that is wrong with a configuration, as one error. Its text has a line for each.
type Complaints []Complaint

// Error implements error.
func (cs Complaints) Error() string {
	lines := make([]string, len(cs))
	for i, c := range cs {
		lines[i] = c.String()
	}
	return strings.Join(lines, "\n")
}

// orNil returns the complaints as an error, nil if there are none.
func (cs Complaints) orNil() error {
	if len(cs) == 0 {
		return nil
	}
	return cs
}

// names reports whether one of the complaints is about the key.
func (cs Complaints) names(key string) bool {
	for _, c := range cs {
		if c.Key == key {
			return true
		}
	}
	return false
}

// sorted returns the complaints in the order of inOrder.
func (cs Complaints) sorted() Complaints {
	slices.SortStableFunc(cs, inOrder)
	return cs
}

// inOrder compares complaints by the place of their origin, as a reader meets them: the file from top to bottom,
// then variables, then flags, and last what was not set at all.
func inOrder(a, b Complaint) int {
	rank := func(o Origin) int {
		if o.Source == FromDefault {
			return int(FromFlag) + 1
		}
		return int(o.Source)
	}
	if d := rank(a.Origin) - rank(b.Origin); d != 0 {
		return d
	}
	if d := a.Origin.Line - b.Origin.Line; d != 0 {
		return d
	}
	return a.Origin.Column - b.Origin.Column
}
