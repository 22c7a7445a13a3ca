package experiment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isrlu/isrlu/nn"
)

// builtins are the names of the built-in networks of each task.
var builtins = map[string][]string{
	ImagesTask:    {"mlp", "conv3", "conv4", "resnet8"},
	SeqDigitsTask: {"lstm", "gru"},
	CharsTask:     {"lstm", "gru", "transformer"},
}

// Builtins lists what Builtin takes for the task.
func (t Task) Builtins() []string { return builtins[t.Name] }

// The built-in networks of sequences.
const (
	digitUnits = 128 // of the recurrent layer that reads rows of images
	charWindow = 64
	charUnits  = 128 // of an embedding, and of the features of a transformer
	charStates = 256 // of the recurrent layer
	charHeads  = 4
)

// Builtin returns a built-in network for a task, with its functions and
// normalization left open. Images have 28x28 pixels in gray and ten classes.
//
//	images      mlp: dense 256, 128, 10
//	            conv3: convolutions 6x6x24, 5x5x48 and 4x4x64, the last two of stride
//	            2; dense 200, 10: network A of Carlile et al. (2017), whose widths are
//	            not published, in widths of ours
//	            conv4: 3x3 convolutions 32, 32, 64, 64 with max-pooling and dropout
//	            after each two; dense 256, 10: their network B, likewise
//	            resnet8: He et al. (2016), section 4.2, with n = 1: three residual
//	            blocks of 16, 32 and 64 channels, batch normalization, global average
//	            pooling
//	seq-digits  lstm, gru: a layer of 128 units that reads an image of 28x28 in gray
//	            row by row; dense 10 on its last state
//	chars       lstm, gru: windows of 64 characters; embedding 128, a layer of 256
//	            units, dense; transformer: embedding 128 with learned positions, two
//	            pre-norm blocks of 4 heads with 512 hidden units, a norm, dense
//
// The transformer's embeddings begin with standard deviation 1 and its positions with
// 0.3: what stands in for a normalization does not scale its input up, and learns
// slowly from the usual 0.02.
//
// Networks of characters have no number of characters yet: see ForClasses.
func Builtin(t Task, name string) (nn.Network, error) {
	if !slices.Contains(t.Builtins(), name) {
		return nn.Network{}, fmt.Errorf("experiment: the task %s has no built-in network %q; it has %s", t.Name, name, strings.Join(t.Builtins(), ", "))
	}
	if t.Name == ImagesTask {
		return imageNetwork(name), nil
	}
	layer := func(units int, last bool) nn.Layer {
		if name == "gru" {
			return nn.GRU{Units: units, Last: last}
		}
		return nn.LSTM{Units: units, Last: last}
	}
	n := nn.Network{Name: name, Init: nn.Glorot()}
	switch {
	case t.Name == SeqDigitsTask:
		n.Input = nn.Shape{28, 28}
		n.Layers = nn.Sequential{layer(digitUnits, true), nn.Dense{Units: 10}}
	case name == "transformer":
		n.Input = nn.Shape{charWindow}
		block := nn.TransformerBlock{Heads: charHeads}
		n.Layers = nn.Sequential{
			nn.Embedding{Units: charUnits, Init: nn.LeCun()}, nn.PositionEmbedding{Init: nn.TruncatedNormal(.3)},
			block, block, nn.Norm{}, nn.Dense{},
		}
	default:
		n.Input = nn.Shape{charWindow}
		n.Layers = nn.Sequential{nn.Embedding{Units: charUnits, Init: nn.LeCun()}, layer(charStates, false), nn.Dense{}}
	}
	return n, nil
}

// ForClasses returns a network that begins with an embedding with the number of
// characters in the places that leave it out: Tokens of the embedding, and Units of
// a dense layer at the end. Others it returns as they are.
func ForClasses(n nn.Network, characters int) nn.Network {
	if len(n.Layers) == 0 {
		return n
	}
	e, ok := n.Layers[0].(nn.Embedding)
	if !ok {
		return n
	}
	n.Layers = slices.Clone(n.Layers)
	if e.Tokens == 0 {
		e.Tokens = characters
	}
	n.Layers[0] = e
	last := len(n.Layers) - 1
	if d, ok := n.Layers[last].(nn.Dense); ok && d.Units == 0 {
		d.Units = characters
		n.Layers[last] = d
	}
	return n
}

// imageNetwork returns a built-in network for images.
func imageNetwork(name string) nn.Network {
	act := nn.Activation{}
	conv := func(filters, kernel, stride int) nn.Conv2D {
		c := nn.Conv2D{Filters: filters, Kernel: nn.Square(kernel), Padding: nn.Same}
		if stride != 1 {
			c.Stride = nn.Square(stride)
		}
		return c
	}
	n := nn.Network{Name: name, Input: nn.Shape{28, 28, 1}, Init: nn.TruncatedNormal(.1)}
	switch name {
	case "mlp":
		n.Layers = nn.Sequential{
			nn.Flatten{},
			nn.Dense{Units: 256}, act,
			nn.Dense{Units: 128}, act,
			nn.Dense{Units: 10},
		}
	case "conv3":
		n.Layers = nn.Sequential{
			conv(24, 6, 1), act,
			conv(48, 5, 2), act,
			conv(64, 4, 2), act,
			nn.Flatten{},
			nn.Dense{Units: 200}, act,
			nn.Dense{Units: 10},
		}
	case "conv4":
		n.Layers = nn.Sequential{
			conv(32, 3, 1), act,
			conv(32, 3, 1), act,
			nn.MaxPool{Size: nn.Square(2)}, nn.Dropout{Rate: .25},
			conv(64, 3, 1), act,
			conv(64, 3, 1), act,
			nn.MaxPool{Size: nn.Square(2)}, nn.Dropout{Rate: .25},
			nn.Flatten{},
			nn.Dense{Units: 256}, act,
			nn.Dense{Units: 10},
		}
	case "resnet8":
		n.Init = nn.He()
		norm := nn.BatchNorm{}
		bare := func(filters, kernel, stride int) nn.Conv2D {
			c := conv(filters, kernel, stride)
			c.NoBias = true // the normalization that follows has one
			return c
		}
		block := func(filters, stride int) nn.Residual {
			r := nn.Residual{Body: nn.Sequential{
				bare(filters, 3, stride), norm, act,
				bare(filters, 3, 1), norm,
			}}
			if stride != 1 {
				r.Shortcut = nn.Sequential{bare(filters, 1, stride), norm}
			}
			return r
		}
		n.Layers = nn.Sequential{
			bare(16, 3, 1), norm, act,
			block(16, 1), act,
			block(32, 2), act,
			block(64, 2), act,
			nn.GlobalAvgPool{},
			nn.Dense{Units: 10},
		}
	}
	return n
}
