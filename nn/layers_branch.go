package nn

// Residual is y = Body(x) + Shortcut(x); the shortcut is x itself if empty (He
// et al. 2016). The two must have the same shape.
type Residual struct {
	Body     Sequential `json:"body"`
	Shortcut Sequential `json:"shortcut,omitempty"`
}

// Product is y = Body(x) Gate(x), element by element; a part that is empty is x
// itself. The two must have the same shape, or the gate gives one number for each
// channel, which multiplies all pixels or time steps: so squeeze-and-excitation
// weighs channels (Hu et al. 2018), and gated linear units features (Dauphin et al.
// 2017).
type Product struct {
	Body Sequential `json:"body,omitempty"`
	Gate Sequential `json:"gate,omitempty"`
}

// Concat puts the channels of what its branches make of one input side by side, in
// their order (Szegedy et al. 2015, Inception; Huang et al. 2017, DenseNet). A
// branch that is empty is the input itself. All dimensions but the last must be the
// same.
type Concat struct {
	Branches []Sequential `json:"branches"` // at least 2
}

// Affine is y = Scale x + Shift, with learned numbers for each channel: the
// normalization of an input, or a scale that another program trained.
type Affine struct {
	NoScale bool `json:"no_scale,omitempty"`
	NoShift bool `json:"no_shift,omitempty"`
	// Frozen keeps the numbers from training.
	Frozen bool `json:"frozen,omitempty"`
}

func (Residual) kind() string { return "residual" }
func (Product) kind() string  { return "product" }
func (Concat) kind() string   { return "concat" }
func (Affine) kind() string   { return "affine" }
