package hdl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isrlu/isrlu/internal/circuit"
)

// A Handshake is how a unit's module tells which of its clock cycles carry data.
type Handshake int

// The handshakes.
const (
	// NoHandshake: every cycle does.
	NoHandshake = Handshake(circuit.NoHandshake)
	// Valid: those with in_valid, and as many cycles later those with out_valid.
	Valid = Handshake(circuit.Valid)
	// ValidReady: those in which valid and ready are both 1, as AXI4-Stream has it.
	ValidReady = Handshake(circuit.ValidReady)
)

var handshakes = []string{NoHandshake: "none", Valid: "valid", ValidReady: "ready"}

// HandshakeNames are those that [ParseHandshake] takes.
func HandshakeNames() []string { return slices.Clone(handshakes) }

// ParseHandshake returns the handshake with that name: "none", "valid" or "ready".
func ParseHandshake(name string) (Handshake, error) {
	if i := slices.Index(handshakes, name); i >= 0 {
		return Handshake(i), nil
	}
	return 0, fmt.Errorf("hdl: unknown handshake %q; known: %s", name, strings.Join(handshakes, ", "))
}

// String returns what [ParseHandshake] takes.
func (h Handshake) String() string { return handshakes[h] }

// MaxStages is the most register ranks that a unit is cut by.
const MaxStages = 32

// DefaultVectors is how many random inputs there are among the golden vectors of formats of
// more than 16 bits.
const DefaultVectors = 10_000

// An Implementation says how a unit is written as Verilog. The zero value stands for
// combinational logic.
type Implementation struct {
	// Stages is the number of register ranks between x and y, from 0 to [MaxStages]: the
	// latency in clock cycles.
	Stages    int
	Handshake Handshake
	// Vectors is the number of random inputs among the golden vectors, beside [Corners].
	// 0 stands for all inputs in formats of at most 16 bits, and for [DefaultVectors] in
	// others.
	Vectors int
	// Error, if it is of more inputs than [Unit.Error], is what the header tells of the
	// error: what [Unit.Verify] measured.
	Error Error
}

// maxVectors keeps files of vectors below about 20 MB.
const maxVectors = 1 << 20

// Check returns an error that names the value that is wrong.
func (im Implementation) Check() error {
	if im.Stages < 0 || im.Stages > MaxStages {
		return fmt.Errorf("hdl: the stages must be from 0 to %d, got %d", MaxStages, im.Stages)
	}
	if im.Handshake < 0 || int(im.Handshake) >= len(handshakes) {
		return fmt.Errorf("hdl: unknown handshake %d", im.Handshake)
	}
	if im.Vectors < 0 || im.Vectors > maxVectors {
		return fmt.Errorf("hdl: the vectors must be from 0 to %d, got %d", maxVectors, im.Vectors)
	}
	return nil
}

// module returns what the module looks like from outside.
func (u *Unit) module(im Implementation) circuit.Module {
	return circuit.Module{
		Name: u.Name(), Stages: im.Stages, Handshake: circuit.Handshake(im.Handshake),
		InWidth: u.format.Bits(), OutWidth: u.format.Bits(),
	}
}

// vectors returns the inputs of the golden vectors, as the circuit takes them, and
// what they are in words.
func (u *Unit) vectors(im Implementation) (inputs []int64, what string) {
	var list []uint64
	if im.Vectors == 0 && u.format.Bits() <= exhaustiveBits {
		for b := range uint64(1) << u.format.Bits() {
			list = append(list, b)
		}
		what = "all inputs"
	} else {
		n := im.Vectors
		if n == 0 {
			n = DefaultVectors
		}
		list = append(Corners(u.format), Sample(u.format, n, 3)...)
		what = fmt.Sprintf("corner cases and %d random inputs", n)
	}
	for _, b := range list {
		inputs = append(inputs, u.format.wire(b))
	}
	return inputs, what
}

// command returns the command line that writes the same files.
func (u *Unit) command(im Implementation) string {
	f := u.function
	args := []string{"isrlu hdl generate --function", f.spec}
	if f.derivative {
		args = append(args, "--derivative")
	}
	args = append(args, "--format", u.format.String(), "--error", fmt.Sprint(u.bound), "--family", u.Family(),
		"--stages", fmt.Sprint(im.Stages), "--handshake", im.Handshake.String())
	if im.Vectors > 0 {
		args = append(args, "--vectors", fmt.Sprint(im.Vectors))
	}
	return strings.Join(args, " ")
}

// A Pipeline is an estimate of what a unit takes with its registers.
type Pipeline struct {
	// RegisterBits are those of the data and, with a handshake, of the valid bits.
	RegisterBits int
	// Gates is the area of logic and registers, in NAND2 equivalents.
	Gates float64
	// Depth is the number of levels of gates of the longest stage.
	Depth float64
}

// Pipeline estimates what the unit takes with its registers.
func (u *Unit) Pipeline(im Implementation) Pipeline {
	c := u.design.circuit.PipelineCost(im.Stages)
	p := Pipeline{c.RegisterBits, u.Cost().Gates + c.RegisterGates, float64(c.Depth)}
	if im.Handshake != NoHandshake {
		p.RegisterBits += im.Stages
		p.Gates += float64(im.Stages) * c.RegisterGates / float64(max(1, c.RegisterBits))
	}
	return p
}

// StagesFor returns the least number of stages, 1 or more, none of which is longer than
// so many levels of gates by the estimate. If there is none, the error says how many
// levels are possible.
func (u *Unit) StagesFor(levels int) (int, error) {
	depth := 0.0
	for s := 1; s <= MaxStages; s++ {
		if depth = u.Pipeline(Implementation{Stages: s}).Depth; depth <= float64(levels) {
			return s, nil
		}
	}
	return 0, fmt.Errorf("hdl: %s cannot be cut into stages of at most %d levels of gates; %v are possible, with %d stages",
		u.Name(), levels, depth, MaxStages)
}
