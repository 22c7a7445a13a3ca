package experiment

import (
	"errors"
	"fmt"
	"strings"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/hdl"
	"github.com/isrlu/isrlu/nn"
)

// A choice is what a contender of a comparison puts in the places that a network
// leaves open. Its specification is
//
//	activation[/gate][+norm]
//
// such as isru, isru/sigmoid or gelu+dyisru.
type choice struct{ activation, gate, norm string }

// parseChoice takes a specification apart. It does not check the parts.
func parseChoice(spec string) choice {
	var c choice
	c.activation = spec
	// A number may have a plus sign too, as in isrlu:1e+2.
	if i := strings.LastIndexByte(spec, '+'); i >= 0 && i+1 < len(spec) && (spec[i+1] < '0' || spec[i+1] > '9') {
		c.activation, c.norm = spec[:i], spec[i+1:]
	}
	c.activation, c.gate, _ = strings.Cut(c.activation, "/")
	return c
}

// in returns the network with the choice made.
func (c choice) in(n nn.Network) nn.Network {
	n.Activation = c.activation
	if c.gate != "" {
		n.Gate = c.gate
	}
	if c.norm != "" {
		n.Norm = c.norm
	}
	return n
}

// Choose returns the network with the functions and the normalization of a
// specification, as CheckActivation takes it.
func Choose(n nn.Network, spec string) nn.Network { return parseChoice(spec).in(n) }

// CheckActivation returns an error if spec is not what a contender of a comparison
// may be: an activation function, or a unit of hardware, as nn.Activation takes it; after a slash, if there
// is one, a function for the gates of recurrent layers; and after a plus sign, if
// there is one, a method of normalization.
func CheckActivation(spec string) error {
	if strings.HasSuffix(spec, "/") || strings.HasSuffix(spec, "+") {
		return errors.New("something is missing at the end; write a function, function/gate or function+norm")
	}
	c := parseChoice(spec)
	if err := c.checkUnits(); err != nil {
		return err
	}
	if !hdl.IsSpec(c.activation) {
		function, learn := nn.SplitLearn(c.activation)
		f, err := isrlu.Parse(function)
		if err != nil {
			return err
		}
		if learn != nn.Fixed && len(f.Params()) == 0 {
			return fmt.Errorf("%s has no parameter to learn", f.Name())
		}
	}
	if c.gate != "" {
		if _, err := isrlu.Parse(c.gate); err != nil {
			return fmt.Errorf("the gate: %w", err)
		}
	}
	return nil
}
