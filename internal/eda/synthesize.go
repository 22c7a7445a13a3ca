package eda

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/isrlu/isrlu/internal/yosys"
)

// An Area is the size of a module after synthesis. The fields that a target lacks are
// zero.
type Area struct {
	Gates     float64 // NAND2 equivalents: transistors / 4, with flip-flops
	Depth     int     // the most cells in a row between registers and ports
	LUTs      int     // of 4 inputs, or of up to 6 for Xilinx7
	Carries   int     // SB_CARRY, CCU2C or CARRY4
	FlipFlops int
	DSPs      int
	Cells     map[string]int // all, by Yosys's names
}

// Synthesize maps a module to a target with Yosys.
func Synthesize(ctx context.Context, verilog, top string, target yosys.Target) (Area, error) {
	if err := checkName(top); err != nil {
		return Area{}, err
	}
	t, err := start(ctx, "yosys", map[string]string{"unit.v": verilog})
	if err != nil {
		return Area{}, err
	}
	defer t.end()
	script := "read_verilog unit.v; " + target.Script(top) +
		"; tee -q -o stat.json stat -json; tee -q -o depth.txt ltp -noff"
	if _, err := t.run("yosys", "-q", "-p", script); err != nil {
		return Area{}, err
	}
	stat, err := t.read("stat.json")
	if err != nil {
		return Area{}, err
	}
	depth, err := t.read("depth.txt")
	if err != nil {
		return Area{}, err
	}
	return parseArea(stat, depth)
}

var length = regexp.MustCompile(`\(length=(\d+)\)`)

// parseArea reads what Yosys's commands stat -json and ltp printed.
func parseArea(stat, depth string) (Area, error) {
	var s struct {
		Design struct {
			Cells map[string]int `json:"num_cells_by_type"`
		} `json:"design"`
	}
	if i := strings.IndexByte(stat, '{'); i > 0 {
		stat = stat[i:] // a line of the log
	}
	if err := json.NewDecoder(strings.NewReader(stat)).Decode(&s); err != nil {
		return Area{}, fmt.Errorf("eda: yosys stat: %w", err)
	}
	a := Area{Cells: s.Design.Cells}
	for cell, n := range a.Cells {
		switch t := transistors(cell); {
		case t > 0:
			a.Gates += float64(n*t) / 4
			if strings.HasPrefix(cell, "$_DFF") {
				a.FlipFlops += n
			}
		case strings.HasPrefix(cell, "LUT"), cell == "SB_LUT4", cell == "INV":
			a.LUTs += n
		case cell == "SB_CARRY", cell == "CCU2C", cell == "CARRY4":
			a.Carries += n
		case strings.HasPrefix(cell, "SB_DFF"), cell == "TRELLIS_FF", strings.HasPrefix(cell, "FD"):
			a.FlipFlops += n
		case cell == "MULT18X18D":
			a.DSPs += n
		case strings.HasPrefix(cell, "$_"):
			return a, fmt.Errorf("eda: yosys left the cell %s", cell)
		}
	}
	if m := length.FindStringSubmatch(depth); m != nil {
		a.Depth, _ = strconv.Atoi(m[1])
	}
	return a, nil
}

// transistors returns how many a gate has in static CMOS, as Yosys counts, or 0.
func transistors(cell string) int {
	switch cell {
	case "$_NOT_":
		return 2
	case "$_NAND_", "$_NOR_":
		return 4
	case "$_AOI3_", "$_OAI3_":
		return 6
	case "$_AOI4_", "$_OAI4_":
		return 8
	case "$_NMUX_":
		return 10
	case "$_MUX_", "$_XOR_", "$_XNOR_":
		return 12
	case "$_DFF_P_", "$_DFF_N_":
		return 16
	}
	return 0
}
