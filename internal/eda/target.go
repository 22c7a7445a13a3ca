package eda

import (
	"fmt"
	"strings"
)

// Targets has the names of the targets, in their order.
var targets = [...]string{Gates: "gates", ICE40: "ice40", ECP5: "ecp5", ECP5DSP: "ecp5dsp", Xilinx7: "xilinx7"}

// TargetNames are those that ParseTarget takes.
func TargetNames() []string { return targets[:] }

// ParseTarget returns the target with that name.
func ParseTarget(name string) (Target, error) {
	for t, n := range targets {
		if n == name {
			return Target(t), nil
		}
	}
	return 0, fmt.Errorf("eda: unknown target %q; known: %s", name, strings.Join(targets[:], ", "))
}

// String returns what ParseTarget takes.
func (t Target) String() string { return targets[t] }
