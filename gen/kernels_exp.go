package main

// The functions built on the exponential. Their kernels use correctly rounded
// operations only, so that one serves the Exact and the Default precision.
// math32*.go and math64*.go hold the descriptions.
func init() {
	for _, f := range []struct {
		name                   string
		forward32, forward64   func(b *B, x V) V
		backward32, backward64 func(b *B, dy, x V) V
		output32, output64     func(b *B, dy, y V) V
		fast32                 func(b *B, x V) V
	}{
		// Parameters of ELU: alpha, -alpha.
		{"ELU", eluForward, elu64, eluBackward, eluBackward64, eluBackwardOut, eluBackwardOut, eluForwardFast},
		{"SELU", seluForward, selu64, seluBackward, seluBackward64, seluBackwardOut, seluBackwardOut, nil},
		{"Tanh", tanhForward, tanh64, tanhBackward, tanhBackward64, tanhBackwardOut, tanhBackwardOut, tanhForwardFast},
		{"Sigmoid", sigmoidForward, sigmoid64, sigmoidBackward, sigmoidBackward64, sigmoidBackwardOut, sigmoidBackwardOut, sigmoidForwardFast},
		{"Softplus", softplusForward, softplus64, softplusBackward, softplusBackward64, softplusBackwardOut, softplusBackwardOut64, nil},
		{"SiLU", siluForward, silu64, siluBackward, siluBackward64, nil, nil, siluForwardFast},
		{"GELU", geluForward, gelu64, geluBackward, geluBackward64, nil, nil, geluForwardFast},
		{"GELUTanh", geluTanhForward, geluTanh64, geluTanhBackward, geluTanhBackward64, nil, nil, nil},
	} {
		unroll, stream := 1, streamsAVX512
		switch f.name {
		case "ELU", "SELU":
			unroll = 2
		case "GELU":
			unroll, stream = 2, streamsNowhere
		case "Softplus", "GELUTanh":
			stream = streamsNowhere
		}
		unary(f.name, "Forward", "Exact", unroll, func(b *B, x V) V {
			if b.Is64() {
				return f.forward64(b, x)
			}
			return f.forward32(b, x)
		}).streams(stream)
		if f.fast32 != nil {
			unary(f.name, "Forward", "Fast", unroll, f.fast32).streams(stream).only32()
		}
		binary(f.name, "Backward", "Exact", 1, func(b *B, dy, x V) V {
			if b.Is64() {
				return f.backward64(b, dy, x)
			}
			return f.backward32(b, dy, x)
		})
		if f.output32 != nil {
			binary(f.name, "BackwardOutput", "Exact", 1, func(b *B, dy, y V) V {
				if b.Is64() {
					return f.output64(b, dy, y)
				}
				return f.output32(b, dy, y)
			})
		}
	}
	// d/dalpha = e^x - 1 for x < 0.
	binary("ELU", "ParamGrad0", "Exact", 1, func(b *B, dy, x V) V {
		var r V
		if b.Is64() {
			r = oneMinusExp64(b, x)
		} else {
			r = oneMinusExp(b, x, expm1C[:])
		}
		return b.Select(b.GE(x, b.Const(0)), b.Const(0), b.Mul(dy, b.Neg(r)))
	})
}
