// Package nn describes, trains and runs small networks on the processor's cores:
// convolutions, dense and recurrent layers, transformers, normalization, and any
// activation function of package isrlu.
//
// A [Network] is a description: a value in Go code, or a JSON file. [New] makes
// a [Model] of it, with weights, and a [Trainer] trains that:
//
//	network := nn.Network{
//		Input: nn.Shape{28, 28, 1},
//		Layers: nn.Sequential{
//			nn.Conv2D{Filters: 32, Kernel: nn.Square(3), Padding: nn.Same},
//			nn.Activation{Function: "isrlu"},
//			nn.MaxPool{Size: nn.Square(2)},
//			nn.Flatten{},
//			nn.Dense{Units: 10},
//		},
//	}
//	model, err := nn.New[float32](network, nn.Options{Batch: 100, Seed: 1})
//
// # Layout
//
// Images are height x width x channels, the channel last; a batch is one sample
// after the other. The weights of a convolution are kernel height x kernel width
// x input channels x filters, those of a dense layer inputs x units.
//
// Sequences are time steps x features. A network whose output has time steps makes
// a prediction at each. Tokens are numbers, which an [Embedding] turns into features.
// A [Stepper] runs a network one time step at a time.
//
// # Fusion and memory
//
// An activation that follows a convolution, a dense layer, a pooling, a batch
// normalization, a residual sum or a product runs in that layer's epilogue, on results that
// are still in the first-level cache; so does max-pooling that follows a
// convolution, and it runs before an activation that never falls. Where its derivative is a function of its output, as
// for ISRLU, ISRU, ReLU, ELU and tanh, it trains in place: what went into it is
// not kept. [Model.BytesKept] counts what a training step keeps. All memory is
// there after [New]: steps and predictions allocate none, but for learned
// functions.
//
// # Determinism
//
// Equal seeds give equal bits, on any number of threads: work is split by the
// shape of the work, and sums have a fixed order. Another SIMD level or
// architecture rounds elsewhere.
//
// Convolutions with windows of 3x3 run by Winograd's algorithms where these take
// fewer operations. Their errors are up to three times as large, a few 1e-7 of a
// typical result, and an infinite or NaN input spoils a tile of 4x4 outputs.
// [Options].Direct is without them.
//
// # Checkpoints
//
// [Model.Save] and [Trainer.Save] write one file in the safetensors format, which
// other programs read; [Load] and [Resume] read it. A training that is resumed
// goes on with the bits of one that never stopped. A file is replaced as a whole
// or not at all, and damage is found by a digest over all of its bytes.
//
// float32 trains; float64 is for checks, and runs in Go alone.
package nn
