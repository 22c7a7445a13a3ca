package nn

import "fmt"

// transformerBlock appends the layers of a TransformerBlock, two residual ones,
// under its name.
func (b *builder[T]) transformerBlock(at int, l TransformerBlock, in *value[T]) (out *value[T], err error) {
	if err := sequence(in.shape); err != nil {
		return nil, err
	}
	features := in.shape[1]
	if l.Hidden == 0 {
		l.Hidden = 4 * features
	}
	if l.Hidden < 0 {
		return nil, fmt.Errorf("hidden must be at least 1, or 0 for 4 times the features, got %d", l.Hidden)
	}
	attention := Sequential{
		Norm{Method: l.Norm},
		Attention{Heads: l.Heads, Bidirectional: l.Bidirectional, NoBias: l.NoBias, Init: l.Init},
	}
	steps := Sequential{
		Norm{Method: l.Norm},
		Dense{Units: l.Hidden, NoBias: l.NoBias, Init: l.Init},
		Activation{Function: l.Activation},
		Dense{Units: features, NoBias: l.NoBias, Init: l.Init},
	}
	if l.Dropout != 0 {
		attention = append(attention, Dropout{Rate: l.Dropout})
		steps = append(steps, Dropout{Rate: l.Dropout})
	}
	err = b.nested(b.m.layers[at].Name+".", func() error {
		out, err = b.sequence(Sequential{Residual{Body: attention}, Residual{Body: steps}}, in)
		return err
	})
	return out, err
}
