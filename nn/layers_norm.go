package nn

// LayerNorm normalizes each time step, or pixel, to mean 0 and variance 1 over
// its C channels,
//
//	y = Scale (x - mean) / sqrt(variance + Epsilon) + Shift
//
// with a learned scale and shift for each channel (Ba, Kiros and Hinton 2016).
type LayerNorm struct {
	Epsilon float64 `json:"epsilon,omitempty"` // 1e-5 if zero
}

// RMSNorm divides each time step, or pixel, by the root of the mean square of its
// C channels,
//
//	y = Scale x / sqrt(mean(x^2) + Epsilon)
//
// with a learned scale for each channel (Zhang and Sennrich 2019).
type RMSNorm struct {
	Epsilon float64 `json:"epsilon,omitempty"` // 1e-6 if zero, as in LLaMA and T5
}

// DyT takes the place of a normalization without a sum over the channels,
//
//	y = Scale tanh(alpha x) + Shift
//
// with a learned scale and shift for each channel and one learned alpha (Zhu et
// al. 2025, dynamic tanh).
type DyT struct {
	Alpha float64 `json:"alpha,omitempty"` // the first value; 0.5 if zero
}

// DyISRU takes the place of a normalization without a sum over the channels,
//
//	y = Scale sqrt(C) x / sqrt(beta + x^2) + Shift
//
// with a learned scale and shift for each of C channels and one learned beta,
// which is kept at or above 0.001 (Stollenwerk 2025, dynamic inverse square root
// unit). RMSNorm is sqrt(C) x / sqrt(sum of squares): x^2 is the channel's own part
// of that sum, and beta stands for the others', which is C-1 where the mean square
// is 1. So beta begins at C, where the two nearly agree on such inputs.
type DyISRU struct {
	Beta float64 `json:"beta,omitempty"` // the first value; C if zero
}

// Norm is the normalization that Method names: "layer_norm", "rms_norm", "dyt" or
// "dyisru", with its defaults. If it is empty, it is the network's, and if that is
// empty too, "rms_norm".
type Norm struct {
	Method string `json:"method,omitempty"`
}

func (LayerNorm) kind() string { return "layer_norm" }
func (RMSNorm) kind() string   { return "rms_norm" }
func (DyT) kind() string       { return "dyt" }
func (DyISRU) kind() string    { return "dyisru" }
func (Norm) kind() string      { return "norm" }
