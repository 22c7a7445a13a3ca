package experiment

import (
	"fmt"
	"strings"

	"github.com/isrlu/isrlu/nn"
)

// BuiltinNames lists what Builtin takes.
var BuiltinNames = []string{"mlp", "conv3", "conv4", "resnet8"}

// Builtin returns a built-in network for images of 28x28 in gray and ten classes.
// Its activation layers name no function.
//
//	mlp      dense 256, 128, 10
//	conv3    convolutions 6x6x24, 5x5x48 and 4x4x64, the last two of stride 2;
//	         dense 200, 10: network A of Carlile et al. (2017), whose widths are not
//	         published, in widths of ours
//	conv4    3x3 convolutions 32, 32, 64, 64 with max-pooling and dropout after
//	         each two; dense 256, 10: their network B, likewise
//	resnet8  He et al. (2016), section 4.2, with n = 1: three residual blocks of
//	         16, 32 and 64 channels, batch normalization, global average pooling
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
	default:
		return nn.Network{}, fmt.Errorf("experiment: unknown network %q; known: %s", name, strings.Join(BuiltinNames, ", "))
	}
	return n, nil
}
