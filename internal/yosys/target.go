// Package yosys has what modules are synthesized for, and the commands of the
// synthesizer Yosys for each. It is text: package eda runs them.
package yosys

import (
	"fmt"
	"slices"
	"strings"
)

// A Target is what a module is synthesized for.
type Target int

const (
	// Gates is static CMOS logic.
	Gates Target = iota
	// ICE40 is Lattice's iCE40, without block RAM and multipliers.
	ICE40
	// ECP5 is Lattice's ECP5, without block RAM and multipliers.
	ECP5
	// ECP5DSP is ECP5 with its 18 x 18 multipliers.
	ECP5DSP
	// Xilinx7 is AMD's 7 series, without block RAM and multipliers.
	Xilinx7
)

// Script returns the Yosys commands that map the module top to the target. They follow
// a read_verilog.
func (t Target) Script(top string) string { return fmt.Sprintf(t.commands(), top) }

// commands is Script with %s for the module.
func (t Target) commands() string {
	switch t {
	case Gates:
		return gatesScript
	case ICE40:
		return "synth_ice40 -nobram -top %s"
	case ECP5:
		return "synth_ecp5 -nobram -nodsp -top %s"
	case ECP5DSP:
		return "synth_ecp5 -nobram -top %s"
	case Xilinx7:
		return "synth_xilinx -family xc7 -flatten -nobram -nodsp -noiopad -noclkbuf -top %s"
	}
	panic(fmt.Sprintf("yosys: target %d", t))
}

// gatesScript maps the module %s to NAND, NOR and the other gates of static CMOS, and
// flip-flops without enable and reset. ABC restructures for depth first.
const gatesScript = `synth -flatten -noabc -top %s; dfflegalize -cell $_DFF_P_ x; opt -nodffe -nosdff; abc -g cmos -script "+strash;dch;map"; opt_clean`

// targets has the names of the targets, in their order.
var targets = [...]string{Gates: "gates", ICE40: "ice40", ECP5: "ecp5", ECP5DSP: "ecp5dsp", Xilinx7: "xilinx7"}

// TargetNames are those that ParseTarget takes.
func TargetNames() []string { return slices.Clone(targets[:]) }

// ParseTarget returns the target with that name.
func ParseTarget(name string) (Target, error) {
	for t, n := range targets {
		if n == name {
			return Target(t), nil
		}
	}
	return 0, fmt.Errorf("yosys: unknown target %q; known: %s", name, strings.Join(targets[:], ", "))
}

// String returns what ParseTarget takes.
func (t Target) String() string { return targets[t] }
