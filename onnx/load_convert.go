package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/nn"
)

// A step is a layer of the engine where the graph has it. Several inputs are joined
// by the layer: a sum, a product or a concatenation.
type step struct {
	node       *onnxpb.NodeProto
	layer      nn.Layer
	inputs     []*step
	joined     []*step // of a concatenation, where inputs has fewer in their place
	bindings   []binding
	activation *activation
	directions int // of a recurrent layer, 0 for others

	// Of the dominator tree.
	dominator *step
	depth     int
}

// A known is what the graph's values are to the engine: one of its tensors, a shape
// or index, or a constant.
type known struct {
	tensor *tensor
	ints   *ints
	weight *weight
	zeros  bool // of any shape
	// broken tells that the node which computes it is not supported.
	broken bool
}

// A converter turns a graph into steps.
type converter struct {
	m     *Model
	g     *graph
	opset int64
	atoms atoms
	known map[string]known
	root  *step

	input struct {
		name   string
		raw    *tensor // nil if it is no tensor of the engine's
		tokens bool
		elem   string // its type
		dims   []int  // in ONNX's order, the batch among them
		batch  int    // axis
		fixed  int    // samples that the graph is made for, 0 if open
	}
	output struct {
		name   string
		tensor *tensor
		end    string          // operator that ToONNX applies, such as Softmax
		axis   int             // of it
		names  map[string]bool // of the same value
	}
	acts    map[*onnxpb.NodeProto]*activation   // by their nodes
	norms   map[*onnxpb.NodeProto]*composedNorm // likewise
	scans   *scans
	concats []*step
	reader  *weightReader
	faults  []fault
	total   int // elements of all tensors of a sample
}

// errOpen is about a dimension that the file leaves open.
var errOpen = errors.New("is open in the model; give the shape of a sample (LoadOptions.Shape, or --shape)")

// convert finds the axis of the batch, which a file need not tell, and converts.
func (m *Model) convert(o LoadOptions) (*converter, error) {
	g := newGraph(m.proto.Graph)
	in, err := dataInput(m.proto.Graph, g)
	if err != nil {
		return nil, err
	}
	t := in.Type.GetTensorType()
	rank := len(t.GetShape().GetDim())
	if t.GetShape() == nil {
		if o.Shape == nil {
			return nil, fmt.Errorf("input %q has no shape; give that of a sample (LoadOptions.Shape, or --shape)", in.Name)
		}
		rank = len(o.Shape) + 1
	}
	if rank < 2 {
		return nil, fmt.Errorf("input %q has %d dimensions; the engine takes batches of features, sequences or images", in.Name, rank)
	}
	candidates := []int{0}
	if rank == 3 || rank == 2 && isInteger(t.GetElemType()) {
		candidates = append(candidates, 1)
		if dims := t.GetShape().GetDim(); dims != nil && dims[0].GetDimValue() > 0 && dims[1].GetDimValue() == 0 {
			candidates = []int{1, 0}
		}
	}
	var best error
	for _, axis := range candidates {
		c := &converter{m: m, g: g, opset: m.Opset(), known: map[string]known{}, root: &step{}, reader: newWeightReader(m)}
		err := c.run(in, axis, o)
		if err == nil {
			return c, nil
		}
		if best == nil || severity(err) < severity(best) {
			best = err
		}
	}
	return nil, best
}

// severity orders errors by how far the conversion came.
func severity(err error) int {
	if u, ok := errors.AsType[*unsupportedError](err); ok {
		return len(u.faults)
	}
	if errors.Is(err, errOpen) {
		return math.MaxInt
	}
	return math.MaxInt - 1
}

func (c *converter) run(in *onnxpb.ValueInfoProto, axis int, o LoadOptions) error {
	if err := c.chooseOutput(o.Output); err != nil {
		return err
	}
	if err := c.begin(in, axis, o); err != nil {
		return err
	}
	for _, t := range c.m.proto.Graph.Initializer {
		if t.Name != in.Name {
			c.known[t.Name] = c.constant(t)
		}
	}
	c.acts = map[*onnxpb.NodeProto]*activation{}
	for _, a := range c.m.activations(c.g) {
		for _, n := range a.nodes {
			c.acts[n] = a
		}
	}
	c.norms = c.composedNorms()
	c.scans = c.m.findScans(c.g)
	wanted := c.wanted()
	for _, n := range c.m.proto.Graph.Node {
		if wanted[n] {
			c.node(n)
		}
	}
	if len(c.faults) > 0 {
		return &unsupportedError{c.faults}
	}
	return c.finish()
}

// wanted returns the nodes that the output depends on.
func (c *converter) wanted() map[*onnxpb.NodeProto]bool {
	nodes := map[*onnxpb.NodeProto]bool{}
	names := []string{c.output.name}
	for len(names) > 0 {
		n := c.g.producer[names[len(names)-1]]
		names = names[:len(names)-1]
		if n != nil && !nodes[n] {
			nodes[n] = true
			names = append(names, reads(n)...)
		}
	}
	return nodes
}

// constant returns what a tensor is.
func (c *converter) constant(t *onnxpb.TensorProto) known {
	switch dataType(t) {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16:
		if w, err := weightOf(t); err == nil {
			return known{weight: w}
		}
	default:
		if v := c.intsOf(t); v != nil {
			return known{ints: v}
		}
	}
	return known{broken: true}
}

// fault records a node that is not supported.
func (c *converter) fault(n *onnxpb.NodeProto, format string, args ...any) {
	c.faults = append(c.faults, fault{n, fmt.Sprintf(format, args...)})
}

// node converts one node.
func (c *converter) node(n *onnxpb.NodeProto) {
	if s := c.scans.found[n]; s != nil {
		if n == s.last {
			c.scanned(s)
		}
		return
	}
	for _, name := range n.Output {
		if name != "" {
			c.known[name] = known{broken: true}
		}
	}
	if m := c.norms[n]; m != nil {
		if n == m.nodes[len(m.nodes)-1] && !c.brokenInput(m.x) {
			if err := c.normalize(n, m); err != nil {
				c.fault(n, "%s", err)
			}
		}
		return
	}
	if a := c.acts[n]; a != nil {
		if n == a.nodes[len(a.nodes)-1] && !c.brokenInput(a.input) {
			c.activate(n, a)
		}
		return
	}
	convert := operators[n.OpType]
	if reason := c.scans.refused[n]; reason != nil {
		c.fault(n, "the engine takes a Scan that Swap or Export has made of a recurrent layer, which this is not: %s", reason)
		return
	}
	if convert == nil || !isDefault(n.Domain) {
		c.fault(n, "the engine has no such operator")
		return
	}
	for _, name := range n.Input {
		if c.brokenInput(name) {
			return
		}
	}
	if err := convert(c, n); err != nil {
		c.fault(n, "%s", err)
	}
}

func (c *converter) brokenInput(name string) bool { return name != "" && c.known[name].broken }

// set makes a node's first output known.
func (c *converter) set(n *onnxpb.NodeProto, v known) {
	if len(n.Output) > 0 && n.Output[0] != "" {
		c.known[n.Output[0]] = v
	}
}

// data returns the tensor that a node reads.
func (c *converter) data(n *onnxpb.NodeProto, i int) (*tensor, error) {
	if d := c.known[input(n, i)].tensor; d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("its input %d is not computed from the model's input", i)
}

// weights returns the constant that a node reads, with so many dimensions.
func (c *converter) weights(n *onnxpb.NodeProto, i, rank int) (*weight, error) {
	w := c.known[input(n, i)].weight
	if w == nil {
		return nil, fmt.Errorf("its input %d is not a constant", i)
	}
	if len(w.dims) != rank {
		return nil, fmt.Errorf("its input %d has the shape %v, not %d dimensions", i, w.dims, rank)
	}
	return w, nil
}

// add appends a step with an output of other elements than its input has.
func (c *converter) add(s *step, groups, axes [][]int) (*tensor, error) {
	n := 1
	for _, g := range groups {
		for _, atom := range c.atoms.leaves(g) {
			if n > maxSample/c.atoms.size[atom] {
				return nil, fmt.Errorf("its output has more than %d elements", maxSample)
			}
			n *= c.atoms.size[atom]
		}
	}
	c.total += n
	c.place(s)
	return &tensor{step: s, layout: &layout{groups}, axes: axes}, nil
}

// apply appends a step that keeps the shape of its input.
func (c *converter) apply(d *tensor, s *step) *tensor {
	if d.layout.groups != nil {
		c.total += sizeOf(c.shape(d.layout))
	}
	s.inputs = []*step{d.step}
	c.place(s)
	out := *d
	out.step = s
	return &out
}

// flatten makes features of an image or sequence.
func (c *converter) flatten(n *onnxpb.NodeProto, d *tensor) *tensor {
	s := &step{node: n, layer: nn.Flatten{}, inputs: []*step{d.step}}
	c.place(s)
	return &tensor{step: s, layout: &layout{[][]int{slices.Concat(c.groups(d.layout)...)}}, axes: d.axes}
}
