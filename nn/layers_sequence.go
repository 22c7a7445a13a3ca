package nn

// Embedding turns tokens into features: its input is the numbers of a sample's
// tokens, whole and from 0 to less than Tokens, and its output their rows of a
// learned table, tokens x Units. It must be the first layer. Tables begin with the
// standard deviation 0.02 unless Init says otherwise.
type Embedding struct {
	Tokens int  `json:"tokens"` // of the vocabulary
	Units  int  `json:"units"`
	Init   Init `json:"init,omitzero"`
}

// PositionEmbedding adds a row of a learned table, time steps x features, to each
// time step of a sequence, so that attention can tell the steps apart (Radford et
// al. 2018). The time steps are those of the network's input; a Stepper takes no
// more of them. Tables begin with the standard deviation 0.02 unless Init says
// otherwise.
type PositionEmbedding struct {
	Init Init `json:"init,omitzero"`
}

// LSTM is a recurrent layer with long short-term memory (Hochreiter and
// Schmidhuber 1997; the forget gate is that of Gers et al. 2000). It reads a
// sequence, time steps x features, step by step from h = c = 0:
//
//	i, f, o = gate(x W + h U + b), each with columns of its own; g likewise, by activation
//	c = f c + i g
//	h = o activation(c)
//
// and puts out h at every step, time steps x Units. The columns of W, features x
// 4 Units, of U, Units x 4 Units, and of b are those of i, f, g and o.
//
// The recurrent layers take every function whose gradient follows from its output,
// with parameters that are not learned. ISRU is for tanh what the ISRU sigmoid with
// scale 1/2 is for the logistic function (Carlile et al. 2017, section 4).
type LSTM struct {
	Units int `json:"units"`
	// Activation is the function of the state, such as "tanh" or "isru"; that of the
	// network if it is empty.
	Activation string `json:"activation,omitempty"`
	// Gate is the function of the gates; that of the network if it is empty, and if
	// that is empty too, the one that suits the state: for isru with some alpha the
	// isru_sigmoid of the same alpha and scale 1/2, for all others sigmoid.
	Gate string `json:"gate,omitempty"`
	// Last puts out h of the last step alone.
	Last bool `json:"last,omitempty"`
	// Bidirectional adds a second layer that reads from the last step to the first;
	// an output has both, 2 Units features (Schuster and Paliwal 1997). With Last it
	// has the ends of both.
	Bidirectional bool `json:"bidirectional,omitempty"`
	// Truncate, if it is not 0, ends the gradient's way back through time after every
	// so many steps (Williams and Peng 1990). Values are not affected.
	Truncate int `json:"truncate,omitempty"`
	// ForgetBias is the first bias of the forget gate. If it is nil, the gate begins
	// as far open as a logistic gate of bias 1, at 0.73 (Jozefowicz et al. 2015),
	// which its own function decides.
	ForgetBias *float64 `json:"forget_bias,omitempty"`
	// Init draws W; if it and that of the network are empty, it is LeCun.
	Init Init `json:"init,omitzero"`
	// RecurrentInit draws U; if it is empty, it is LeCun.
	RecurrentInit Init `json:"recurrent_init,omitzero"`
}

// GRU is a recurrent layer of gated recurrent units (Cho et al. 2014), in the form
// that resets after the product, as cuDNN and PyTorch have it:
//
//	r, z = gate(x W + b + h U + d), each with columns of its own
//	n    = activation(x W + b + r (h U + d))
//	h    = (1 - z) n + z h
//
// The columns of W, features x 3 Units, U, Units x 3 Units, b and d are those of r, z
// and n. The members are those of LSTM.
type GRU struct {
	Units         int    `json:"units"`
	Activation    string `json:"activation,omitempty"`
	Gate          string `json:"gate,omitempty"`
	Last          bool   `json:"last,omitempty"`
	Bidirectional bool   `json:"bidirectional,omitempty"`
	Truncate      int    `json:"truncate,omitempty"`
	Init          Init   `json:"init,omitzero"`
	RecurrentInit Init   `json:"recurrent_init,omitzero"`
}

// RNN is the plain recurrent layer (Elman 1990),
//
//	h = activation(x W + h U + b)
//
// with members as those of LSTM.
type RNN struct {
	Units         int    `json:"units"`
	Activation    string `json:"activation,omitempty"`
	Last          bool   `json:"last,omitempty"`
	Bidirectional bool   `json:"bidirectional,omitempty"`
	Truncate      int    `json:"truncate,omitempty"`
	Init          Init   `json:"init,omitzero"`
	RecurrentInit Init   `json:"recurrent_init,omitzero"`
}

// Attention is self-attention with several heads (Vaswani et al. 2017): each time
// step of a sequence takes a mean of all steps' values, weighted by how well their
// keys fit its query. With D features, and d = D/Heads of them for each head,
//
//	[Q K V] = x W + b
//	head    = softmax(Q K^T / sqrt(d)) V, of its d columns of Q, K and V
//	y       = [heads] Wo + bo
//
// where W (weight) is D x 3D and Wo (output_weight) D x D. The output has the shape
// of the input. A time step attends to itself and to those before it, unless
// Bidirectional lets it see those after it too. The work grows with the square of
// the time steps, and so does what training keeps: the weights of the means, for
// each head.
//
// An infinite or NaN step may spoil up to 63 steps before it, as the products are
// computed in blocks of 64 steps, where the weights of later ones are 0.
type Attention struct {
	Heads         int  `json:"heads"` // a divisor of D
	Bidirectional bool `json:"bidirectional,omitempty"`
	NoBias        bool `json:"no_bias,omitempty"`
	// Init draws the weights; if it and that of the network are empty, it is LeCun,
	// since no rectifier follows.
	Init Init `json:"init,omitzero"`
}

// TransformerBlock is a block of a transformer, which normalizes before each of its
// two parts (Vaswani et al. 2017; Xiong et al. 2020),
//
//	h = x + Dropout(Attention(Norm(x)))
//	y = h + Dropout(Dense(Activation(Dense(Norm(h)))))
//
// over a sequence, time steps x features, whose shape it keeps. A Norm layer should
// follow the last block.
type TransformerBlock struct {
	Heads         int  `json:"heads"`                   // of Attention
	Bidirectional bool `json:"bidirectional,omitempty"` // likewise
	// Hidden is the number of units of the inner dense layer; 4 times the features
	// if zero.
	Hidden int `json:"hidden,omitempty"`
	// Norm is the Method of the Norm layers; that of the network if empty.
	Norm string `json:"norm,omitempty"`
	// Activation is the Function of the activation layer; that of the network if
	// empty.
	Activation string  `json:"activation,omitempty"`
	Dropout    float64 `json:"dropout,omitempty"` // its Rate
	// NoBias and Init are for Attention and both dense layers.
	NoBias bool `json:"no_bias,omitempty"`
	Init   Init `json:"init,omitzero"`
}

func (Embedding) kind() string         { return "embedding" }
func (LSTM) kind() string              { return "lstm" }
func (GRU) kind() string               { return "gru" }
func (RNN) kind() string               { return "rnn" }
func (Attention) kind() string         { return "attention" }
func (PositionEmbedding) kind() string { return "position_embedding" }
func (TransformerBlock) kind() string  { return "transformer_block" }
