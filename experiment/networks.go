package experiment

import (
	"fmt"
	"strings"

	"github.com/isrlu/isrlu/nn"
)

// BuiltinNames lists what Builtin takes.
var BuiltinNames = []string{"mlp", "conv3", "conv4"}

// Builtin returns a built-in network for images of 28x28 in gray and ten classes.
// Its activation layers name no function.
func Builtin(name string) (nn.Network, error) {
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
	default:
		return nn.Network{}, fmt.Errorf("experiment: unknown network %q; known: %s", name, strings.Join(BuiltinNames, ", "))
	}
	return n, nil
}
