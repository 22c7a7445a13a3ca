package circuit

import "slices"

// A PipelineCost is an estimate of what registers between the stages of a circuit take
// and leave.
type PipelineCost struct {
	RegisterBits  int     // with the registers of the output, without valid bits
	RegisterGates float64 // NAND2 equivalents, 4 a bit
	StageDepths   []int   // gates in a row in each stage
	Depth         int     // of the longest stage
}

// PipelineCost estimates a circuit with the given number of register ranks; what its
// logic takes is in Cost.
func (c *Circuit) PipelineCost(stages int) PipelineCost {
	p := c.lower().schedule(stages)
	bits := p.registerBits()
	d := p.delays()
	return PipelineCost{RegisterBits: bits, RegisterGates: 4 * float64(bits), StageDepths: d, Depth: slices.Max(d)}
}
